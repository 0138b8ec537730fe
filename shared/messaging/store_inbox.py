"""The inbox in a service's own database: every effect and its cursor in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.batch import AlreadyDone
from shared.eventstore.work import Context, Handler, Work
from shared.identity.principal import Principal
from shared.messaging.announcement import Announcement
from shared.messaging.inbox import AlreadyConsumed, Parked, Standing

_STANDING = (
    "SELECT coalesce((SELECT position FROM inbox WHERE producer = %s), 0),"
    " EXISTS (SELECT 1 FROM parked WHERE producer = %s AND stream_id = %s)"
)
_HEADS = (
    "SELECT DISTINCT ON (stream_id) message, attempts, retry_at, reason FROM parked"
    " WHERE producer = %s ORDER BY stream_id, position"
)
_PARK = (
    "INSERT INTO parked (producer, position, stream_id, message, reason, retry_at, attempts)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)
_STILL_FIRST = "(SELECT min(position) FROM parked WHERE producer = %s AND stream_id = %s) = %s"
_NOT_BEFORE = "coalesce((SELECT position FROM inbox WHERE producer = %s), 0) >= %s"
_UNPARK = "DELETE FROM parked WHERE producer = %s AND position = %s"
_POSTPONE = (
    "UPDATE parked SET attempts = attempts + 1, reason = %s, retry_at = %s"
    " WHERE producer = %s AND position = %s"
)


def _nothing(_work: Work) -> None:
    return


class StoreInbox:
    """The :class:`~shared.messaging.inbox.Inbox` of one application."""

    def __init__(self, app: EventSourcedApplication, clock: Callable[[], datetime]) -> None:
        self._app = app
        self._service = app.edge.service
        self._clock = clock

    def standing(self, producer: str, stream_id: str) -> Standing:
        """Cursor and parked, in one statement."""
        [(cursor, parked)] = self._app.committer.query(_STANDING, (producer, producer, stream_id))
        return Standing(int(cursor), bool(parked))

    def follows(self, announcement: Announcement) -> bool:
        """Whether the application has a reaction to this type."""
        return announcement.type in self._app.reactions

    def react(self, announcement: Announcement) -> None:
        """React and move the cursor."""
        self._decide(announcement, self._reaction(announcement))

    def skip(self, announcement: Announcement, began: int) -> None:
        """Move the cursor, if it is not before ``began``."""
        self._decide(
            announcement,
            lambda work: work.require(_NOT_BEFORE, (announcement.producer, began)),
        )

    def park(
        self, announcement: Announcement, reason: str, attempts: int, retry_at: datetime
    ) -> None:
        """Set aside and move the cursor."""
        row = (
            announcement.producer,
            announcement.position,
            announcement.stream_id,
            announcement.to_json().decode(),
            reason,
            retry_at,
            attempts,
        )
        self._decide(announcement, lambda work: work.execute(_PARK, row))

    def heads(self, producer: str) -> list[Parked]:
        """The first of each parked stream."""
        found = [
            Parked(Announcement.from_json(json.dumps(message)), attempts, retry_at, reason)
            for message, attempts, retry_at, reason in self._app.committer.query(
                _HEADS, (producer,)
            )
        ]
        return sorted(found, key=lambda parked: parked.announcement.position)

    def react_parked(self, parked: Parked) -> None:
        """React and take it out, if it is still the first of its stream."""
        announcement = parked.announcement
        reaction = self._reaction(announcement)
        producer, position = announcement.producer, announcement.position

        def handler(work: Work) -> None:
            work.require(_STILL_FIRST, (producer, announcement.stream_id, position))
            reaction(work)
            work.execute(_UNPARK, (producer, position))

        self._decide(announcement, handler, moves_cursor=False)

    def postpone(self, parked: Parked, reason: str, retry_at: datetime) -> None:
        """Count a failed attempt."""
        announcement = parked.announcement
        self._app.committer.execute(
            _POSTPONE, (reason, retry_at, announcement.producer, announcement.position)
        )

    def parked_count(self, producer: str) -> int:
        """How many are set aside."""
        [(count,)] = self._app.committer.query(
            "SELECT count(*) FROM parked WHERE producer = %s", (producer,)
        )
        return int(count)

    def _reaction(self, announcement: Announcement) -> Callable[[Work], None]:
        handler: Handler | None = self._app.reactions.get(announcement.type)
        if handler is None:
            return _nothing
        message = announcement.message()
        if message is None:
            raise LookupError(f"no contract describes {announcement.type}")
        return lambda work: handler(self._app, message, work)

    def _decide(
        self,
        announcement: Announcement,
        handler: Callable[[Work], None],
        moves_cursor: bool = True,
    ) -> None:
        ctx = Context(
            principal=Principal.system(self._service),
            command_id=None,
            correlation_id=announcement.correlation_id,
            causation=announcement.id,
            now=self._clock(),
            message=(announcement.producer, announcement.position) if moves_cursor else None,
        )
        try:
            self._app.decide(ctx, handler)
        except AlreadyDone:
            raise AlreadyConsumed from None
