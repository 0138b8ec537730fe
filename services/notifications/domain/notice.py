"""One neutral notice: that there is something new about a topic, never what.

Requested only for a topic that the person chose; then checked against their
preference: queued for one live way of contact, or suppressed with the reason.
"""

from __future__ import annotations

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from services.notifications.domain.preference import ContactPreference, Suppressed, Way
from shared.eventstore.aggregate import Aggregate


class Notice(Aggregate):
    """One notice of one participation; ``state``: requested, queued or suppressed."""

    class NoticeRequested(Aggregate.Created):
        participation_id: UUID
        topic: str
        cause: str
        requested_at: datetime

    class NoticeQueued(Aggregate.Event):
        participation_id: UUID
        topic: str
        preference_id: UUID
        preference_version: int
        channel_id: UUID
        channel: str
        send_from: datetime
        at: datetime

    class NoticeSuppressed(Aggregate.Event):
        participation_id: UUID
        topic: str
        reason: Suppressed
        at: datetime

    @staticmethod
    def create_id(participation_id: UUID, topic: str, cause: str) -> UUID:
        """One notice per cause: the message that is heard twice is told of once."""
        return uuid5(NAMESPACE_URL, f"/notifications/notice/{participation_id}/{topic}/{cause}")

    @event(NoticeRequested)
    def __init__(
        self, participation_id: UUID, topic: str, cause: str, requested_at: datetime
    ) -> None:
        self.participation_id = participation_id
        self.topic = topic
        self.state = "requested"

    def check(self, preference: ContactPreference | None, *, at: datetime) -> str:
        """The state that follows, by the preference as it is now. A checked notice stays as it is.

        A queued notice cites the preference it relies on; whoever sends it
        checks again, because hours may pass (I09).
        """
        if self.state != "requested":
            return self.state
        way = preference.way(at) if preference else "no_channel"
        if isinstance(way, Way):
            self._queue(  # I09
                participation_id=self.participation_id,
                topic=self.topic,
                preference_id=way.preference_id,
                preference_version=way.preference_version,
                channel_id=way.channel_id,
                channel=way.channel,
                send_from=way.send_from,
                at=at,
            )
        else:
            self._suppress(
                participation_id=self.participation_id, topic=self.topic, reason=way, at=at
            )
        return self.state

    @event(NoticeQueued)
    def _queue(
        self,
        *,
        participation_id: UUID,
        topic: str,
        preference_id: UUID,
        preference_version: int,
        channel_id: UUID,
        channel: str,
        send_from: datetime,
        at: datetime,
    ) -> None:
        self.state = "queued"

    @event(NoticeSuppressed)
    def _suppress(
        self, participation_id: UUID, topic: str, reason: Suppressed, at: datetime
    ) -> None:
        self.state = "suppressed"
