"""Random histories of a participation and its case, judged from the events alone."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.intake.domain import NOTHING_NOW, Case, Participation
from shared.contracts.decision import Decision
from shared.contracts.refusal import Refused
from shared.eventstore.clock import edge_time, new_id
from tests.support.examples import COMMUNITY_AGENCY, MARIA, NOON, an_id
from tests.unit.intake.world import (
    ADVOCATE,
    COLLEAGUE,
    COORDINATOR,
    COUNSELLING,
    ELSEWHERE,
    HOUSING,
    LETTERS,
    NOTHING,
    SURVIVOR,
    UNTRAINED,
    by_staff,
    words,
)

ANYBODY = st.sampled_from([SURVIVOR, ADVOCATE, COLLEAGUE, UNTRAINED, ELSEWHERE])
OPTION = st.sampled_from([HOUSING, COUNSELLING, LETTERS, NOTHING])
BASE = st.sampled_from(["systems", "community"])
TRAINED = {COLLEAGUE.recorded_by.actor_id, ELSEWHERE.recorded_by.actor_id}
CONTENT = ("NeedStated", "OptionOffered", "ChoiceRecorded")


def breaches(history: list[Any]) -> list[str]:
    """What is wrong with a history, judged without the aggregate that made it."""
    found: list[str] = []
    base, notice, resting = "alone", None, False
    recorded: dict[UUID, Decision] = {}
    confirmed: set[UUID] = set()
    ended: set[UUID] = set()
    no_offer: set[str] = set()
    no_repeat: dict[str, UUID] = {}
    unanswered: set[str] = set()
    agency: UUID | None = None
    notices: set[str] = set()
    offers: dict[UUID, set[str]] = {}
    asked_base = None
    for event in history:
        name = type(event).__name__
        if name == "AdvocateRequested":
            asked_base = event.base
        elif name == "AdvocateRequestWithdrawn":
            asked_base = None
        elif name == "AdvocateAssigned":
            if event.base != asked_base:
                found.append("an advocate came uncalled (R21)")
            base, asked_base, agency = event.base, None, event.agency_id
        elif name == "AdvocateAssignmentEnded":
            base, agency = "alone", None
        elif name == "ConfidentialityNoticeGiven":
            notice = event.base
            notices.add(event.base)
        elif name == "InvolvementChanged":
            resting = event.involvement != "active"
            if not resting and event.decision.recorded_by.is_staff:
                found.append("somebody else came back for the survivor (R12)")
        elif name == "ContactMade":
            no_offer.clear()
            no_repeat.clear()
            if event.decision.recorded_by.is_staff:
                found.append("staff made contact in the survivor's name (R11)")
        if name in CONTENT:
            if notice != base:
                found.append(f"{name} without the notice of its base (R22)")
            if resting:
                found.append(f"{name} while the survivor rests (R09)")
        if name == "OptionOffered":
            offers.setdefault(event.offer_id, set()).add(event.programme_type)
            if event.programme_type in no_offer:
                found.append("a no was asked again (R11)")
            if no_repeat.get(event.programme_type, event.offer_id) != event.offer_id:
                found.append("asked again before any answer (R11)")
            if event.programme_type != NOTHING_NOW:
                no_repeat[event.programme_type] = event.offer_id
                unanswered.add(event.programme_type)
        elif name in ("ChoiceRecorded", "ErasureRecorded"):
            recorded[decided(event)] = event.decision
        elif name == "DecisionConfirmed":
            who, by = event.decision.recorded_by, recorded[event.decision_id].recorded_by
            if who.is_staff and (who.actor_id not in TRAINED or who == by):
                found.append("confirmed by somebody who may not (R71)")
            if who.is_staff and (who.agency_id != agency or who.base not in notices):
                found.append("confirmed from elsewhere (R21, R22)")
            if event.decision_id in ended:
                found.append("confirmed after it was over (R71)")
            confirmed.add(event.decision_id)
        elif name in ("DecisionDenied", "DecisionLapsed"):
            ended.add(event.decision_id)
        elif name == "OptionDeclined":
            no_offer |= {event.programme_type} - {NOTHING_NOW}
            no_repeat.pop(event.programme_type, None)
            unanswered.discard(event.programme_type)
        elif name in ("OptionChosen", "ErasureRequested"):
            no = getattr(event, "programme_type", "") == NOTHING_NOW
            told = event.decision.told_by_staff
            if told and not no and decided(event) not in confirmed - ended:
                found.append("in effect unconfirmed (R71)")
            if name == "OptionChosen":
                no_offer.discard(event.programme_type)
                answered = {event.programme_type}
                if no:
                    answered = set(offers[event.offer_id] if event.offer_id else unanswered)
                    no_offer |= answered - {NOTHING_NOW}
                unanswered -= answered
                for programme_type in answered:
                    no_repeat.pop(programme_type, None)
                if event.offer_id and len(offers[event.offer_id] - {NOTHING_NOW}) < 2:
                    found.append("the answer to no real choice (R38)")
    return found


def decided(event: Any) -> UUID:
    """The id of the decision that an event is about."""
    found: UUID = getattr(event, "decision_id", None) or event.erasure_id
    return found


class Histories(RuleBasedStateMachine):
    """Anybody tries anything; what is refused leaves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.time = ExitStack()
        self.time.enter_context(edge_time(NOON))
        self.case = Case(case_id=an_id("case"), participation_id=MARIA)
        self.self = Participation(
            participation_id=MARIA, case_id=an_id("case"), role="harmed_party", language="en"
        )
        self.history: list[Any] = []
        self.offers: list[UUID] = []
        self.yeses: list[UUID] = []
        self.keep()

    def teardown(self) -> None:
        self.time.close()

    def keep(self) -> list[Any]:
        """Move what was decided into the history."""
        self.case.collect_events()
        new = list(self.self.collect_events())
        self.history += new
        return new

    def attempt(self, what: Any) -> None:
        try:
            what()
        except Refused:
            assert not self.self.pending_events, "a refusal left something"
        self.keep()

    def some_offer(self, number: int) -> UUID | None:
        return self.offers[number % len(self.offers)] if self.offers and number % 4 else None

    # -- anybody tries ------------------------------------------------------------------------

    @rule(base=BASE, who=ANYBODY)
    def ask_for_an_advocate(self, base: str, who: Decision) -> None:
        self.attempt(lambda: self.self.request_advocate(base, who))

    @rule(base=BASE)
    def assign(self, base: str) -> None:
        self.attempt(
            lambda: self.self.assign_advocate(new_id(), base, COMMUNITY_AGENCY, COORDINATOR)
        )

    @rule(base=st.sampled_from(["alone", "systems", "community"]))
    def notice(self, base: str) -> None:
        self.attempt(lambda: self.self.give_notice(base, f"{base}-1", by_staff()))
        self.case.hear_notice()

    @rule()
    def need(self) -> None:
        self.attempt(lambda: self.self.state_need(new_id(), words(), SURVIVOR))

    @rule(options=st.lists(OPTION, min_size=1, max_size=4))
    def offer(self, options: list[Any]) -> None:
        offer_id = new_id()
        self.attempt(lambda: self.self.offer_options(offer_id, tuple(options), by_staff()))
        if offer_id in self.self.offers:
            self.offers.append(offer_id)

    @rule(option=OPTION, number=st.integers(0, 11), who=ANYBODY)
    def choose(self, option: Any, number: int, who: Decision) -> None:
        offer = self.some_offer(number)
        self.attempt(
            lambda: self.yeses.append(self.self.choose_option(new_id(), option, offer, who))
        )

    @rule(number=st.integers(0, 50), who=ANYBODY)
    def confirm(self, number: int, who: Decision) -> None:
        if self.yeses:
            yes = self.yeses[number % len(self.yeses)]
            trained = who.recorded_by.actor_id in TRAINED
            self.attempt(lambda: self.self.confirm_decision(yes, who, trained=trained))

    @rule(who=st.sampled_from([ADVOCATE, COLLEAGUE]))
    def erasure_by_staff(self, who: Decision) -> None:
        self.attempt(
            lambda: self.yeses.append(self.self.request_erasure(new_id(), ("needs",), who))
        )

    @rule(who=ANYBODY)
    def make_contact(self, who: Decision) -> None:
        self.attempt(lambda: self.self.make_contact(who))

    @rule(who=ANYBODY)
    def come_back(self, who: Decision) -> None:
        self.attempt(lambda: self.self.step_in(who))

    # -- the survivor's exits: nothing here is ever refused -----------------------------------

    @rule(who=ANYBODY)
    def pause(self, who: Decision) -> None:
        self.self.step_back("paused", who)
        self.case.pause(who)
        assert self.self.involvement in ("paused", "closed")
        assert self.case.at_rest
        self.keep()

    @rule(who=ANYBODY)
    def close(self, who: Decision) -> None:
        self.self.step_back("closed", who)
        self.case.close(who)
        assert (self.self.involvement, self.case.state) == ("closed", "closed")
        self.keep()

    @rule(option=OPTION, who=ANYBODY)
    def decline(self, option: Any, who: Decision) -> None:
        self.self.decline_option(new_id(), option, None, who)
        assert option.key not in self.self.chosen
        assert all(yes.option != option for yes in self.self.waiting.values())
        self.keep()

    @rule(who=ANYBODY)
    def let_the_advocate_go(self, who: Decision) -> None:
        self.self.end_assignment(who)
        assert (self.self.company.base, self.self.requested_base) == ("alone", None)
        self.keep()

    @rule(number=st.integers(0, 50), who=ANYBODY)
    def deny(self, number: int, who: Decision) -> None:
        waiting = list(self.self.waiting)
        if waiting:
            yes = waiting[number % len(waiting)]
            self.self.deny_decision(yes, who)
            assert yes in self.self.over
            self.keep()

    @rule()
    def erase(self) -> None:
        self.self.request_erasure(new_id(), ("needs",), SURVIVOR)
        assert "ErasureRequested" in [type(e).__name__ for e in self.keep()]

    # -- what holds for every history ---------------------------------------------------------

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert breaches(self.history) == []

    @invariant()
    def a_replay_tells_the_same(self) -> None:
        if len(self.history) % 8:
            return
        again = replayed(self.history)
        for name in ("waiting", "in_effect", "over", "chosen", "not_to_offer", "not_to_repeat"):
            assert getattr(again, name) == getattr(self.self, name)
        assert again.involvement == self.self.involvement


