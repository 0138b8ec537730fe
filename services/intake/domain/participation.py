"""One survivor in one case: who helps, what was explained, what they need, what they decided.

Staff can write down what a survivor said, but a yes in their hand opens nothing until
the survivor, or a second trained person, confirms it (R71). A no acts when recorded,
from every state, and is never refused for want of a notice, a reason or an open case.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from eventsourcing.domain import event

from services.intake.domain.options import NOTHING_NOW, Option, real_choices
from services.intake.domain.refusals import (
    AdvocateAlreadyThere,
    AdvocateNotAsked,
    BeyondRecall,
    DeclinedBefore,
    ErasureUnderWay,
    NotAsAssigned,
    NothingToConfirm,
    NoticeOfAnotherBase,
    NotOffered,
    OfferedBefore,
    OnlyTheSurvivor,
    TooFewOptions,
    UnknownDecision,
)
from shared.accompaniment.company import Assignment, Company
from shared.accompaniment.confirming import confirmed_by
from shared.accompaniment.refusals import CaseAtRest, NoticeNotGiven, SecondPersonNeeded
from shared.contracts.decision import Decision, RecordedBy
from shared.eventstore.aggregate import Aggregate
from shared.sealing.sealed import Sealed


@dataclass(frozen=True, slots=True)
class Yes:
    """A yes that staff wrote down, waiting."""

    kind: str
    decision: Decision
    option: Option | None = None
    offer_id: UUID | None = None
    record_classes: tuple[str, ...] = ()


class Participation(Aggregate):
    """The survivor's side of a case."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class ParticipationBegun(Aggregate.Created):
        participation_id: UUID
        case_id: UUID
        role: str
        language: str

    class AdvocateRequested(Aggregate.Event):
        base: str
        decision: Decision

    class AdvocateRequestWithdrawn(Aggregate.Event):
        decision: Decision

    class AdvocateAssigned(Aggregate.Event):
        advocate_id: UUID
        base: str
        agency_id: UUID
        assigned_by: RecordedBy

    class AdvocateAssignmentEnded(Aggregate.Event):
        advocate_id: UUID
        decision: Decision

    class ConfidentialityNoticeGiven(Aggregate.Event):
        base: str
        notice_version: str
        decision: Decision

    class NeedStated(Aggregate.Event):
        need_id: UUID
        words: Sealed
        decision: Decision

    class OptionOffered(Aggregate.Event):
        offer_id: UUID
        option: str
        programme_type: str
        decision: Decision

    class ChoiceRecorded(Aggregate.Event):
        decision_id: UUID
        option: str
        programme_type: str
        offer_id: UUID | None
        decision: Decision

    class OptionChosen(Aggregate.Event):
        decision_id: UUID
        option: str
        programme_type: str
        offer_id: UUID | None
        unprompted: bool
        decision: Decision

    class OptionDeclined(Aggregate.Event):
        decision_id: UUID
        option: str
        programme_type: str
        offer_id: UUID | None
        decision: Decision

    class DecisionConfirmed(Aggregate.Event):
        decision_id: UUID
        decision: Decision

    class DecisionDenied(Aggregate.Event):
        decision_id: UUID
        decision: Decision

    class DecisionLapsed(Aggregate.Event):
        decision_id: UUID
        because: str

    class ContactMade(Aggregate.Event):
        decision: Decision

    class InvolvementChanged(Aggregate.Event):
        involvement: str
        decision: Decision

    class ErasureRecorded(Aggregate.Event):
        erasure_id: UUID
        record_classes: list[str]
        decision: Decision

    class ErasureRequested(Aggregate.Event):
        erasure_id: UUID
        record_classes: list[str]
        decision: Decision

    class NeedsErased(Aggregate.Event):
        erasure_id: UUID
        need_ids: list[UUID]

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """The id that the edge drew."""
        return participation_id

    @event(ParticipationBegun)
    def __init__(self, participation_id: UUID, case_id: UUID, role: str, language: str) -> None:
        self.case_id = case_id
        self.requested_base: str | None = None
        self.company = Company()
        self.involvement = "active"
        self.offers: dict[UUID, dict[str, str]] = {}
        self.chosen: dict[str, UUID] = {}
        self.declined: dict[str, UUID] = {}
        self.not_to_offer: set[str] = set()
        self.unanswered: set[str] = set()
        self.not_to_repeat: set[str] = set()
        self.needs: set[UUID] = set()
        self.erased: set[UUID] = set()
        self.waiting: dict[UUID, Yes] = {}
        self.in_effect: dict[UUID, Yes] = {}
        self.over: set[UUID] = set()

    # -- who helps, and what was explained ----------------------------------------------------

    @property
    def advocate_id(self) -> UUID | None:
        """The advocate whom the survivor has now; one at a time."""
        return next(iter(self.company.assignments), None)

    def must_be_as_assigned(self, by: RecordedBy) -> None:
        """The assigned advocate acts as whom they were assigned, or not at all (R21, R22)."""
        if by.is_staff and self.company.is_in_disguise(by):
            raise NotAsAssigned()

    def request_advocate(self, base: str, decision: Decision) -> None:
        """Ask for an advocate of this base; asking again for another base replaces it (R21)."""
        if decision.recorded_by.is_staff:
            raise OnlyTheSurvivor()
        self._not_at_rest()
        if self.advocate_id is not None:
            raise AdvocateAlreadyThere()
        if self.requested_base != base:
            self._request_advocate(base=base, decision=decision)

    def assign_advocate(
        self, advocate_id: UUID, base: str, agency_id: UUID, assigned_by: RecordedBy
    ) -> None:
        """Assign whom the survivor asked for, of the base they asked for (R21)."""
        if self.company.assignments.get(advocate_id) == Assignment(base, agency_id):
            return
        # R21: one refusal, so that nobody learns whom the survivor has, or whether they rest.
        if self.requested_base != base or self.involvement != "active":
            raise AdvocateNotAsked()
        self._assign_advocate(
            advocate_id=advocate_id, base=base, agency_id=agency_id, assigned_by=assigned_by
        )

    def end_assignment(self, decision: Decision) -> None:
        """Let the advocate go, or take back the request for one; never refused (R09)."""
        if self.requested_base is not None:  # R09
            self._withdraw_request(decision=decision)
        if self.advocate_id is not None:
            self._end_assignment(advocate_id=self.advocate_id, decision=decision)

    def give_notice(self, base: str, notice_version: str, decision: Decision) -> None:
        """Remember which notice was given, before any content (R21, R22)."""
        self._not_at_rest()
        if base != self.company.base:  # R21
            raise NoticeOfAnotherBase()
        latest = (self.company.latest_base, self.company.latest_notice)
        if latest != (base, notice_version):
            self._give_notice(base=base, notice_version=notice_version, decision=decision)

    # -- needs and options --------------------------------------------------------------------

    def state_need(
        self,
        need_id: UUID,
        words: Sealed,
        decision: Decision,
        carried_out: Collection[UUID] = (),
    ) -> None:
        """Keep a need in the survivor's own words, sealed (R37).

        ``carried_out`` are the erasures that are completed: while another goes on, words
        could be closed under a key that is destroyed, or about to be.
        """
        self._may_write()
        if set(self.erasures_of("needs")) - set(carried_out):
            raise ErasureUnderWay()
        self._state_need(need_id=need_id, words=words, decision=decision)

    def offer_options(
        self, offer_id: UUID, options: tuple[Option, ...], decision: Decision
    ) -> None:
        """Offer several real options, none declined and none still unanswered (R38, R11)."""
        self._may_write()
        if len(real_choices(options)) < 2:  # R38
            raise TooFewOptions()
        if real_choices(options) & self.not_to_offer:  # R11
            raise DeclinedBefore()
        if real_choices(options) & self.not_to_repeat:  # R11
            raise OfferedBefore()
        for option in dict.fromkeys(options):
            self._offer_option(
                offer_id=offer_id,
                option=option.key,
                programme_type=option.programme_type,
                decision=decision,
            )

    def choose_option(
        self, decision_id: UUID, option: Option, offer_id: UUID | None, decision: Decision
    ) -> UUID:
        """Choose; the id under which the choice stands (an earlier one, if this is a repeat).

        The survivor's own choice is in effect; one that staff recorded waits (R71), but
        for "nothing now", which is a no.
        """
        standing = self._standing(option, offer_id, decision)
        if standing is not None:
            return standing
        self._may_write()
        self._is_offered(option, offer_id)
        if decision.told_by_staff and option.programme_type in self.not_to_offer:  # R11
            raise DeclinedBefore()
        if decision.told_by_staff and option.programme_type != NOTHING_NOW:  # R71
            self._record_choice(
                decision_id=decision_id,
                option=option.key,
                programme_type=option.programme_type,
                offer_id=offer_id,
                decision=decision,
            )
            return decision_id
        self._lapse(self._waiting_for(option.programme_type), "decided_by_the_survivor")
        if option.programme_type == NOTHING_NOW:
            self._lapse(self._choices_waiting(), "nothing_now")
        self._take_effect(decision_id, Yes("option", decision, option, offer_id))
        return decision_id

    def decline_option(
        self, decision_id: UUID, option: Option, offer_id: UUID | None, decision: Decision
    ) -> UUID:
        """Decline; the id of the no. Needs no reason, no notice and no open case (R09, R48)."""
        declined = self.declined.get(option.key)
        still_no = option.programme_type in (NOTHING_NOW, *self.not_to_offer)
        if declined is not None and still_no and not self._waiting_for(option.programme_type):
            return declined
        self._is_offered(option, offer_id)
        self._lapse(self._waiting_for(option.programme_type), "declined")  # R71
        self._decline_option(
            decision_id=decision_id,
            option=option.key,
            programme_type=option.programme_type,
            offer_id=offer_id,
            decision=decision,
        )
        return decision_id

    def make_contact(self, decision: Decision) -> None:
        """Come by themself; only then may what they declined or left open be shown again (R11)."""
        if decision.recorded_by.is_staff:  # R11
            raise OnlyTheSurvivor()
        self._make_contact(decision=decision)

    # -- yes and no ---------------------------------------------------------------------------

    def confirm_decision(self, decision_id: UUID, decision: Decision, *, trained: bool) -> None:
        """Confirm a yes that staff recorded; only now it takes effect (R71).

        The second person is trained, of the assigned advocate's agency, and of a base whose
        notice the survivor was given: nobody else's staff learn of the yes (R21, R22).
        """
        self.must_come_to_hear(decision.recorded_by)  # R71: before anything is said of the yes
        if decision_id in self.in_effect:
            return
        if decision_id in self.over:
            raise NothingToConfirm()
        yes = self._known(self.waiting, decision_id)
        confirmed_by(yes.decision.recorded_by, decision, trained=trained)  # R71
        if yes.kind == "option":
            self._not_at_rest()
        self._confirm_decision(decision_id=decision_id, decision=decision)
        self._take_effect(decision_id, yes)

    def must_come_to_hear(self, by: RecordedBy) -> None:
        """Refuses staff who cannot be the second person, alike whatever there is (R21, R22)."""
        if not by.is_staff:
            return
        self.must_be_as_assigned(by)
        if not (self.company.is_colleague(by) and self.company.was_told_of(by.base)):  # R21 R22
            raise SecondPersonNeeded()

    def deny_decision(self, decision_id: UUID, decision: Decision) -> None:
        """Say that a recorded yes was never said: it is over at once, confirmed or not (R71)."""
        if decision_id in self.over:
            return
        yes = self._known({**self.in_effect, **self.waiting}, decision_id)
        if yes.kind == "erasure" and decision_id in self.in_effect:
            raise BeyondRecall()
        self._deny_decision(decision_id=decision_id, decision=decision)

    def request_erasure(
        self, erasure_id: UUID, record_classes: Iterable[str], decision: Decision
    ) -> UUID:
        """Have record classes destroyed for good; recorded by staff it waits (R71)."""
        classes = list(dict.fromkeys(record_classes))
        if decision.told_by_staff:  # R71
            return self._let_erasure_wait(erasure_id, classes, decision)
        self._lapse(self._erasures_waiting(classes), "decided_by_the_survivor")
        self._erase(erasure_id, classes, decision)
        return erasure_id

    def _let_erasure_wait(self, erasure_id: UUID, classes: list[str], decision: Decision) -> UUID:
        for waiting in self._erasures_waiting(classes):
            if self.waiting[waiting].decision.recorded_by == decision.recorded_by:
                return waiting
        self._record_erasure(erasure_id=erasure_id, record_classes=classes, decision=decision)
        return erasure_id

    def erasures_of(self, record_class: str) -> list[UUID]:
        """The erasures of this class that are in effect, carried out or not yet."""
        return [i for i, yes in self.in_effect.items() if record_class in yes.record_classes]

    def is_erased(self, need_id: UUID) -> bool:
        """Whether an erasure took effect since this was stated, even if its key is there."""
        return need_id in self.erased

    # -- rest ---------------------------------------------------------------------------------

    def step_back(self, involvement: str, decision: Decision) -> None:
        """Pause or close; a choice still waiting lapses with a close (R09, R12)."""
        if self.involvement in (involvement, "closed"):
            return
        if involvement == "closed":  # R09
            self._lapse(self._choices_waiting(), "case_closed")
        self._change_involvement(involvement=involvement, decision=decision)

    def step_in(self, decision: Decision) -> None:
        """Come back, by their own word alone (R12)."""
        if decision.recorded_by.is_staff:  # R12
            raise OnlyTheSurvivor()
        if self.involvement != "active":
            self._change_involvement(involvement="active", decision=decision)

    # -- what decisions lean on ---------------------------------------------------------------

    def _may_write(self) -> None:
        self._not_at_rest()
        if not self.company.is_told:  # R21 R22
            raise NoticeNotGiven()

    def _not_at_rest(self) -> None:
        if self.involvement != "active":
            raise CaseAtRest()

    def _is_offered(self, option: Option, offer_id: UUID | None) -> None:
        if offer_id is None:
            return
        offered = self.offers.get(offer_id)
        # "Nothing now" answers every offer, whether or not somebody wrote it on the list.
        if offered is None or (option.key not in offered and option.key != NOTHING_NOW):
            raise NotOffered()

    def _standing(self, option: Option, offer_id: UUID | None, decision: Decision) -> UUID | None:
        chosen = self.chosen.get(option.key)
        if chosen is not None and not (option.key == NOTHING_NOW and self._leaves_open(offer_id)):
            return chosen
        for decision_id in self._waiting_for(option.programme_type):
            yes = self.waiting[decision_id]
            if yes.option == option and yes.decision.recorded_by == decision.recorded_by:
                return decision_id
        return None

    def _answered_by_nothing_now(self, offer_id: UUID | None) -> set[str]:
        """Which types "nothing now" is a no to: its offer's, or those of every open offer."""
        if offer_id is None:
            return set(self.unanswered)
        return set(self.offers.get(offer_id, {}).values()) - {NOTHING_NOW}

    def _leaves_open(self, offer_id: UUID | None) -> bool:
        """Whether an earlier "nothing now" did not answer all that this one answers."""
        answered = self._answered_by_nothing_now(offer_id) - self.not_to_offer
        return bool(answered or self._choices_waiting())

    def _waiting_for(self, programme_type: str) -> list[UUID]:
        return [
            decision_id
            for decision_id, yes in self.waiting.items()
            if yes.option is not None and yes.option.programme_type == programme_type
        ]

    def _choices_waiting(self) -> list[UUID]:
        return [i for i, yes in self.waiting.items() if yes.kind == "option"]

    def _erasures_waiting(self, record_classes: list[str]) -> list[UUID]:
        return [
            i
            for i, yes in self.waiting.items()
            if yes.kind == "erasure" and set(yes.record_classes) == set(record_classes)
        ]

    @staticmethod
    def _known(among: dict[UUID, Yes], decision_id: UUID) -> Yes:
        if decision_id not in among:
            raise UnknownDecision()
        return among[decision_id]

    def _lapse(self, decision_ids: list[UUID], because: str) -> None:
        for decision_id in decision_ids:
            self._lapse_decision(decision_id=decision_id, because=because)

    def _take_effect(self, decision_id: UUID, yes: Yes) -> None:
        if yes.option is None:
            self._erase(decision_id, list(yes.record_classes), yes.decision)
            return
        self._choose_option(
            decision_id=decision_id,
            option=yes.option.key,
            programme_type=yes.option.programme_type,
            offer_id=yes.offer_id,
            unprompted=yes.offer_id is None,
            decision=yes.decision,
        )

    def _erase(self, erasure_id: UUID, record_classes: list[str], decision: Decision) -> None:
        self._request_erasure(
            erasure_id=erasure_id, record_classes=record_classes, decision=decision
        )
        gone = sorted(self.needs - self.erased) if "needs" in record_classes else []
        if gone:
            self._erase_needs(erasure_id=erasure_id, need_ids=gone)

    # The methods below run again on every replay, so they only remember.

    @event(AdvocateRequested)
    def _request_advocate(self, base: str, decision: Decision) -> None:
        self.requested_base = base

    @event(AdvocateRequestWithdrawn)
    def _withdraw_request(self, decision: Decision) -> None:
        self.requested_base = None

    @event(AdvocateAssigned)
    def _assign_advocate(
        self, advocate_id: UUID, base: str, agency_id: UUID, assigned_by: RecordedBy
    ) -> None:
        self.requested_base = None
        self.company.join(advocate_id, base, agency_id)

    @event(AdvocateAssignmentEnded)
    def _end_assignment(self, advocate_id: UUID, decision: Decision) -> None:
        self.company.leave(advocate_id)

    @event(ConfidentialityNoticeGiven)
    def _give_notice(self, base: str, notice_version: str, decision: Decision) -> None:
        self.company.tell(base, notice_version)

    @event(NeedStated)
    def _state_need(self, need_id: UUID, words: Sealed, decision: Decision) -> None:
        self.needs.add(need_id)

    @event(OptionOffered)
    def _offer_option(
        self, offer_id: UUID, option: str, programme_type: str, decision: Decision
    ) -> None:
        self.offers.setdefault(offer_id, {})[option] = programme_type
        if programme_type != NOTHING_NOW:
            self.unanswered.add(programme_type)
            self.not_to_repeat.add(programme_type)

    @event(ChoiceRecorded)
    def _record_choice(
        self,
        decision_id: UUID,
        option: str,
        programme_type: str,
        offer_id: UUID | None,
        decision: Decision,
    ) -> None:
        self.waiting[decision_id] = Yes(
            "option", decision, Option(option, programme_type), offer_id
        )

    @event(OptionChosen)
    def _choose_option(  # noqa: PLR0917  called by name only
        self,
        decision_id: UUID,
        option: str,
        programme_type: str,
        offer_id: UUID | None,
        unprompted: bool,
        decision: Decision,
    ) -> None:
        self.waiting.pop(decision_id, None)
        self.in_effect[decision_id] = Yes(
            "option", decision, Option(option, programme_type), offer_id
        )
        self.chosen[option] = decision_id
        self.declined.pop(option, None)
        self.not_to_offer.discard(programme_type)
        answered = {programme_type}
        if programme_type == NOTHING_NOW:
            # "Nothing now" is a no to all that was offered with it.
            answered = self._answered_by_nothing_now(offer_id)
            self.not_to_offer |= answered
        self._remember_answered(answered)
        if programme_type != NOTHING_NOW:
            self.chosen.pop(NOTHING_NOW, None)

    @event(OptionDeclined)
    def _decline_option(
        self,
        decision_id: UUID,
        option: str,
        programme_type: str,
        offer_id: UUID | None,
        decision: Decision,
    ) -> None:
        undone = self.chosen.get(option)
        if undone is not None:
            self._forget(undone)
        self.declined[option] = decision_id
        self.over.add(decision_id)
        self._remember_answered({programme_type})
        if programme_type != NOTHING_NOW:
            self.not_to_offer.add(programme_type)

    @event(DecisionConfirmed)
    def _confirm_decision(self, decision_id: UUID, decision: Decision) -> None:
        pass

    @event(DecisionDenied)
    def _deny_decision(self, decision_id: UUID, decision: Decision) -> None:
        self._forget(decision_id)

    @event(DecisionLapsed)
    def _lapse_decision(self, decision_id: UUID, because: str) -> None:
        self._forget(decision_id)

    @event(ContactMade)
    def _make_contact(self, decision: Decision) -> None:
        self.not_to_offer.clear()
        self.not_to_repeat.clear()

    @event(InvolvementChanged)
    def _change_involvement(self, involvement: str, decision: Decision) -> None:
        self.involvement = involvement

    @event(ErasureRecorded)
    def _record_erasure(
        self, erasure_id: UUID, record_classes: list[str], decision: Decision
    ) -> None:
        self.waiting[erasure_id] = Yes("erasure", decision, record_classes=tuple(record_classes))

    @event(ErasureRequested)
    def _request_erasure(
        self, erasure_id: UUID, record_classes: list[str], decision: Decision
    ) -> None:
        self.waiting.pop(erasure_id, None)
        self.in_effect[erasure_id] = Yes("erasure", decision, record_classes=tuple(record_classes))

    @event(NeedsErased)
    def _erase_needs(self, erasure_id: UUID, need_ids: list[UUID]) -> None:
        self.erased |= set(need_ids)

    def _remember_answered(self, programme_types: set[str]) -> None:
        self.unanswered -= programme_types
        self.not_to_repeat -= programme_types

    def _forget(self, decision_id: UUID) -> None:
        self.waiting.pop(decision_id, None)
        self.in_effect.pop(decision_id, None)
        self.over.add(decision_id)
        self.chosen = {key: i for key, i in self.chosen.items() if i != decision_id}
