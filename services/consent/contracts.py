"""Domain event → published message: the only place that knows both.

A message holds ids, types, times and states, and nothing of what is released
but which item. Wordings, refusals and whom staff accompany stay inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventsourcing.domain import DomainEvent

from services.consent.domain.grant import Grant, as_item
from shared.contracts.base import Message
from shared.contracts.consent import (
    DisclosureMadeMessage,
    DisclosureTakenMessage,
    GrantDeclinedMessage,
    GrantExpiredMessage,
    GrantExplainedMessage,
    GrantGivenMessage,
    GrantProposedMessage,
    GrantRevokedMessage,
    GrantSupersededMessage,
    GrantYesRecordedMessage,
)


def announce(stored: DomainEvent) -> Message | None:
    """What the others are told of an event, or None where it concerns nobody else."""
    tell = _TOLD.get(type(stored))
    return tell(stored) if tell is not None else None


def _about(stored: Any) -> dict[str, Any]:
    return {**_said(stored), "recipient_agency_id": stored.recipient_agency_id}


def _said(stored: Any) -> dict[str, Any]:
    return {
        "grant_id": stored.originator_id,
        "participation_id": stored.decision.participation_id,
        "recorded_by_id": stored.decision.recorded_by.actor_id,
        "recorded_by_role": stored.decision.recorded_by.role,
        "at": stored.timestamp,
    }


def _expired(stored: Any) -> Message:
    return GrantExpiredMessage(
        grant_id=stored.originator_id,
        participation_id=stored.participation_id,
        recipient_agency_id=stored.recipient_agency_id,
        at=stored.timestamp,
    )


def _of_one_item(stored: Any) -> dict[str, Any]:
    service, kind, item_id = as_item(stored.item)
    return {
        "grant_id": stored.originator_id,
        "participation_id": stored.participation_id,
        "disclosure_id": stored.disclosure_id,
        "recipient_agency_id": stored.recipient_agency_id,
        "item_service": service,
        "item_kind": kind,
        "item_id": item_id,
    }


_TOLD: dict[type, Callable[[Any], Message]] = {
    Grant.GrantProposed: lambda e: GrantProposedMessage(**_about(e)),
    Grant.GrantExplained: lambda e: GrantExplainedMessage(**_said(e)),
    Grant.YesRecorded: lambda e: GrantYesRecordedMessage(**_about(e)),
    Grant.GrantGiven: lambda e: GrantGivenMessage(**_about(e), expires_at=e.expires_at),
    Grant.GrantDeclined: lambda e: GrantDeclinedMessage(**_about(e)),
    Grant.GrantRevoked: lambda e: GrantRevokedMessage(**_about(e)),
    Grant.GrantSuperseded: lambda e: GrantSupersededMessage(
        **_about(e), superseded_by=e.superseded_by
    ),
    Grant.GrantExpired: _expired,
    Grant.DisclosureMade: lambda e: DisclosureMadeMessage(**_of_one_item(e), at=e.made_at),
    Grant.DisclosureTaken: lambda e: DisclosureTakenMessage(**_of_one_item(e), at=e.taken_at),
}
