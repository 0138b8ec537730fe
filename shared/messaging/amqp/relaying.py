"""The relay over RabbitMQ: one active per service, from the log to the events exchange."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Protocol

from shared.eventstore.application import Published
from shared.eventstore.database import Database
from shared.messaging.amqp.publisher import ConfirmingPublisher
from shared.messaging.announcement import Announcement
from shared.messaging.doorbell import Doorbell
from shared.messaging.relay import BATCH, NotAlone, Relay
from shared.scheduler.alone import Alone

LOOK_EVERY = 0.5
"""Seconds between looks while nobody rings: what other processes of the service stored."""

SURE_FOR = 0.5
"""Seconds for which the relay takes its place as its own; two relays are harmless (its cursor)."""


class Publishes(Protocol):
    """The part of an application that is needed here."""

    def messages_after(self, position: int, limit: int) -> list[Published]: ...


class StoreRelayLog:
    """The log and the relay's cursor in the service's own database, under the relay's role."""

    def __init__(self, service: str, app: Publishes, database: Database) -> None:
        self._service = service
        self._app = app
        self._database = database

    def cursor(self) -> int:
        """The last announced position; 0 before the first."""
        rows = self._database.query("SELECT cursor FROM relay")
        return int(rows[0][0]) if rows else 0

    def after(self, position: int, limit: int) -> Sequence[Announcement]:
        """What follows in the log."""
        found = self._app.messages_after(position, limit)
        return [Announcement.of(self._service, published) for published in found]

    def confirmed(self, position: int, previous: int) -> None:
        """Move the cursor, if it is where it was; :class:`NotAlone` otherwise."""
        if previous == 0:
            self._database.execute(
                "INSERT INTO relay (cursor, last_published) VALUES (0, 0) ON CONFLICT DO NOTHING"
            )
        # Not waited for until it is on the disk: a cursor that a crash takes back means that some
        # messages are announced again, and followers drop what they have.
        moved = self._database.execute(
            "SET synchronous_commit = off;"
            " UPDATE relay SET cursor = %s, last_published = %s WHERE cursor = %s",
            (position, position, previous),
        )
        if moved != 1:
            raise NotAlone(f"the cursor of {self._service} is no longer at {previous}")


class RelayPart:
    """Announces whatever is stored, as soon as it is stored."""

    name = "relay"

    def __init__(
        self,
        relay: Callable[[ConfirmingPublisher], Relay],
        publisher: ConfirmingPublisher,
        alone: Alone,
        bell: Doorbell,
    ) -> None:
        self._relay = relay(publisher)
        self._publisher = publisher
        self._alone = alone
        self._bell = bell

    def session(self, stopping: Event) -> None:
        """Until the broker or the database goes away."""
        heard = 0
        while not stopping.is_set():
            if self._alone.hold() and self._relay.run_once() == BATCH:
                continue
            self._publisher.tick()
            heard = self._bell.wait(heard, LOOK_EVERY)

    def close(self) -> None:
        """Give up connection and place, so that another process may go on."""
        self._publisher.close()
        self._alone.release()
