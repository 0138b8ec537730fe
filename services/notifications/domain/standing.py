"""Who of the staff may record something here, as intake told; our own copy, in our own words."""

from __future__ import annotations

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


class Standing(Aggregate):
    """The advocates of one participation, and the notices it was given."""

    class Begun(Aggregate.Created):
        participation_id: UUID

    class AdvocateHeardOf(Aggregate.Event):
        participation_id: UUID
        advocate_id: UUID
        base: str

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
        self.advocates: dict[UUID, str] = {}
        self.notices: dict[str, str] = {}
        self.latest_notice: str | None = None

    def check_may_record_no(self, staff_id: UUID) -> None:
        """Refuses anybody but an assigned advocate. A no waits for nothing else (R71)."""
        if staff_id not in self.advocates:
            raise NotAssigned()

    def check_may_record_yes(self, staff_id: UUID) -> None:
        """Refuses anybody but an assigned advocate, and also them before their notice (R22)."""
        self.check_may_record_no(staff_id)
        if self.advocates[staff_id] not in self.notices:  # R22
            raise NoticeComesFirst()

    def hear_of_advocate(self, advocate_id: UUID, base: str) -> None:
        """Intake assigned an advocate; a repeat is ignored."""
        if self.advocates.get(advocate_id) != base:
            self._hear_of_advocate(
                participation_id=self.participation_id, advocate_id=advocate_id, base=base
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
    def _hear_of_advocate(self, participation_id: UUID, advocate_id: UUID, base: str) -> None:
        self.advocates[advocate_id] = base

    @event(AdvocateLeft)
    def _hear_of_end(self, participation_id: UUID, advocate_id: UUID) -> None:
        self.advocates.pop(advocate_id)

    @event(NoticeHeardOf)
    def _hear_of_notice(self, base: str, notice_version: str) -> None:
        self.notices[base] = notice_version
        self.latest_notice = notice_version
