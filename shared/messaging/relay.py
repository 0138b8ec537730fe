"""From the log to the broker, in order; the cursor moves only after the confirm.

Knows no transport and no database: see ``amqp.relay`` for both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from shared.messaging.announcement import Announcement
from shared.messaging.metrics import PUBLISHED, RELAY_CURSOR

BATCH = 100


class RelayLog(Protocol):
    """The producer's log, and how far it was announced."""

    def cursor(self) -> int:
        """The last position whose announcement the broker confirmed."""

    def after(self, position: int, limit: int) -> Sequence[Announcement]:
        """What is to be announced after a position, in order."""

    def confirmed(self, position: int, previous: int) -> None:
        """Remember, durably, that everything up to ``position`` is announced.

        ``previous`` is where the cursor was. If it is somewhere else, another
        relay is at work: raises :class:`NotAlone` and changes nothing.
        """


class NotAlone(RuntimeError):
    """The cursor moved under this relay: it has lost its place as the active one."""


class Relay:
    """The one active relay of a service."""

    def __init__(
        self,
        service: str,
        log: RelayLog,
        publish: Callable[[Sequence[Announcement]], None],
    ) -> None:
        """``publish`` returns when the broker has confirmed all of them, else raises."""
        self.service = service
        self._log = log
        self._publish = publish
        self._cursor: int | None = None

    def run_once(self) -> int:
        """Announce one batch; how many: :data:`BATCH` where there may be more.

        Whatever fails leaves the cursor where it was. A batch of which a part was
        confirmed is announced again from its beginning: followers drop what they have.
        """
        # Known from the batch before; whoever else moved it is met when it is moved again. Where
        # there is nothing to announce it is asked for anew: a store may have been put back.
        cursor, self._cursor = self._cursor, None
        if cursor is None:
            cursor = self._log.cursor()
        batch = self._log.after(cursor, BATCH)
        if not batch:
            return 0
        self._publish(batch)
        self._log.confirmed(batch[-1].position, cursor)
        self._cursor = batch[-1].position
        PUBLISHED.labels(self.service).inc(len(batch))
        RELAY_CURSOR.labels(self.service).set(batch[-1].position)
        return len(batch)
