"""What other services told about a participation, so that its own timeline is whole.

Each entry is a stream of its own: what others say, however much, is never replayed
to hear the next, and contends with nothing that the survivor decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.eventstore.aggregate import Aggregate

Item = tuple[str, str, UUID]
"""The service that owns a thing, its kind there, its id."""


class Note(Aggregate):
    """One entry; ids, types and times are all there is."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class Noted(Aggregate.Created):
        participation_id: UUID
        cause: str
        source: str
        what: str
        at: datetime
        about: str | None
        shared_with: UUID | None
        recorded_by_id: UUID | None
        recorded_by_role: str | None
        item: Item | None
        class_version = 2

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Entries from before do not say which item a disclosure gave."""
            state["item"] = None

    @staticmethod
    def create_id(cause: str) -> UUID:
        """One for each message heard: ``cause`` is its ``<service>/<position>``."""
        return uuid5(NAMESPACE_URL, f"/intake/note/{cause}")

    @event(Noted)
    def __init__(
        self,
        *,
        participation_id: UUID,
        cause: str,
        source: str,
        what: str,
        at: datetime,
        about: str | None = None,
        shared_with: UUID | None = None,
        recorded_by_id: UUID | None = None,
        recorded_by_role: str | None = None,
        item: Item | None = None,
    ) -> None:
        """Nothing to remember: the read table shows it."""


class CarriedOut(Aggregate):
    """An erasure of which the keyring said that nobody holds a key any more."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class ErasureCarriedOut(Aggregate.Created):
        participation_id: UUID
        erasure_id: UUID

    @staticmethod
    def create_id(erasure_id: UUID) -> UUID:
        """One for each erasure."""
        return uuid5(NAMESPACE_URL, f"/intake/carried-out/{erasure_id}")

    @event(ErasureCarriedOut)
    def __init__(self, participation_id: UUID, erasure_id: UUID) -> None:
        """That it is there is all there is to know."""
