"""What a participation had erased: it is released and disclosed to nobody any more."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from services.consent.domain.grant import Item, as_item
from shared.eventstore.aggregate import Aggregate


class ErasedItems(Aggregate):
    """One per participation. Every release is held against it, also one proposed later."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class ErasedItemsBegun(Aggregate.Created):
        participation_id: UUID

    class ItemsErased(Aggregate.Event):
        participation_id: UUID
        erasure_id: UUID
        items: tuple[Item, ...]

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One per participation."""
        return uuid5(NAMESPACE_URL, f"/consent/erased/{participation_id}")

    @event(ErasedItemsBegun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.items: frozenset[Item] = frozenset()

    def erase(self, erasure_id: UUID, items: Iterable[Item]) -> None:
        """Remember what the owner of these items says is erased; a repeat is ignored."""
        new = tuple(sorted(set(items) - self.items))
        if new:
            self._items_erased(self.participation_id, erasure_id, new)

    @event(ItemsErased)
    def _items_erased(
        self, participation_id: UUID, erasure_id: UUID, items: tuple[Item, ...]
    ) -> None:
        self.items |= frozenset(as_item(item) for item in items)
