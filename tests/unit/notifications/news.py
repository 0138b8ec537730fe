"""Messages of other services, and commands, with everything but the point filled in."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.consent import (
    DisclosureMadeMessage,
    GrantDeclinedMessage,
    GrantGivenMessage,
    GrantRevokedMessage,
)
from shared.contracts.intake import (
    AdvocateAssignedMessage,
    AdvocateAssignmentEndedMessage,
    CaseStateMessage,
    ErasureRequestedMessage,
    NoticeGivenMessage,
)
from shared.contracts.keyring import KeysDestroyedMessage
from shared.contracts.notifications import DeclareChannelSafe, Hours
from shared.identity.principal import Principal
from tests.support.examples import (
    ADDRESS,
    HOUSING_AGENCY,
    MARIA,
    NOON,
    ROSA,
    an_id,
)

ALL_DAY = Hours(weekdays=(0, 1, 2, 3, 4, 5, 6), start="00:00", end="23:59", time_zone="UTC")


def declare_safe(**more: Any) -> DeclareChannelSafe:
    """Maria's e-mail is safe at all hours."""
    fields: dict[str, Any] = {
        "participation_id": MARIA,
        "channel": "email",
        "address": ADDRESS,
        "hours": ALL_DAY,
        "verified_on": NOON.date(),
        **more,
    }
    return DeclareChannelSafe(**fields)


def _grant(participation_id: UUID, at: datetime) -> dict[str, Any]:
    return {
        "grant_id": an_id("grant"),
        "participation_id": participation_id,
        "recipient_agency_id": HOUSING_AGENCY,
        "recorded_by_id": participation_id,
        "recorded_by_role": "harmed_party",
        "at": at,
    }


def grant_given(participation_id: UUID = MARIA, at: datetime = NOON) -> GrantGivenMessage:
    return GrantGivenMessage(**_grant(participation_id, at), expires_at=at)


def grant_revoked(participation_id: UUID = MARIA, at: datetime = NOON) -> GrantRevokedMessage:
    return GrantRevokedMessage(**_grant(participation_id, at))


def grant_declined(participation_id: UUID = MARIA, at: datetime = NOON) -> GrantDeclinedMessage:
    return GrantDeclinedMessage(**_grant(participation_id, at))


def disclosure_made(participation_id: UUID = MARIA) -> DisclosureMadeMessage:
    return DisclosureMadeMessage(
        grant_id=an_id("grant"),
        participation_id=participation_id,
        disclosure_id=an_id("disclosure"),
        recipient_agency_id=HOUSING_AGENCY,
        item_service="intake",
        item_kind="need",
        item_id=an_id("need"),
        at=NOON,
    )


def assigned(advocate: Principal = ROSA, participation_id: UUID = MARIA) -> AdvocateAssignedMessage:
    assert isinstance(advocate.id, UUID)
    assert advocate.base is not None
    assert advocate.agency_id is not None
    return AdvocateAssignedMessage(
        participation_id=participation_id,
        advocate_id=advocate.id,
        base=advocate.base,
        agency_id=advocate.agency_id,
        at=NOON,
    )


def assignment_ended(
    advocate: Principal = ROSA, participation_id: UUID = MARIA
) -> AdvocateAssignmentEndedMessage:
    assert isinstance(advocate.id, UUID)
    return AdvocateAssignmentEndedMessage(
        participation_id=participation_id, advocate_id=advocate.id, at=NOON
    )


def notice_given(base: str = "community", participation_id: UUID = MARIA) -> NoticeGivenMessage:
    return NoticeGivenMessage(
        participation_id=participation_id, base=base, notice_version="notice-1", at=NOON
    )


def case_is(state: str, participation_id: UUID = MARIA) -> CaseStateMessage:
    return CaseStateMessage(
        case_id=an_id("case"), participation_id=participation_id, state=state, at=NOON
    )


def erasure_requested(
    participation_id: UUID = MARIA, of: str = "contact", erasure_id: UUID | None = None
) -> ErasureRequestedMessage:
    return ErasureRequestedMessage(**_erasure(participation_id, of, erasure_id))


def keys_destroyed(
    participation_id: UUID = MARIA, of: str = "contact", erasure_id: UUID | None = None
) -> KeysDestroyedMessage:
    return KeysDestroyedMessage(**_erasure(participation_id, of, erasure_id))


def _erasure(participation_id: UUID, of: str, erasure_id: UUID | None) -> dict[str, Any]:
    return {
        "erasure_id": erasure_id or an_id("erasure"),
        "participation_id": participation_id,
        "record_classes": (of,),
        "at": NOON,
    }
