"""What an agency asked for and was not given: on record, and out of the grant's way.

A stream of its own per agency, participation and day (per agency and day
where no participation is known), so that whoever asks never contends with the
grant, and an answer costs the same however often somebody asked before.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from services.consent.domain.grant import Item
from shared.eventstore.aggregate import Aggregate


class Refusals(Aggregate):
    # Stored for ever. Never rename, reuse or drop a class or a field here.
    # The first event carries a refusal too: the first one writes as much as any other,
    # so that the time an answer takes does not tell a known participation from none.
    class DisclosureRefused(Aggregate.Created):
        agency_id: UUID
        participation_id: UUID | None
        day: str
        agency_reference: UUID
        item: Item
        purpose: str
        reason: str
        refused_at: datetime

    class DisclosureRefusedAgain(Aggregate.Event):
        agency_reference: UUID
        item: Item
        purpose: str
        reason: str
        refused_at: datetime

    @staticmethod
    def create_id(agency_id: UUID, participation_id: UUID | None, day: str) -> UUID:
        """The stream of one agency, about one participation or none, on one day."""
        return uuid5(NAMESPACE_URL, f"/consent/refusals/{agency_id}/{participation_id}/{day}")

    @classmethod
    def stream(cls, agency_id: UUID, participation_id: UUID | None, day: date) -> UUID:
        """Where the refusals of that day are."""
        return cls.create_id(agency_id, participation_id, day.isoformat())

    @event(DisclosureRefused)
    def __init__(
        self,
        *,
        agency_id: UUID,
        participation_id: UUID | None,
        day: str,
        agency_reference: UUID,
        item: Item,
        purpose: str,
        reason: str,
        refused_at: datetime,
    ) -> None:
        self.count = 1

    @event(DisclosureRefusedAgain)
    def record(
        self, *, agency_reference: UUID, item: Item, purpose: str, reason: str, refused_at: datetime
    ) -> None:
        """Another one. Nothing is decided here: the grant has, or there is none."""
        self.count += 1
