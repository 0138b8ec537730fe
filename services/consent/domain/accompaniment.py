"""Who of an agency's staff accompanies a participation, as intake said.

A copy, for permission to *record*: what a survivor decided is never copied,
and their own decisions wait for nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.contracts.decision import Base
from shared.eventstore.aggregate import Aggregate


@dataclass(frozen=True, slots=True)
class Assignment:
    """For which base, and of which agency, an advocate was assigned."""

    base: Base
    agency_id: UUID


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
        self.assignments: dict[UUID, Assignment] = {}
        self.notices: dict[str, str] = {}
        self.latest_notice: str | None = None

    def advocate_assigned(self, advocate_id: UUID, base: Base, agency_id: UUID) -> None:
        """Intake says that the survivor has this advocate, of this base (R21)."""
        if self.assignments.get(advocate_id) != Assignment(base, agency_id):
            self._advocate_known(self.participation_id, advocate_id, base, agency_id)

    def assignment_ended(self, advocate_id: UUID) -> None:
        """Intake says that the advocate has no part in this any more."""
        if advocate_id in self.assignments:
            self._advocate_gone(self.participation_id, advocate_id)

    def notice_given(self, base: str, notice_version: str) -> None:
        """Intake says that the survivor was given the notice of this base."""
        if self.notices.get(base) != notice_version:
            self._notice_known(self.participation_id, base, notice_version)

    def is_assigned(self, staff_id: UUID, base: Base | None, agency_id: UUID | None) -> bool:
        """Whether the survivor has this advocate now, of this very base and agency.

        A systems advocate never passes as a community one (R21).
        """
        known = self.assignments.get(staff_id)
        return known is not None and (known.base, known.agency_id) == (base, agency_id)

    def is_colleague(self, agency_id: UUID | None) -> bool:
        """Whether that is the agency of an advocate whom the survivor has now (R71)."""
        return any(known.agency_id == agency_id for known in self.assignments.values())

    @event(AdvocateKnown)
    def _advocate_known(
        self, participation_id: UUID, advocate_id: UUID, base: Base, agency_id: UUID
    ) -> None:
        self.assignments[advocate_id] = Assignment(base, agency_id)

    @event(AdvocateGone)
    def _advocate_gone(self, participation_id: UUID, advocate_id: UUID) -> None:
        del self.assignments[advocate_id]

    @event(NoticeKnown)
    def _notice_known(self, participation_id: UUID, base: str, notice_version: str) -> None:
        self.notices[base] = notice_version
        self.latest_notice = notice_version
