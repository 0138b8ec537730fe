"""A service's own copy of who accompanies a participation, as intake said.

For permission to *record*, and to contact: whoever paused or closed their case is
left alone. What a survivor decided is never copied, and for their own decisions
nothing counts here but that they were told first (R22).
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.accompaniment.company import Assignment, Company
from shared.accompaniment.refusals import CaseAtRest, NotAssigned, NoticeNotGiven
from shared.contracts.decision import Base, RecordedBy
from shared.eventstore.aggregate import Aggregate

AT_REST = ("paused", "closed")
"""How a case stands of which the survivor wishes to be asked nothing."""


class Accompaniment(Aggregate):
    """One per participation, in each service that records what the survivor decided."""

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

    class CaseStateKnown(Aggregate.Event):
        participation_id: UUID
        state: str

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One per participation."""
        return uuid5(NAMESPACE_URL, f"/accompaniment/{participation_id}")

    @event(AccompanimentBegun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.company = Company()
        self.case_state = ""

    def advocate_assigned(self, advocate_id: UUID, base: Base, agency_id: UUID) -> None:
        """Intake says that the survivor has this advocate, of this base (R21)."""
        if self.company.assignments.get(advocate_id) != Assignment(base, agency_id):
            self._advocate_known(self.participation_id, advocate_id, base, agency_id)

    def assignment_ended(self, advocate_id: UUID) -> None:
        """Intake says that the advocate has no part in this any more."""
        if advocate_id in self.company.assignments:
            self._advocate_gone(self.participation_id, advocate_id)

    def notice_given(self, base: str, notice_version: str) -> None:
        """Intake says that the survivor was given the notice of this base."""
        latest = (self.company.latest_base, self.company.latest_notice)
        if latest != (base, notice_version):
            self._notice_known(self.participation_id, base, notice_version)

    def case_is(self, state: str) -> None:
        """Intake says how the survivor's case stands."""
        if self.case_state != state:
            self._case_state_known(self.participation_id, state)

    @property
    def at_rest(self) -> bool:
        """Whether the survivor paused or closed their case, as far as it is known here."""
        return self.case_state in AT_REST

    def must_be_told(self) -> None:
        """Refuses a survivor's own words too before the notice for whoever helps now (R22)."""
        if not self.company.is_told:  # R21 R22
            raise NoticeNotGiven()

    def must_let_record(
        self, by: RecordedBy, *, no: bool = False, come_to_hear: bool = False
    ) -> None:
        """Refuses staff who may not write down what the survivor said.

        That is for an assigned advocate, after the notice of their base, if that was
        the last one given (R21, R22), and while the survivor's case does not rest (R09).
        A no waits for none of it (R71). ``come_to_hear``: for a second person, a
        colleague of an assigned advocate, of a base whose notice was given at any time.
        """
        assigned = self.company.is_as_assigned(by)
        if not assigned and not (come_to_hear and self.company.is_colleague(by)):  # R21 R71
            raise NotAssigned()
        if no:  # R09 R71
            return
        if self.at_rest:  # R09 I04
            raise CaseAtRest()
        is_told_of = self.company.is_told_of if assigned else self.company.was_told_of
        if not is_told_of(by.base):  # R21 R22
            raise NoticeNotGiven()

    @event(CaseStateKnown)
    def _case_state_known(self, participation_id: UUID, state: str) -> None:
        self.case_state = state

    @event(AdvocateKnown)
    def _advocate_known(
        self, participation_id: UUID, advocate_id: UUID, base: Base, agency_id: UUID
    ) -> None:
        self.company.join(advocate_id, base, agency_id)

    @event(AdvocateGone)
    def _advocate_gone(self, participation_id: UUID, advocate_id: UUID) -> None:
        self.company.leave(advocate_id)

    @event(NoticeKnown)
    def _notice_known(self, participation_id: UUID, base: str, notice_version: str) -> None:
        self.company.tell(base, notice_version)
