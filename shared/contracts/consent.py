"""What consent can be asked, and what it promises to tell.

A grant is a release of information with the fields of field-standards 2 and 3:
one recipient, exact items, one purpose, a mandatory end.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import (
    Command,
    Done,
    Language,
    Message,
    Model,
    Moment,
    Query,
    ServiceContract,
    Spoken,
    Version,
)
from shared.contracts.items import ItemRef

Purpose = Literal[
    "service_coordination",
    "counselling",
    "housing",
    "legal_help",
    "compensation",
    "medical_care",
    "safety",
    "restorative_programme",
]
DeliveryMethod = Literal["portal", "in_person", "phone", "letter"]

HAND_OVER_WITHIN = timedelta(seconds=5)
"""What was taken is handed over within this time of it, or not under that disclosure."""


class GrantProposed(Model):
    """``agency_reference`` is the pairwise reference under which the agency alone may ask."""

    grant_id: UUID
    agency_reference: UUID
    state: str


class ProposeGrant(Spoken):
    """Propose a release: one agency, exact items, one purpose, a period (R23, R31).

    Refused where ``expires_at`` is past or beyond the policy's longest period.
    """

    returns: ClassVar[type[Model]] = GrantProposed
    participation_id: UUID
    recipient_agency_id: UUID
    items: Annotated[tuple[ItemRef, ...], Field(min_length=1, max_length=50)]
    purpose: Purpose
    delivery_method: DeliveryMethod = "portal"
    starts_at: Moment | None = None
    expires_at: Moment
    supersedes: UUID | None = None


class ExplainGrant(Spoken):
    """Record that benefits, risks, alternatives and the way to revoke were explained."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID
    grant_id: UUID
    explanation_version: Version


class ExplanationText(Model):
    """What is said of a release before it is answered."""

    explanation_version: Version
    language: Language
    benefits: str
    risks: str
    alternatives: str
    revoking: str


class GetExplanation(Query):
    """The explanation in force, readable by anyone; nothing is stored (field standards 2)."""

    returns: ClassVar[type[Model]] = ExplanationText
    language: Language = "en"


class GrantDecided(Model):
    """``state`` is ``given``, or ``awaiting_confirmation`` where staff recorded the yes (R71)."""

    grant_id: UUID
    state: str


class GiveGrant(Spoken):
    """The survivor's yes. Recorded by staff it opens nothing until it is confirmed (R71)."""

    returns: ClassVar[type[Model]] = GrantDecided
    participation_id: UUID
    grant_id: UUID


class ConfirmGrant(Spoken):
    """Confirm a yes that staff recorded: the survivor by code, or a second trained person (R71)."""

    returns: ClassVar[type[Model]] = GrantDecided
    participation_id: UUID
    grant_id: UUID


class DeclineGrant(Spoken):
    """The survivor's no, before the grant is in effect; acts at once, whoever records it (R71)."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = GrantDecided
    participation_id: UUID
    grant_id: UUID


class RevokeGrant(Spoken):
    """End a grant for good; no reason, no wait, whoever records it (R09, R71)."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = GrantDecided
    participation_id: UUID
    grant_id: UUID


class DisclosureGranted(Model):
    """Take the item from its owner with this id, once, before ``take_before``."""

    disclosure_id: UUID
    take_before: datetime


class RequestDisclosure(Command):
    """An agency asks for one item under a reference. Unknown, ended, never-given, another agency's,
    another item, another purpose: the same answer (trust: Agencies)."""

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = DisclosureGranted
    agency_reference: UUID
    item: ItemRef
    purpose: Purpose


class DisclosureConfirmed(Model):
    disclosure_id: UUID
    participation_id: UUID
    agency_id: UUID
    item: ItemRef
    take_before: datetime


class ConfirmDisclosure(Query):
    """Asked by the service that owns the item, before it opens anything.

    Is this disclosure recorded, for this agency and item, within its time, and
    its grant not revoked since? It may be by the time of the answer: what is handed
    over is taken first (:class:`TakeDisclosure`).
    """

    returns: ClassVar[type[Model]] = DisclosureConfirmed
    disclosure_id: UUID
    agency_id: UUID
    item: ItemRef


