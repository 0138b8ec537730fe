"""Event → read tables, and the reads of them. Disposable: a rebuild gives the same rows.

No permission is read from here: a disclosure is decided by the grant itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.domain import DomainEvent

from services.consent.domain.grant import LIVE, Grant, as_item
from shared.contracts.consent import GrantView
from shared.contracts.items import ItemRef

TABLES = ("grants", "grant_pointers")

Statement = tuple[str, tuple[Any, ...]]

_NEW_GRANT = """
INSERT INTO grants (grant_id, participation_id, agency_reference, recipient_agency_id, items,
                    purpose, delivery_method, state, starts_at, expires_at, recorded_by_role,
                    disclosures, position)
VALUES (%s, %s, %s, %s, %s, %s, %s, 'proposed', %s, %s, %s, 0, %s)
"""
_DECIDED = "UPDATE grants SET state = %s, recorded_by_role = %s WHERE grant_id = %s"
_EXPIRED = "UPDATE grants SET state = 'expired' WHERE grant_id = %s"
_DISCLOSED = "UPDATE grants SET disclosures = disclosures + 1 WHERE grant_id = %s"
_POINT = "INSERT INTO grant_pointers (id, grant_id) VALUES (%s, %s)"

_STATES: dict[type, str] = {
    Grant.GrantExplained: "explained",
    Grant.YesRecorded: "awaiting_confirmation",
    Grant.GrantGiven: "given",
    Grant.GrantDeclined: "declined",
    Grant.GrantRevoked: "revoked",
    Grant.GrantSuperseded: "superseded",
}


class Position(Protocol):
    """Where an event stands in the log."""

    @property
    def position(self) -> int: ...


class Reader(Protocol):
    """An application that reads under row-level security."""

    def read(
        self, sql: str, params: tuple[Any, ...] = (), participation_id: UUID | None = None
    ) -> list[dict[str, Any]]: ...


def fold(event: DomainEvent, recorded: Position) -> Iterable[Statement]:
    """The statements that an event is worth, run in the transaction that stores it."""
    stored: Any = event
    match stored:
        case Grant.GrantProposed():
            yield _new_grant(stored, recorded.position)
            yield _POINT, (str(stored.agency_reference), str(stored.originator_id))
        case Grant.GrantExpired():
            yield _EXPIRED, (str(stored.originator_id),)
        case Grant.DisclosureMade():
            yield _DISCLOSED, (str(stored.originator_id),)
            yield _POINT, (str(stored.disclosure_id), str(stored.originator_id))
        case _ if type(stored) in _STATES:
            yield (
                _DECIDED,
                (
                    _STATES[type(stored)],
                    stored.decision.recorded_by.role,
                    str(stored.originator_id),
                ),
            )


def _new_grant(stored: Any, position: int) -> Statement:
    items = [[service, kind, str(id)] for service, kind, id in map(as_item, stored.items)]
    return _NEW_GRANT, (
        str(stored.originator_id),
        str(stored.decision.participation_id),
        str(stored.agency_reference),
        str(stored.recipient_agency_id),
        json.dumps(items),
        stored.purpose,
        stored.delivery_method,
        stored.starts_at,
        stored.expires_at,
        stored.decision.recorded_by.role,
        position,
    )


def grants(app: Reader, participation_id: UUID, now: datetime) -> tuple[GrantView, ...]:
    """A participation's grants, the oldest first; what is past its end reads as expired."""
    rows = app.read(
        "SELECT * FROM grants WHERE participation_id = %s ORDER BY position",
        (str(participation_id),),
        participation_id=participation_id,
    )
    return tuple(_view(row, now) for row in rows)


def _view(row: dict[str, Any], now: datetime) -> GrantView:
    over = row["state"] in LIVE and now >= row["expires_at"]
    return GrantView(
        grant_id=_uuid(row["grant_id"]),
        agency_reference=_uuid(row["agency_reference"]),
        recipient_agency_id=_uuid(row["recipient_agency_id"]),
        items=tuple(
            ItemRef(service=service, kind=kind, item_id=UUID(item_id))
            for service, kind, item_id in row["items"]
        ),
        purpose=row["purpose"],
        state="expired" if over else row["state"],
        starts_at=row["starts_at"],
        expires_at=row["expires_at"],
        recorded_by_role=row["recorded_by_role"],
        disclosures=row["disclosures"],
    )


def grant_of(app: Reader, id: UUID) -> UUID | None:
    """The grant that an agency's reference, or a disclosure's id, belongs to."""
    rows = app.read("SELECT grant_id FROM grant_pointers WHERE id = %s", (str(id),))
    return _uuid(rows[0]["grant_id"]) if rows else None


def _uuid(value: UUID | str) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)
