"""What intake can be asked, and what it promises to tell.

No police report, incident date, immigration status or legal name exists as a
field here (R24, R59, R62).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import (
    Code,
    Command,
    Done,
    Language,
    Message,
    Model,
    Query,
    ServiceContract,
    ShownOnce,
    Spoken,
    Version,
    words,
)
from shared.contracts.decision import Base
from shared.contracts.items import ConfirmItems, ItemRef

RecordClass = Literal["needs", "contact", "safety", "letters", "claim", "notes"]


# -- a survivor begins ------------------------------------------------------------------------


class InquiryBegun(Model):
    """``possession_code`` is shown in the first answer only, and kept by nobody (trust: Access)."""

    case_id: UUID
    participation_id: UUID
    state: str
    possession_code: Annotated[str | None, ShownOnce()] = None


class BeginInquiry(Command):  # R74
    """Begin alone: no code, name, contact or advocate is asked (R74)."""

    returns: ClassVar[type[Model]] = InquiryBegun
    language: Language = "en"


class SessionOpened(Model):
    """Whose code it was."""

    case_id: UUID
    participation_id: UUID


class OpenSession(Query):
    """Exchange a possession code for the participation it opens.

    Wrong and unknown codes answer alike.
    """

    returns: ClassVar[type[Model]] = SessionOpened
    possession_code: words("code", 200)  # type: ignore[valid-type]


# -- advocates --------------------------------------------------------------------------------


class RequestAdvocate(Spoken):
    """The survivor asks for an advocate of a base of their choice (R21)."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    base: Base


class AssignAdvocate(Command):
    """Assign an advocate whom the survivor asked for; the base is shown to the survivor (R21)."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    advocate_id: UUID
    base: Base
    agency_id: UUID


class EndAdvocateAssignment(Spoken):
    """The survivor, or the advocate, ends the assignment; acts at once."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


NoticeBase = Literal["systems", "community", "alone"]
"""Whose notice: that of an advocate's base, or the platform's own for a survivor alone."""


class GiveConfidentialityNotice(Spoken):
    """Record that the notice for this base was given, before any content (R21, R22).

    ``base`` is ``alone`` where the survivor reads the platform's own notice without an advocate.
    Refused where there is no notice of that base and version: nobody could say later what was told.
    """

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    base: NoticeBase
    notice_version: Version


class NoticeText(Model):
    """A confidentiality notice, sentence by sentence."""

    base: NoticeBase
    notice_version: Version
    language: Language
    sentences: tuple[str, ...]


class GetNotice(Query):
    """The notice in force for a base, readable by anyone; nothing is stored (R21, R22)."""

    returns: ClassVar[type[Model]] = NoticeText
    base: NoticeBase
    language: Language = "en"


# -- needs and options ------------------------------------------------------------------------


class NeedRecorded(Model):
    need_id: UUID
    state: str


class StateNeed(Spoken):  # R24 R62
    """A need, in the survivor's own words (R37). Refused before the notice (R22)."""

    returns: ClassVar[type[Model]] = NeedRecorded
    participation_id: UUID
    # R37: no list to choose from.
    words: words("needs")  # type: ignore[valid-type]


class OptionsOffered(Model):
    offer_id: UUID
    options: tuple[Code, ...]
    options_version: Version
    state: str


class OfferOptions(Spoken):
    """Offer at least two real options besides "nothing now" (R38, I11).

    A type declined before is refused unless the survivor made contact since (R11).
    """

    returns: ClassVar[type[Model]] = OptionsOffered
    participation_id: UUID
    options: Annotated[tuple[Code, ...], Field(min_length=1, max_length=30)]


class OptionDecided(Model):
    """``state`` is ``in_effect``, or ``awaiting_confirmation`` where staff recorded a yes (R71)."""

    decision_id: UUID
    state: Literal["in_effect", "awaiting_confirmation"]


class ChooseOption(Spoken):
    """Choose an option that was offered, or unprompted (``offer_id`` absent)."""

    returns: ClassVar[type[Model]] = OptionDecided
    participation_id: UUID
    option: Code
    offer_id: UUID | None = None


