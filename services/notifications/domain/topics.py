"""What a person asked to hear of (R26). Of everything else nothing is said, ever (R11)."""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from shared.accompaniment.confirming import ConfirmedBy, confirmed_by
from shared.contracts.decision import Decision
from shared.contracts.refusal import Refused
from shared.eventstore.aggregate import Aggregate


class NothingToConfirm(Refused):
    """Only a topic that staff recorded waits for a confirmation."""

    code = "nothing_to_confirm"
    detail = "No topic of that name that staff recorded is waiting here."
    what_to_do = "Record the survivor's wish first; what they chose themselves needs nobody else."


class TopicChoice(Aggregate):
    """The topics of one participation: chosen, or waiting for a confirmation."""

    class Begun(Aggregate.Created):
        participation_id: UUID

    class TopicChosen(Aggregate.Event):
        participation_id: UUID
        topic: str
        waits: bool
        decision: Decision

    class TopicConfirmed(Aggregate.Event):
        participation_id: UUID
        topic: str
        confirmed_by: ConfirmedBy
        decision: Decision

    class TopicDropped(Aggregate.Event):
        participation_id: UUID
        topic: str
        decision: Decision

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One choice of topics per participation."""
        return uuid5(NAMESPACE_URL, f"/notifications/topics/{participation_id}")

    @event(Begun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.chosen: set[str] = set()
        self.waiting: dict[str, Decision] = {}

    def wants(self, topic: str) -> bool:
        """Whether the person asked to hear of it, and nobody is left to confirm that."""
        return topic in self.chosen

    def choose(self, topic: str, *, decision: Decision) -> str:
        """``chosen``; or ``awaiting_confirmation`` where staff recorded it.

        The survivor's own choice confirms what staff recorded. A repeat is ignored.
        """
        if topic in self.chosen:
            return "chosen"
        if topic in self.waiting and decision.told_by_staff:
            return "awaiting_confirmation"
        if topic in self.waiting:
            return self.confirm(topic, trained=False, decision=decision)
        self._choose(
            participation_id=self.participation_id,
            topic=topic,
            waits=decision.told_by_staff,
            decision=decision,
        )
        return "awaiting_confirmation" if decision.told_by_staff else "chosen"

    def confirm(self, topic: str, *, trained: bool, decision: Decision) -> str:
        """``chosen``: the survivor, or a second trained person, heard what staff recorded (R71).

        A repeat is ignored. ``NothingToConfirm`` where nothing waits, also after the
        topic was dropped: a confirmation never outruns a no.
        """
        if topic in self.chosen:
            return "chosen"
        if topic not in self.waiting:
            raise NothingToConfirm()
        by = confirmed_by(self.waiting[topic].recorded_by, decision, trained=trained)
        self._confirm(
            participation_id=self.participation_id,
            topic=topic,
            confirmed_by=by,
            decision=decision,
        )
        return "chosen"

    def drop(self, topic: str, *, decision: Decision) -> None:
        """Stop hearing of it, from this moment, whoever records it (R71); a repeat is ignored."""
        if topic in self.chosen or topic in self.waiting:
            self._drop(participation_id=self.participation_id, topic=topic, decision=decision)

    def drop_all(self, *, decision: Decision) -> None:
        """The same for every topic."""
        for topic in sorted({*self.chosen, *self.waiting}):
            self.drop(topic, decision=decision)

    @event(TopicChosen)
    def _choose(self, participation_id: UUID, topic: str, waits: bool, decision: Decision) -> None:
        if waits:
            self.waiting[topic] = decision
        else:
            self.chosen.add(topic)

    @event(TopicConfirmed)
    def _confirm(
        self,
        participation_id: UUID,
        topic: str,
        confirmed_by: ConfirmedBy,
        decision: Decision,
    ) -> None:
        self.waiting.pop(topic)
        self.chosen.add(topic)

    @event(TopicDropped)
    def _drop(self, participation_id: UUID, topic: str, decision: Decision) -> None:
        self.waiting.pop(topic, None)
        self.chosen.discard(topic)
