"""Who of an agency's staff accompanies a participation, as intake said.

A copy, for permission to *record*: what a survivor decided is never copied,
and their own decisions wait for nothing here.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.contracts.decision import Base
from shared.eventstore.aggregate import Aggregate


class Accompaniment(Aggregate):
    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class AccompanimentBegun(Aggregate.Created):
        participation_id: UUID

    class AdvocateKnown(Aggregate.Event):
        participation_id: UUID
        advocate_id: UUID
        base: Base
        agency_id: UUID

    class AdvocateGone(Aggregate.Event):
        participation_id: UUID
        advocate_id: UUID

    class NoticeKnown(Aggregate.Event):
        participation_id: UUID
        base: str
        notice_version: str

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One per participation."""
        return uuid5(NAMESPACE_URL, f"/consent/accompaniment/{participation_id}")

    @event(AccompanimentBegun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.bases: dict[UUID, Base] = {}
        self.notices: dict[str, str] = {}
        self.latest_notice: str | None = None

    def advocate_assigned(self, advocate_id: UUID, base: Base, agency_id: UUID) -> None:
        """Intake says that the survivor has this advocate, of this base (R21)."""
        if self.bases.get(advocate_id) != base:
            self._advocate_known(self.participation_id, advocate_id, base, agency_id)

    def assignment_ended(self, advocate_id: UUID) -> None:
        """Intake says that the advocate has no part in this any more."""
        if advocate_id in self.bases:
            self._advocate_gone(self.participation_id, advocate_id)

    def notice_given(self, base: str, notice_version: str) -> None:
        """Intake says that the survivor was given the notice of this base."""
        if self.notices.get(base) != notice_version:
            self._notice_known(self.participation_id, base, notice_version)

    def is_assigned(self, staff_id: UUID) -> bool:
        """Whether the survivor has this advocate now."""
        return staff_id in self.bases

    def base_of(self, staff_id: UUID, own: Base | None) -> Base | None:
        """The base that somebody hears with: that of their assignment, else their own.

        The notice of that base must have been given; one of another base does
        not count (R21, R22).
        """
        return self.bases.get(staff_id, own)

    @event(AdvocateKnown)
    def _advocate_known(
        self, participation_id: UUID, advocate_id: UUID, base: Base, agency_id: UUID
    ) -> None:
        self.bases[advocate_id] = base

    @event(AdvocateGone)
    def _advocate_gone(self, participation_id: UUID, advocate_id: UUID) -> None:
        del self.bases[advocate_id]

    @event(NoticeKnown)
    def _notice_known(self, participation_id: UUID, base: str, notice_version: str) -> None:
        self.notices[base] = notice_version
        self.latest_notice = notice_version