class DisclosureTaken(Model):
    """``hand_over_within``: seconds, from when the question was sent, never past the release's end.

    A duration, so that nobody's clock has to agree with anybody's. ``taken_at`` is
    when the grant recorded it, also where the answer is of a repeat.
    """

    disclosure_id: UUID
    participation_id: UUID
    agency_id: UUID
    item: ItemRef
    taken_at: datetime
    hand_over_within: float


class TakeDisclosure(Command):
    """The service that owns the item is about to hand it over; the grant records it, or refuses.

    Asked last, when the words are open already. It stands in the same stream as a
    revocation: whichever was stored first counts. Once a disclosure; a repeat under
    its id is answered again while the grant still stands and the time lasts.
    """

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = DisclosureTaken
    disclosure_id: UUID
    agency_id: UUID
    item: ItemRef


class GrantView(Model):
    grant_id: UUID
    agency_reference: UUID
    recipient_agency_id: UUID
    items: tuple[ItemRef, ...]
    purpose: str
    state: str
    starts_at: datetime
    expires_at: datetime
    recorded_by_role: str
    disclosures: int


class Grants(Model):
    grants: tuple[GrantView, ...]


class GetGrants(Query):
    returns: ClassVar[type[Model]] = Grants
    participation_id: UUID


class _AboutGrant(Message):
    grant_id: UUID
    participation_id: UUID
    recipient_agency_id: UUID
    recorded_by_id: UUID
    recorded_by_role: str
    at: datetime


class GrantProposedMessage(_AboutGrant):
    type: ClassVar[str] = "consent.grant.proposed.v1"


class GrantExplainedMessage(Message):
    type: ClassVar[str] = "consent.grant.explained.v1"
    grant_id: UUID
    participation_id: UUID
    recorded_by_id: UUID
    recorded_by_role: str
    at: datetime


class GrantYesRecordedMessage(_AboutGrant):
    type: ClassVar[str] = "consent.grant.yes_recorded.v1"


class GrantGivenMessage(_AboutGrant):
    type: ClassVar[str] = "consent.grant.given.v1"
    expires_at: datetime


class GrantDeclinedMessage(_AboutGrant):
    type: ClassVar[str] = "consent.grant.declined.v1"


class GrantRevokedMessage(_AboutGrant):
    type: ClassVar[str] = "consent.grant.revoked.v1"


class GrantExpiredMessage(Message):
    type: ClassVar[str] = "consent.grant.expired.v1"
    grant_id: UUID
    participation_id: UUID
    recipient_agency_id: UUID
    at: datetime


class GrantSupersededMessage(_AboutGrant):
    type: ClassVar[str] = "consent.grant.superseded.v1"
    superseded_by: UUID


class DisclosureMadeMessage(Message):
    type: ClassVar[str] = "consent.grant.disclosure_made.v1"
    grant_id: UUID
    participation_id: UUID
    disclosure_id: UUID
    recipient_agency_id: UUID
    item_service: str
    item_kind: str
    item_id: UUID
    at: datetime


class DisclosureTakenMessage(Message):
    """From here on the item counts as handed over; ``at`` is when the grant recorded it."""

    type: ClassVar[str] = "consent.grant.disclosure_taken.v1"
    grant_id: UUID
    participation_id: UUID
    disclosure_id: UUID
    recipient_agency_id: UUID
    item_service: str
    item_kind: str
    item_id: UUID
    at: datetime


SERVICE = ServiceContract(
    name="consent",
    requests=(
        ProposeGrant,
        ExplainGrant,
        GiveGrant,
        ConfirmGrant,
        DeclineGrant,
        RevokeGrant,
        RequestDisclosure,
        ConfirmDisclosure,
        TakeDisclosure,
        GetExplanation,
        GetGrants,
    ),
    publishes=(
        GrantProposedMessage,
        GrantExplainedMessage,
        GrantYesRecordedMessage,
        GrantGivenMessage,
        GrantDeclinedMessage,
        GrantRevokedMessage,
        GrantExpiredMessage,
        GrantSupersededMessage,
        DisclosureMadeMessage,
        DisclosureTakenMessage,
    ),
    follows={
        "intake": (
            "intake.assignment.advocate_assigned.v1",
            "intake.assignment.ended.v1",
            "intake.participation.notice_given.v1",
            "intake.case.state_changed.v1",
            "intake.participation.items_erased.v1",
        ),
    },
    calls=("intake",),
    record_classes=(),
)