Histories.TestCase.settings = settings(
    max_examples=500, stateful_step_count=25, deadline=None, print_blob=True
)


@pytest.mark.rule("R09")
@pytest.mark.rule("R11")
@pytest.mark.rule("R21")
@pytest.mark.rule("R22")
@pytest.mark.rule("R71")
class TestHistories(Histories.TestCase):  # type: ignore[misc,name-defined]
    """500 histories: every exit works from every state, nothing takes effect unconfirmed."""


def test_the_judge_finds_a_yes_that_nobody_confirmed() -> None:
    """A judge that finds nothing would pass anything."""
    with edge_time(NOON):
        participation = Participation(
            participation_id=MARIA, case_id=an_id("case"), role="harmed_party", language="en"
        )
        participation._choose_option(
            decision_id=an_id("yes"),
            option="housing",
            programme_type="housing",
            offer_id=None,
            unprompted=True,
            decision=ADVOCATE,
        )

    assert breaches(list(participation.collect_events())) == ["in effect unconfirmed (R71)"]


def test_the_judge_finds_a_second_offer_before_any_answer() -> None:
    """The same, of a survivor who was asked twice."""
    with edge_time(NOON):
        history = accompanied_and_offered_twice()

    assert breaches(history) == ["asked again before any answer (R11)"]