class DeclineOption(Spoken):  # R09 R48
    """Decline an option: legitimate, unscored, in effect at once (R48)."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = OptionDecided
    participation_id: UUID
    option: Code
    offer_id: UUID | None = None


class ConfirmDecision(Spoken):
    """Confirm a yes that staff recorded: by the survivor, or a second trained person (R71)."""

    returns: ClassVar[type[Model]] = OptionDecided
    participation_id: UUID
    decision_id: UUID


class DenyDecision(Spoken):
    """Say that a yes which staff recorded was not said: it lapses at once (R71)."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    decision_id: UUID


class MakeContact(Spoken):
    """The survivor makes contact of their own accord and may be shown options again (R11)."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


# -- the case ---------------------------------------------------------------------------------


class PauseCase(Spoken):
    """Pause at the survivor's word; nothing is asked why."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class CloseCase(Spoken):
    """Close at the survivor's word; nothing is asked why."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class ReopenCase(Spoken):
    """Go on after a pause or a close, at the survivor's word."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class ErasureAsked(Model):
    """``state`` is ``requested``, or ``awaiting_confirmation`` where staff recorded it (R71)."""

    erasure_id: UUID
    state: Literal["requested", "awaiting_confirmation"]


class RequestErasure(Spoken):
    """Have everything, or some record classes, rendered unreadable for good."""

    returns: ClassVar[type[Model]] = ErasureAsked
    participation_id: UUID
    record_classes: Annotated[tuple[RecordClass, ...], Field(min_length=1, max_length=6)]


# -- handing an item over ---------------------------------------------------------------------


class ItemContent(Model):
    """The item, once."""

    disclosure_id: UUID
    item: ItemRef
    content: Annotated[str | None, ShownOnce()] = None


class FetchItem(Command):
    """An agency takes the item of a disclosure that consent recorded: once, within 60 s.

    Unknown, used, late and foreign disclosures are refused alike (architecture, 5).
    """

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = ItemContent
    disclosure_id: UUID
    item: ItemRef


# -- reads ------------------------------------------------------------------------------------


class CatalogueOption(Model):
    key: Code
    programme_type: Code
    sector: Literal["community", "systems", "either"]
    title: str
    explanation: str
    case_effect: Literal["none", "disposition"]


class Catalogue(Model):
    options_version: Version
    language: Language
    options: tuple[CatalogueOption, ...]


class GetOptions(Query):
    """The options there are, readable by anyone; nothing is stored (R28, R74)."""

    returns: ClassVar[type[Model]] = Catalogue
    language: Language = "en"


class CaseView(Model):
    case_id: UUID
    participation_id: UUID
    state: str
    advocate_id: UUID | None
    advocate_base: str | None
    notice_version: str | None
    advocate_requested: str | None


class GetCase(Query):
    returns: ClassVar[type[Model]] = CaseView
    participation_id: UUID


class NeedView(Model):
    need_id: UUID
    words: str | None
    """None once the words were erased."""
    recorded_at: datetime


class Needs(Model):
    needs: tuple[NeedView, ...]


class GetNeeds(Query):
    """The survivor's needs in their words; for them and their advocate alone."""

    returns: ClassVar[type[Model]] = Needs
    participation_id: UUID


class TimelineEntry(Model):
    """One decision or event: what, when, decided and recorded by whom, shared with whom.

    ``at`` is when it was put on record. ``decided_at`` is when whoever recorded it says
    that it was decided; ``None`` where that is not said here. ``about`` is the id of the need,
    release, way of contact, notice or erasure; ``item`` is what exactly was shared.
    """

    number: int
    what: str
    at: datetime
    decided_at: datetime | None
    decided_by: str | None
    recorded_by_role: str | None
    recorded_by_id: UUID | None
    about: str | None
    shared_with: UUID | None
    item: ItemRef | None
    source: str


class Timeline(Model):
    entries: tuple[TimelineEntry, ...]


