"""One active of its kind per service, however many processes run: a session's advisory lock.

The lock ends with its connection, so a process that dies frees it at once. One
that is only cut off may believe for a moment that it still holds it: whatever
is done under it must be harmless to do twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import psycopg2

from shared.eventstore.reaching import connect

RELAY = 1
SCHEDULER = 2
_CLASS = 7_240  # apart from the log's own lock, which is a single number


class Alone:
    """A place that one process of a service holds; others wait for it."""

    def __init__(self, dsn: str, place: int) -> None:
        self._dsn = dsn
        self._place = place
        self._connection: Any = None

    def hold(self) -> bool:
        """Whether the place is ours now; takes it if it is free.

        False also while PostgreSQL is away. Ask before every turn of work.
        """
        try:
            if self._connection is None:
                self._connection = connect(self._dsn, within=5.0)
                self._connection.autocommit = True
                return self._taken("SELECT pg_try_advisory_lock(%s, %s)")
            return self._taken(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"
                " AND pid = pg_backend_pid() AND classid = %s AND objid = %s AND granted)"
            ) or self._taken("SELECT pg_try_advisory_lock(%s, %s)")
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self.release()
            return False

    def release(self) -> None:
        """Give the place up, for instance before stopping."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg2.Error):
                connection.close()

    def _taken(self, question: str) -> bool:
        with self._connection.cursor() as cursor:
            cursor.execute(question, (_CLASS, self._place))
            return bool(cursor.fetchone()[0])