def test_the_judge_finds_a_confirmation_from_another_agency() -> None:
    """The same, of a yes that a stranger confirmed."""
    with edge_time(NOON):
        history = accompanied_from_the_beginning()
        participation = replayed(history)
        participation.choose_option(an_id("yes"), HOUSING, None, ADVOCATE)
        participation._confirm_decision(decision_id=an_id("yes"), decision=ELSEWHERE)
        history += participation.collect_events()

    assert breaches(history) == ["confirmed from elsewhere (R21, R22)"]


def accompanied_from_the_beginning() -> list[Any]:
    """Every event up to the notice of the community advocate."""
    participation = Participation(
        participation_id=MARIA, case_id=an_id("case"), role="harmed_party", language="en"
    )
    participation.request_advocate("community", SURVIVOR)
    participation.assign_advocate(an_id("rosa"), "community", COMMUNITY_AGENCY, COORDINATOR)
    participation.give_notice("community", "community-1", by_staff())
    return list(participation.collect_events())


def accompanied_and_offered_twice() -> list[Any]:
    """A history in which one option is offered under two offers, and nothing answered."""
    history = accompanied_from_the_beginning()
    participation = replayed(history)
    for offer_id in (an_id("first"), an_id("second")):
        participation._offer_option(
            offer_id=offer_id, option="housing", programme_type="housing", decision=by_staff()
        )
    return history + list(participation.collect_events())


def replayed(history: list[Any]) -> Any:
    """The participation that these events tell of."""
    participation: Any = None
    for happened in history:
        participation = happened.mutate(participation)
    return participation