class GetTimeline(Query):
    """The survivor's own timeline: every decision, who recorded it, what was shared with whom."""

    returns: ClassVar[type[Model]] = Timeline
    participation_id: UUID


# -- what intake promises to tell -------------------------------------------------------------


class InquiryOpenedMessage(Message):
    type: ClassVar[str] = "intake.case.inquiry_opened.v1"
    case_id: UUID
    participation_id: UUID
    at: datetime


class AdvocateAssignedMessage(Message):
    type: ClassVar[str] = "intake.assignment.advocate_assigned.v1"
    participation_id: UUID
    advocate_id: UUID
    base: Base
    agency_id: UUID
    at: datetime


class AdvocateAssignmentEndedMessage(Message):
    type: ClassVar[str] = "intake.assignment.ended.v1"
    participation_id: UUID
    advocate_id: UUID
    at: datetime


class NoticeGivenMessage(Message):
    type: ClassVar[str] = "intake.participation.notice_given.v1"
    participation_id: UUID
    base: str
    notice_version: str
    at: datetime


class CaseStateMessage(Message):
    type: ClassVar[str] = "intake.case.state_changed.v1"
    case_id: UUID
    participation_id: UUID
    state: str
    at: datetime


class ErasureRequestedMessage(Message):
    type: ClassVar[str] = "intake.participation.erasure_requested.v1"
    participation_id: UUID
    erasure_id: UUID
    record_classes: tuple[str, ...]
    at: datetime


class ItemsErasedMessage(Message):
    """Exactly what an erasure made unreadable: nothing may release it any more."""

    type: ClassVar[str] = "intake.participation.items_erased.v1"
    participation_id: UUID
    erasure_id: UUID
    item_kind: str
    item_ids: tuple[UUID, ...]
    at: datetime


SERVICE = ServiceContract(
    name="intake",
    requests=(
        BeginInquiry,
        OpenSession,
        RequestAdvocate,
        AssignAdvocate,
        EndAdvocateAssignment,
        GiveConfidentialityNotice,
        StateNeed,
        OfferOptions,
        ChooseOption,
        DeclineOption,
        ConfirmDecision,
        DenyDecision,
        MakeContact,
        PauseCase,
        CloseCase,
        ReopenCase,
        RequestErasure,
        FetchItem,
        ConfirmItems,
        GetOptions,
        GetNotice,
        GetCase,
        GetNeeds,
        GetTimeline,
    ),
    publishes=(
        InquiryOpenedMessage,
        AdvocateAssignedMessage,
        AdvocateAssignmentEndedMessage,
        NoticeGivenMessage,
        CaseStateMessage,
        ErasureRequestedMessage,
        ItemsErasedMessage,
    ),
    follows={
        "consent": (
            "consent.grant.proposed.v1",
            "consent.grant.explained.v1",
            "consent.grant.yes_recorded.v1",
            "consent.grant.given.v1",
            "consent.grant.declined.v1",
            "consent.grant.revoked.v1",
            "consent.grant.superseded.v1",
            "consent.grant.expired.v1",
            "consent.grant.disclosure_made.v1",
            "consent.grant.disclosure_taken.v1",
        ),
        "notifications": (
            "notifications.channel.declared_safe.v1",
            "notifications.channel.recorded.v1",
            "notifications.channel.confirmed.v1",
            "notifications.channel.verified.v1",
            "notifications.channel.verification_recorded.v1",
            "notifications.channel.declared_unsafe.v1",
            "notifications.topic.chosen.v1",
            "notifications.topic.recorded.v1",
            "notifications.topic.confirmed.v1",
            "notifications.topic.dropped.v1",
            "notifications.notice.queued.v1",
            "notifications.notice.suppressed.v1",
            "notifications.notice.sent.v1",
            "notifications.notice.failed.v1",
            "notifications.notice.outcome_unknown.v1",
        ),
        "keyring": ("keyring.erasure.keys_destroyed.v1", "keyring.erasure.completed.v1"),
    },
    calls=("keyring", "consent", "notifications"),
    record_classes=("needs",),
)
