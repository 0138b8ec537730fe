"""How far a case has come; the survivor moves it, and can always pause it or close it.

inquiry → notice_given → open ⇄ paused → closed → reopened. A pause or a close is never
refused, from wherever; a repeat changes nothing.
"""

from __future__ import annotations

from uuid import UUID

from eventsourcing.domain import event

from shared.accompaniment.refusals import NoticeNotGiven
from shared.contracts.decision import Decision
from shared.eventstore.aggregate import Aggregate


class Case(Aggregate):
    """One harm, as one survivor brings it."""

    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class InquiryOpened(Aggregate.Created):
        case_id: UUID
        participation_id: UUID

    class NoticeHeard(Aggregate.Event):
        participation_id: UUID

    class CaseOpened(Aggregate.Event):
        participation_id: UUID

    class CasePaused(Aggregate.Event):
        participation_id: UUID
        decision: Decision

    class CaseClosed(Aggregate.Event):
        participation_id: UUID
        decision: Decision

    class CaseReopened(Aggregate.Event):
        participation_id: UUID
        state: str
        decision: Decision

    @staticmethod
    def create_id(case_id: UUID) -> UUID:
        """The id that the edge drew."""
        return case_id

    @event(InquiryOpened)
    def __init__(self, case_id: UUID, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.state = "inquiry"
        self.before_rest = "inquiry"

    @property
    def at_rest(self) -> bool:
        """Whether the survivor paused or closed it."""
        return self.state in ("paused", "closed")

    def hear_notice(self) -> None:
        """The first notice was given."""
        if self.state == "inquiry":
            self._hear_notice(participation_id=self.participation_id)

    def open(self) -> None:
        """The first content arrives. ``NoticeNotGiven`` where no notice came before (R22)."""
        if self.state == "inquiry":
            raise NoticeNotGiven()
        if self.state == "notice_given":
            self._open(participation_id=self.participation_id)

    def pause(self, decision: Decision) -> None:
        """Rest; a closed case stays closed (R09)."""
        if not self.at_rest:
            self._pause(participation_id=self.participation_id, decision=decision)

    def close(self, decision: Decision) -> None:
        """End, from any state (R09)."""
        if self.state != "closed":
            self._close(participation_id=self.participation_id, decision=decision)

    def reopen(self, decision: Decision) -> None:
        """After a pause go on where it stood; after a close begin anew."""
        if self.at_rest:
            state = self.before_rest if self.state == "paused" else "reopened"
            self._reopen(participation_id=self.participation_id, state=state, decision=decision)

    @event(NoticeHeard)
    def _hear_notice(self, participation_id: UUID) -> None:
        self.state = "notice_given"

    @event(CaseOpened)
    def _open(self, participation_id: UUID) -> None:
        self.state = "open"

    @event(CasePaused)
    def _pause(self, participation_id: UUID, decision: Decision) -> None:
        self.before_rest = self.state
        self.state = "paused"

    @event(CaseClosed)
    def _close(self, participation_id: UUID, decision: Decision) -> None:
        self.state = "closed"

    @event(CaseReopened)
    def _reopen(self, participation_id: UUID, state: str, decision: Decision) -> None:
        self.state = state
