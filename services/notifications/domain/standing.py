"""Who of the staff may record something here, as intake told; our own copy, in our own words."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.contracts.refusal import Because, NotAllowed, Refused
from shared.eventstore.aggregate import Aggregate


class NotAssigned(NotAllowed):
    """The survivor's own advocate may record what they say, and nobody else."""

    code = "not_assigned"


class NoticeComesFirst(Refused):
    """Nothing is collected before the limits of confidentiality were explained (R22)."""

    code = "notice_comes_first"
    because: Because = "conflict"
    detail = "The confidentiality notice for your base has not been given yet."
    what_to_do = "Give the notice first, then ask the survivor again."


@dataclass(frozen=True, slots=True)
class Asker:
    """A member of staff, as whoever admitted them knows them."""

    staff_id: UUID
    base: str | None
    agency_id: UUID | None


class Standing(Aggregate):
    """The advocates of one participation, and the notices it was given."""

    class Begun(Aggregate.Created):
        participation_id: UUID

    class AdvocateHeardOf(Aggregate.Event):
        participation_id: UUID
        advocate_id: UUID
        base: str
        agency_id: UUID

    class AdvocateLeft(Aggregate.Event):
        participation_id: UUID
        advocate_id: UUID

    class NoticeHeardOf(Aggregate.Event):
        base: str
        notice_version: str

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One standing per participation."""
        return uuid5(NAMESPACE_URL, f"/notifications/standing/{participation_id}")

    @event(Begun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.advocates: dict[UUID, Asker] = {}
        self.notices: dict[str, str] = {}
        self.latest_notice: str | None = None

    def is_assigned(self, asker: Asker) -> bool:
        """Whether intake assigned them, for the very base and agency that they come with (R21)."""
        return self.advocates.get(asker.staff_id) == asker

    def check_may_record_no(self, asker: Asker) -> None:
        """Refuses anybody but an assigned advocate. A no waits for nothing else (R71)."""
        if not self.is_assigned(asker):
            raise NotAssigned()

    def check_may_record_yes(self, asker: Asker) -> None:
        """Refuses anybody but an assigned advocate, and also them before their notice (R22)."""
        self.check_may_record_no(asker)
        self._check_notice(asker)

    def check_may_hear_yes(self, asker: Asker) -> None:
        """Refuses a second person who is no colleague of an assigned advocate (R71).

        And before the notice of their own base was given.
        """
        if all(known.agency_id != asker.agency_id for known in self.advocates.values()):
            raise NotAssigned()
        self._check_notice(asker)

    def _check_notice(self, asker: Asker) -> None:
        if asker.base not in self.notices:  # R22
            raise NoticeComesFirst()

    def hear_of_advocate(self, advocate_id: UUID, base: str, agency_id: UUID) -> None:
        """Intake assigned an advocate; a repeat is ignored."""
        if self.advocates.get(advocate_id) != Asker(advocate_id, base, agency_id):
            self._hear_of_advocate(
                participation_id=self.participation_id,
                advocate_id=advocate_id,
                base=base,
                agency_id=agency_id,
            )

    def hear_of_end(self, advocate_id: UUID) -> None:
        """Intake ended an assignment; a repeat is ignored."""
        if advocate_id in self.advocates:
            self._hear_of_end(participation_id=self.participation_id, advocate_id=advocate_id)

    def hear_of_notice(self, base: str, notice_version: str) -> None:
        """Intake recorded that a notice was given; a repeat is ignored."""
        if (self.notices.get(base), self.latest_notice) != (notice_version, notice_version):
            self._hear_of_notice(base=base, notice_version=notice_version)

    @event(AdvocateHeardOf)
    def _hear_of_advocate(
        self, participation_id: UUID, advocate_id: UUID, base: str, agency_id: UUID
    ) -> None:
        self.advocates[advocate_id] = Asker(advocate_id, base, agency_id)

    @event(AdvocateLeft)
    def _hear_of_end(self, participation_id: UUID, advocate_id: UUID) -> None:
        self.advocates.pop(advocate_id)

    @event(NoticeHeardOf)
    def _hear_of_notice(self, base: str, notice_version: str) -> None:
        self.notices[base] = notice_version
        self.latest_notice = notice_version
