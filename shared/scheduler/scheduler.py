"""Runs what falls due: expiry, retries, checkpoints, retention.

A due row is written in the transaction that makes it due, and goes in the
transaction of what is done about it. No decision ever waits for this: whether
a grant has expired is read from the clock, and this only records it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from shared.eventstore.work import Context, DueRow
from shared.identity.principal import Principal
from shared.messaging.metrics import DUE_FAILED

BATCH = 100
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=10)

_log = structlog.get_logger(__name__)


class DueApplication(Protocol):
    """The part of an application that is needed here."""

    def due_rows(self, now: datetime, limit: int) -> list[DueRow]: ...

    def due(self, row: DueRow, ctx: Context) -> None: ...

    def postpone(self, row: DueRow, until: datetime) -> None: ...


class Scheduler:
    """The scheduler of one service."""

    def __init__(
        self,
        service: str,
        app: DueApplication,
        clock: Callable[[], datetime],
        alone: Callable[[], bool] = lambda: True,
        store_away: tuple[type[BaseException], ...] = (),
    ) -> None:
        """``alone`` says whether this process is the one that runs due rows now."""
        self._service = service
        self._app = app
        self._clock = clock
        self._alone = alone
        self._store_away = store_away

    def run_once(self) -> int:
        """Run what is due now, the oldest first; how many ran.

        A row whose handler raises is put off, longer each time, and holds up
        no other. When the store is away the error passes through.
        """
        if not self._alone():
            return 0
        now = self._clock()
        done = 0
        for row in self._app.due_rows(now, BATCH):
            try:
                self._app.due(row, self._context(row, now))
                done += 1
            except self._store_away:
                raise
            except Exception:
                DUE_FAILED.labels(self._service).inc()
                _log.exception("due row put off", kind=row.kind, attempts=row.attempts + 1)
                self._app.postpone(row, now + _wait(row.attempts + 1))
        return done

    def _context(self, row: DueRow, now: datetime) -> Context:
        causation = f"due/{row.kind}/{row.key}"
        return Context(
            principal=Principal.system(self._service),
            command_id=None,
            correlation_id=_correlation(self._service, row),
            causation=causation,
            now=now,
        )


def _correlation(service: str, row: DueRow) -> UUID:
    return uuid5(NAMESPACE_URL, f"sayso:{service}/due/{row.kind}/{row.key}/{row.at.isoformat()}")


def _wait(attempts: int) -> timedelta:
    return min(LONGEST, SHORTEST * int(2 ** min(attempts - 1, 20)))
