"""One method per command and query. A repeat is logged and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog

from services.intake import tables as reads
from services.intake.contracts import announce
from services.intake.domain import CarriedOut, Case, Handover, Option, Participation
from services.intake.domain.refusals import (
    AdvocateNotAsked,
    CodeUnknown,
    NoSuchItem,
    NoSuchOption,
    OnlyOwnAgency,
    OnlyOwnBase,
    UnknownNotice,
)
from services.intake.formats import possession_code
from services.intake.formats.catalogue import OptionCatalogue, catalogue
from services.intake.formats.notices import in_force, notices
from shared.accompaniment.company import Company
from shared.accompaniment.recording import header, recorder
from shared.accompaniment.refusals import SecondPersonNeeded
from shared.contracts import intake as asked
from shared.contracts.base import Command, Done, Model, Request, Spoken
from shared.contracts.consent import (
    HAND_OVER_WITHIN,
    ConfirmDisclosure,
    DisclosureConfirmed,
    DisclosureTaken,
    TakeDisclosure,
)
from shared.contracts.decision import DecidedBy, Decision
from shared.contracts.items import ConfirmItems, ItemsConfirmed
from shared.contracts.refusal import NotAllowed, NotFound, Refused
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.clock import new_id
from shared.eventstore.work import Context, Work
from shared.identity.principal import Principal
from shared.identity.units import SYSTEMS
from shared.sealing.keys import KeyDestroyed
from shared.sealing.sealed import Sealed

log = structlog.get_logger()


class IntakeApplication(EventSourcedApplication):
    """What a survivor, and those they let help, can do before any programme begins."""

    contract = asked.SERVICE
    tables = reads.TABLES
    fold = staticmethod(reads.fold)
    announce = staticmethod(announce)

    @property
    def catalogue(self) -> OptionCatalogue:
        """The options in use."""
        return catalogue()

    # -- begin --------------------------------------------------------------------------------

    def begin_inquiry(self, command: asked.BeginInquiry, work: Work) -> asked.InquiryBegun:
        """Open an inquiry for whoever asks, and make the code that opens it again (R74)."""
        case_id, participation_id = new_id(), new_id()
        code = possession_code.new_code(self.edge.token_bytes)
        work.save(
            Case(case_id=case_id, participation_id=participation_id),
            Participation(
                participation_id=participation_id,
                case_id=case_id,
                role="harmed_party",
                language=command.language,
            ),
        )
        work.execute(
            "INSERT INTO possession_codes (code_index, participation_id, case_id)"
            " VALUES (%s, %s, %s)",
            (self._index(code), participation_id, case_id),
        )
        return asked.InquiryBegun(
            case_id=case_id,
            participation_id=participation_id,
            state="inquiry",
            possession_code=code,
        )

    def open_session(self, query: asked.OpenSession, ctx: Context) -> asked.SessionOpened:
        """Whose code it is. Malformed, wrong and never issued take the same way."""
        found = reads.opened_by(self, self._index(query.possession_code))
        if found is None:
            raise CodeUnknown()
        return asked.SessionOpened(
            case_id=found["case_id"], participation_id=found["participation_id"]
        )

    # -- who helps ----------------------------------------------------------------------------

    def request_advocate(self, command: asked.RequestAdvocate, work: Work) -> Done:
        """The survivor asks for an advocate (R21)."""
        participation, case = self._both(work, command.participation_id)
        participation.request_advocate(command.base, self._said(command, work, participation))
        self._save(work, command, participation)
        return Done(state=case.state)

    def assign_advocate(self, command: asked.AssignAdvocate, work: Work) -> Done:
        """A coordinator assigns whom the survivor asked for, of their own agency (R21)."""
        who = work.ctx.principal
        if command.agency_id != who.agency_id:  # R21
            raise OnlyOwnAgency()
        if command.base == "community" and who.unit_kind in SYSTEMS:  # R21 R23
            raise OnlyOwnBase()
        participation = work.find(Participation, command.participation_id)
        if participation is None:
            raise AdvocateNotAsked()
        case = work.get(Case, participation.case_id)
        participation.assign_advocate(
            command.advocate_id, command.base, command.agency_id, recorder(work.ctx.principal)
        )
        self._save(work, command, participation)
        return Done(state=case.state)

    def end_advocate_assignment(self, command: asked.EndAdvocateAssignment, work: Work) -> Done:
        """The survivor lets the advocate go, or the advocate goes."""
        participation, case = self._both(work, command.participation_id)
        participation.end_assignment(self._own(command, work, participation, no=True))
        self._save(work, command, participation)
        return Done(state=case.state)

    def give_confidentiality_notice(
        self, command: asked.GiveConfidentialityNotice, work: Work
    ) -> Done:
        """The notice, before any content (R22)."""
        if (command.base, command.notice_version) not in notices():  # R22
            raise UnknownNotice()
        participation, case = self._both(work, command.participation_id)
        participation.give_notice(
            command.base, command.notice_version, self._own(command, work, participation)
        )
        case.hear_notice()
        self._save(work, command, participation, case)
        return Done(state=case.state)

    # -- needs and options --------------------------------------------------------------------

    def state_need(self, command: asked.StateNeed, work: Work) -> asked.NeedRecorded:
        """A need in the survivor's words (R37)."""
        participation, case = self._both(work, command.participation_id)
        need_id = new_id()
        words = Sealed.pending(participation.id, "needs", command.words)
        carried_out = [
            erasure_id
            for erasure_id in participation.erasures_of("needs")
            if work.find(CarriedOut, CarriedOut.create_id(erasure_id))
        ]
        participation.state_need(
            need_id, words, self._said(command, work, participation), carried_out
        )
        case.open()
        self._save(work, command, participation, case)
        return asked.NeedRecorded(need_id=need_id, state=case.state)

    def offer_options(self, command: asked.OfferOptions, work: Work) -> asked.OptionsOffered:
        """Staff offer several real options (R38)."""
        participation, case = self._both(work, command.participation_id)
        offer_id = new_id()
        options = tuple(self._option(key) for key in dict.fromkeys(command.options))
        participation.offer_options(
            offer_id, options, self._own(command, work, participation, self.catalogue.version)
        )
        case.open()
        self._save(work, command, participation, case)
        return asked.OptionsOffered(
            offer_id=offer_id,
            options=tuple(option.key for option in options),
            options_version=self.catalogue.version,
            state=case.state,
        )

    def choose_option(self, command: asked.ChooseOption, work: Work) -> asked.OptionDecided:
        """The survivor's choice; recorded by staff it waits (R71)."""
        participation, case = self._both(work, command.participation_id)
        decision = self._said(command, work, participation, self.catalogue.version)
        decision_id = participation.choose_option(
            new_id(), self._option(command.option), command.offer_id, decision
        )
        if participation.pending_events:
            case.open()
        self._save(work, command, participation, case)
        return decided(participation, decision_id)

    def decline_option(self, command: asked.DeclineOption, work: Work) -> asked.OptionDecided:
        """The survivor's no, in effect at once (R48)."""
        participation = work.get(Participation, command.participation_id)
        decision = self._said(command, work, participation, self.catalogue.version, no=True)
        decision_id = participation.decline_option(
            new_id(), self._option(command.option), command.offer_id, decision
        )
        self._save(work, command, participation)
        return asked.OptionDecided(decision_id=decision_id, state="in_effect")

    def confirm_decision(self, command: asked.ConfirmDecision, work: Work) -> asked.OptionDecided:
        """A yes that staff recorded takes effect (R71)."""
        participation = work.find(Participation, command.participation_id)
        if participation is None:
            raise SecondPersonNeeded()
        # Before the header, which refuses for reasons of its own: strangers learn nothing.
        participation.must_come_to_hear(recorder(work.ctx.principal))
        participation.confirm_decision(
            command.decision_id,
            self._said(command, work, participation),
            trained=work.ctx.principal.trained,
        )
        self._save(work, command, participation)
        return decided(participation, command.decision_id)

    def deny_decision(self, command: asked.DenyDecision, work: Work) -> Done:
        """A yes that was never said is over (R71)."""
        participation = work.get(Participation, command.participation_id)
        participation.deny_decision(
            command.decision_id, self._said(command, work, participation, no=True)
        )
        self._save(work, command, participation)
        return Done(state="lapsed")

    def make_contact(self, command: asked.MakeContact, work: Work) -> Done:
        """The survivor comes by themself (R11)."""
        participation, case = self._both(work, command.participation_id)
        participation.make_contact(self._said(command, work, participation))
        self._save(work, command, participation)
        return Done(state=case.state)

    # -- the survivor's exits, and the way back -----------------------------------------------

    def pause_case(self, command: asked.PauseCase, work: Work) -> Done:
        """Rest (R09)."""
        return self._step_back(command, work, "paused", Case.pause)

    def close_case(self, command: asked.CloseCase, work: Work) -> Done:
        """End (R09)."""
        return self._step_back(command, work, "closed", Case.close)

    def _step_back(
        self,
        command: asked.PauseCase | asked.CloseCase,
        work: Work,
        involvement: str,
        rest: Callable[[Case, Decision], None],
    ) -> Done:
        participation, case = self._both(work, command.participation_id)
        decision = self._said(command, work, participation, no=True)
        participation.step_back(involvement, decision)
        rest(case, decision)
        self._save(work, command, participation, case)
        return Done(state=case.state)

    def reopen_case(self, command: asked.ReopenCase, work: Work) -> Done:
        """Come back (R12)."""
        participation, case = self._both(work, command.participation_id)
        decision = self._said(command, work, participation)
        participation.step_in(decision)
        case.reopen(decision)
        self._save(work, command, participation, case)
        return Done(state=case.state)

    def request_erasure(self, command: asked.RequestErasure, work: Work) -> asked.ErasureAsked:
        """Have record classes rendered unreadable; recorded by staff it waits (R71)."""
        participation = work.get(Participation, command.participation_id)
        erasure_id = participation.request_erasure(
            new_id(), command.record_classes, self._said(command, work, participation)
        )
        self._save(work, command, participation)
        waits = erasure_id in participation.waiting
        return asked.ErasureAsked(
            erasure_id=erasure_id, state="awaiting_confirmation" if waits else "requested"
        )

    # -- handing over -------------------------------------------------------------------------

    def fetch_item(self, command: asked.FetchItem, work: Work) -> asked.ItemContent:
        """Hand an item over once, if consent records that this disclosure is taken now.

        The words are opened first and consent is asked last: no key that is
        waited for lies between its word and theirs. The hand-over is stored before
        the words leave, and they leave in the time that consent gave, or not at all.
        """
        agency_id = work.ctx.principal.agency_id
        if agency_id is None or work.ctx.principal.kind != "agency":
            raise NotAllowed()
        confirmed = self._confirmed(command, agency_id, work.ctx)
        participation = work.find(Participation, confirmed.participation_id)
        need = reads.need(self, confirmed.participation_id, command.item.item_id)
        if participation is None or need is None:
            raise NoSuchItem()
        if need["words"] is None or participation.is_erased(command.item.item_id):
            raise NoSuchItem()
        handover_id = Handover.create_id(command.disclosure_id)
        if work.find(Handover, handover_id) is not None:
            raise NoSuchItem()
        try:
            content = self.open(
                need["words"], participation_id=participation.id, record_class="needs"
            )
        except KeyDestroyed:
            raise NoSuchItem() from None
        work.rely_on(participation.id)  # an erasure that is stored meanwhile counts
        self._take(command, confirmed, work)
        work.save(
            Handover(
                disclosure_id=command.disclosure_id,
                participation_id=participation.id,
                agency_id=agency_id,
                kind=command.item.kind,
                item_id=command.item.item_id,
            )
        )
        return asked.ItemContent(
            disclosure_id=command.disclosure_id, item=command.item, content=content
        )

    def confirm_items(self, query: ConfirmItems, ctx: Context) -> ItemsConfirmed:
        """That a participation has these needs, so that a release may name them (R31)."""
        found = self.aggregate(query.participation_id)
        if not isinstance(found, Participation):
            raise NotFound()
        for item in query.items:
            ours = (item.service, item.kind) == ("intake", "need")
            if not ours or item.item_id not in found.needs or found.is_erased(item.item_id):
                raise NotFound()
        return ItemsConfirmed(participation_id=query.participation_id, items=query.items)

    def answer_again(self, command: Command, first: Model, ctx: Context) -> Model:
        """The first answer; of a hand-over only while consent confirms the disclosure."""
        if isinstance(command, asked.FetchItem) and ctx.principal.agency_id is not None:
            self._confirmed(command, ctx.principal.agency_id, ctx)
        return first

    def _confirmed(
        self, command: asked.FetchItem, agency_id: UUID, ctx: Context
    ) -> DisclosureConfirmed:
        if (command.item.service, command.item.kind) != ("intake", "need"):
            raise NoSuchItem()
        answer = self._of_consent(
            ConfirmDisclosure(
                disclosure_id=command.disclosure_id, agency_id=agency_id, item=command.item
            ),
            ctx,
        )
        # R23 R31: the answer is of what was asked: a permission is never stretched.
        if (
            not isinstance(answer, DisclosureConfirmed)
            or (answer.disclosure_id, answer.agency_id, answer.item)
            != (command.disclosure_id, agency_id, command.item)
            or ctx.now > answer.take_before
        ):
            raise NoSuchItem()
        return answer

    def _take(self, command: asked.FetchItem, confirmed: DisclosureConfirmed, work: Work) -> None:
        """The grant puts it on record in its own stream, before or after a no (R09)."""
        key = work.ctx.command_id
        sent_at = self.edge.monotonic()
        taken = self._of_consent(
            TakeDisclosure(
                disclosure_id=command.disclosure_id,
                agency_id=confirmed.agency_id,
                item=command.item,
            ),
            work.ctx,
            # A repeat of this command, which stored nothing here yet, is one of that too.
            None if key is None else Handover.take_id(command.disclosure_id, key),
        )
        if (
            not isinstance(taken, DisclosureTaken)
            or (taken.disclosure_id, taken.participation_id, taken.agency_id, taken.item)
            != (
                command.disclosure_id,
                confirmed.participation_id,
                confirmed.agency_id,
                command.item,
            )
            # By the clock that dates the hand-over: what it says is within the time too.
            or work.ctx.now > taken.taken_at + HAND_OVER_WITHIN
        ):
            raise NoSuchItem()
        until = sent_at + taken.hand_over_within

        def in_time() -> bool:
            return self.edge.monotonic() < until

        if not in_time():  # R09
            raise NoSuchItem()
        work.answer_only_if(in_time, NoSuchItem())  # R09

    def _of_consent(self, question: Request, ctx: Context, command_id: UUID | None = None) -> Model:
        try:
            return self.edge.caller.call("consent", question.method(), question, ctx, command_id)
        except Refused as refused:
            if refused.because == "unavailable":
                raise
            raise NoSuchItem() from None

    # -- reads --------------------------------------------------------------------------------

    def get_options(self, query: asked.GetOptions, ctx: Context) -> asked.Catalogue:
        """What there is, in the language asked for where we have it (R28, R64)."""
        language = self.catalogue.language(query.language)
        return asked.Catalogue(
            options_version=self.catalogue.version,
            language=language,
            options=tuple(
                asked.CatalogueOption.model_validate(
                    {
                        "key": entry.option.key,
                        "programme_type": entry.option.programme_type,
                        "sector": entry.sector,
                        "case_effect": entry.case_effect,
                        **entry.texts[language],
                    }
                )
                for entry in self.catalogue.entries
            ),
        )

    def get_notice(self, query: asked.GetNotice, ctx: Context) -> asked.NoticeText:
        """What a base's advocate tells before anything else, in the language asked for (R22)."""
        notice = in_force(query.base)
        language = notice.language(query.language)
        return asked.NoticeText(
            base=query.base,
            notice_version=notice.version,
            language=language,
            sentences=notice.texts[language],
        )

    def get_case(self, query: asked.GetCase, ctx: Context) -> asked.CaseView:
        """Where the case stands and who helps; the base is always shown (R21).

        A coordinator sees an open request for an advocate, and what is their own agency's.
        """
        who = ctx.principal
        if who.kind == "staff" and who.role == "coordinator":
            found = reads.who_helps(self, query.participation_id)
            base = found["requested_base"] if found else None
            asked_for = base == "systems" or (base == "community" and who.unit_kind not in SYSTEMS)
            ours = found is not None and found["advocate_agency_id"] == who.agency_id
            if not asked_for and (not ours or who.agency_id is None):  # R21
                raise NotAllowed()
        return reads.case_view(self, query.participation_id)

    def get_needs(self, query: asked.GetNeeds, ctx: Context) -> asked.Needs:
        """The needs in the survivor's words; ``None`` where the words were erased.

        For their advocate only after the notice of the advocate's base (R22).
        """
        found = self.aggregate(query.participation_id)
        company = found.company if isinstance(found, Participation) else Company()
        company.must_have_told(ctx.principal)
        return asked.Needs(
            needs=tuple(
                asked.NeedView(
                    need_id=row["need_id"],
                    words=self._words(row["words"], query.participation_id),
                    recorded_at=row["recorded_at"],
                )
                for row in reads.needs(self, query.participation_id)
            )
        )

    def get_timeline(self, query: asked.GetTimeline, ctx: Context) -> asked.Timeline:
        """Every decision and event, in order."""
        return reads.timeline(self, query.participation_id)

    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        """Whose participation is asked about, who is assigned to it, who recorded the yes."""
        participation_id = getattr(request, "participation_id", None)
        if participation_id is None:
            return {"participation_id": "", "assigned": []}
        decision_id = getattr(request, "decision_id", None)
        return {
            "participation_id": str(participation_id),
            "assigned": self._assigned(participation_id, ctx.principal),
            "recorded_by": reads.recorded_by(self, participation_id, decision_id),
        }

    def _assigned(self, participation_id: UUID, who: Principal) -> list[str]:
        """Who is assigned; not whoever asks under another base or agency than that (R21).

        Nobody where somebody else than staff asks: no policy needs it then.
        """
        if who.kind != "staff":
            return []
        found = reads.who_helps(self, participation_id)
        if found is None or found["advocate_id"] is None:
            return []
        if who.id == found["advocate_id"] and (who.base, who.agency_id) != (
            found["advocate_base"],
            found["advocate_agency_id"],
        ):
            return []
        return [str(found["advocate_id"])]

    # -- what the methods above share ---------------------------------------------------------

    def _both(self, work: Work, participation_id: UUID) -> tuple[Participation, Case]:
        participation = work.get(Participation, participation_id)
        return participation, work.get(Case, participation.case_id)

    def _save(self, work: Work, command: Command, *aggregates: Aggregate) -> None:
        changed = [a for a in aggregates if a.pending_events]
        if not changed:
            log.info("command.ignored", command=command.method())
        work.save(*changed)

    def _option(self, key: str) -> Option:
        option = self.catalogue.find(key)
        if option is None:
            raise NoSuchOption()
        return option

    def _index(self, code: str) -> bytes:
        return possession_code.index(code, self.edge.secrets["index_key"])

    def _words(self, token: str | None, participation_id: UUID) -> str | None:
        if token is None:
            return None
        try:
            return self.open(token, participation_id=participation_id, record_class="needs")
        except KeyDestroyed:
            return None

    def _said(
        self,
        command: Spoken,
        work: Work,
        participation: Participation,
        options: str | None = None,
        *,
        no: bool = False,
    ) -> Decision:
        """The survivor decided; staff may have written it down for them (R71)."""
        return _header(command, work, participation, "harmed_party", options, no=no)

    def _own(
        self,
        command: Spoken,
        work: Work,
        participation: Participation,
        options: str | None = None,
        *,
        no: bool = False,
    ) -> Decision:
        """Whoever records it decided it: a notice, an offer, an advocate's leaving."""
        survivor = work.ctx.principal.kind == "survivor"
        who: DecidedBy = "harmed_party" if survivor else "staff"
        return _header(command, work, participation, who, options, no=no)


def _header(
    command: Spoken,
    work: Work,
    participation: Participation,
    decided_by: DecidedBy,
    options_version: str | None,
    *,
    no: bool = False,
) -> Decision:
    participation.must_be_as_assigned(recorder(work.ctx.principal))  # R21 R22
    return header(
        command,
        work.ctx,
        whose=participation.id,
        notice_version=participation.company.latest_notice,
        decided_by=decided_by,
        options_version=options_version,
        no=no,
    )


def decided(participation: Participation, decision_id: UUID) -> asked.OptionDecided:
    """How a decision stands."""
    waits = decision_id in participation.waiting
    return asked.OptionDecided(
        decision_id=decision_id, state="awaiting_confirmation" if waits else "in_effect"
    )
