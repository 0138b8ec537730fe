"""One active of its kind per service, however many processes run: a session's advisory lock.

The lock ends with its connection, so a process that dies frees it at once. One
that is only cut off may believe for a moment that it still holds it: whatever
is done under it must be harmless to do twice.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import psycopg2

from shared.eventstore.reaching import connect

RELAY = 1
SCHEDULER = 2
_CLASS = 7_240  # apart from the log's own lock, which is a single number


class Alone:
    """A place that one process of a service holds; others wait for it."""

    def __init__(self, dsn: str, place: int, *, sure_for: float = 0.0) -> None:
        """``sure_for``: seconds for which a yes counts without asking PostgreSQL again."""
        self._dsn = dsn
        self._place = place
        self._sure_for = sure_for
        self._sure_until = 0.0
        self._connection: Any = None

    def hold(self) -> bool:
        """Whether the place is ours now; takes it if it is free.

        False also while PostgreSQL is away. Ask before every turn of work.
        """
        asked_at = time.monotonic()
        if asked_at < self._sure_until:
            return True
        try:
            held = self._held()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self.release()
            return False
        if held:
            self._sure_until = asked_at + self._sure_for
        return held

    def release(self) -> None:
        """Give the place up, for instance before stopping."""
        self._sure_until = 0.0
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error):
                connection.close()

    def _held(self) -> bool:
        if self._connection is None:
            self._connection = connect(self._dsn, within=5.0)
            self._connection.autocommit = True
            return self._taken("SELECT pg_try_advisory_lock(%s, %s)")
        return self._taken(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
            " AND pid = pg_backend_pid() AND classid = %s AND objid = %s AND granted)"
        ) or self._taken("SELECT pg_try_advisory_lock(%s, %s)")

    def _taken(self, question: str) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute(question, (_CLASS, self._place))
            return bool(cursor.fetchone()[0])
