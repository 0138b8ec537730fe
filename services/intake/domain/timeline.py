"""What other services told about a participation, so that its own timeline is whole.

A stream of its own: what others say never contends with what the survivor decides.
"""

from __future__ import annotations

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.eventstore.aggregate import Aggregate

_COMPLETED = "erasure_completed"
"""What the keyring says once no process holds a key of the erasure, to open or to close with."""


class Timeline(Aggregate):
    """Entries in the order in which they were heard."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class TimelineBegun(Aggregate.Created):
        participation_id: UUID

    class Noted(Aggregate.Event):
        participation_id: UUID
        source: str
        what: str
        at: datetime
        about: str | None
        shared_with: UUID | None
        recorded_by_id: UUID | None
        recorded_by_role: str | None

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One timeline a participation."""
        return uuid5(NAMESPACE_URL, f"/intake/timeline/{participation_id}")

    @event(TimelineBegun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.carried_out: set[UUID] = set()

    def note(
        self,
        *,
        source: str,
        what: str,
        at: datetime,
        about: str | None = None,
        shared_with: UUID | None = None,
        recorded_by_id: UUID | None = None,
        recorded_by_role: str | None = None,
    ) -> None:
        """Keep what another service said; ids, types and times are all there is."""
        self._note(
            participation_id=self.participation_id,
            source=source,
            what=what,
            at=at,
            about=about,
            shared_with=shared_with,
            recorded_by_id=recorded_by_id,
            recorded_by_role=recorded_by_role,
        )

    @event(Noted)
    def _note(  # noqa: PLR0917  called by name only
        self,
        participation_id: UUID,
        source: str,
        what: str,
        at: datetime,
        about: str | None,
        shared_with: UUID | None,
        recorded_by_id: UUID | None,
        recorded_by_role: str | None,
    ) -> None:
        if source == "keyring" and what == _COMPLETED and about is not None:
            self.carried_out.add(UUID(about))
