"""What an agency asked for and was not given: on record, and out of the grant's way.

Each has a stream of its own under a fresh id, which nothing reads again: whoever
asks contends with nobody, and an answer costs the same whatever the reason, and
however often somebody asked before.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from eventsourcing.domain import event

from services.consent.domain.grant import Item
from shared.eventstore.aggregate import Aggregate


class Refusal(Aggregate):
    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class DisclosureRefused(Aggregate.Created):
        agency_id: UUID
        participation_id: UUID | None
        agency_reference: UUID
        item: Item
        purpose: str
        reason: str
        refused_at: datetime

    @event(DisclosureRefused)
    def __init__(
        self,
        *,
        agency_id: UUID,
        participation_id: UUID | None,
        agency_reference: UUID,
        item: Item,
        purpose: str,
        reason: str,
        refused_at: datetime,
    ) -> None:
        """Nothing to remember: the grant decides, or there is none."""
