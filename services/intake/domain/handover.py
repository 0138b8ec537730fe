"""One item, handed over once under one disclosure."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.eventstore.aggregate import Aggregate


class Handover(Aggregate):
    """Exists once the item is on its way; a stream of its own, so that an agency that asks
    again and again never stands in the survivor's way."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class ItemHandedOver(Aggregate.Created):
        disclosure_id: UUID
        participation_id: UUID
        agency_id: UUID
        kind: str
        item_id: UUID

    @staticmethod
    def create_id(disclosure_id: UUID) -> UUID:
        """One hand-over a disclosure: a second has the same id, and no place."""
        return uuid5(NAMESPACE_URL, f"/intake/handover/{disclosure_id}")

    @staticmethod
    def take_id(disclosure_id: UUID, command_id: UUID) -> UUID:
        """Under which consent is asked to record that it is taken: one for each command."""
        return uuid5(NAMESPACE_URL, f"/intake/take/{disclosure_id}/{command_id}")

    @event(ItemHandedOver)
    def __init__(
        self,
        disclosure_id: UUID,
        participation_id: UUID,
        agency_id: UUID,
        kind: str,
        item_id: UUID,
    ) -> None:
        self.participation_id = participation_id
