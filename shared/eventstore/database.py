"""Connections to one database under one role: bounded, and patient while PostgreSQL is away.

psycopg2 in autocommit with statements sent together, so that a transaction
takes few round trips. Only threading primitives: the same under threads and
under eventlet.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg2
import psycopg2.extensions
import psycopg2.extras

from shared.contracts.refusal import Unavailable
from shared.eventstore.reaching import connect

logger = logging.getLogger(__name__)
psycopg2.extras.register_uuid()
psycopg2.extensions.register_adapter(UUID, lambda id: psycopg2.extensions.AsIs(f"'{id.hex}'::uuid"))


@lru_cache(maxsize=16_384)
def _uuid(text: str) -> UUID:
    return UUID(text)


# A log names the same stream in row after row.
psycopg2.extensions.register_type(
    psycopg2.extensions.new_type(
        (2950,), "uuid", lambda text, _: None if text is None else _uuid(text)
    )
)

_OPTIONS = "-c idle_in_transaction_session_timeout=15000 -c lock_timeout=15000"
_READY_WITHIN = 2.0
_LEAST = 0.5
"""Seconds that each try to connect gets, however little patience is left."""
_GONE = ("57P01", "57P02", "57P03", "57P05")


class StoreAway(Unavailable):
    """The database is away or busy; whoever asks again waits as long again."""


class Database:
    """A pool of at most ``size`` connections, opened when first needed.

    ``patience``: how many seconds to wait for a free connection, or for a
    server that is away, before ``StoreAway`` is raised. ``whole``: for who
    vouches for what is stored, see :func:`~shared.eventstore.reaching.connect`.
    """

    def __init__(
        self, dsn: str, *, size: int = 8, patience: float = 5.0, whole: bool = False
    ) -> None:
        self._dsn = dsn
        self._whole = whole
        self._size = size
        self.patience = patience
        self._idle: list[Any] = []
        self._open = 0
        self._free = threading.Condition()
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection in autocommit; one that broke or was left in a transaction is discarded."""
        connection = self._acquire()
        sound = False
        try:
            yield connection
            sound = True
        except psycopg2.Error as error:
            sound = not lost(error, connection)
            raise
        finally:
            self._release(connection, keep=sound and _idle(connection))

    def query(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement that changes nothing; repeated on a fresh connection if one broke."""
        return self._query(sql, params)[0]

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """Like :meth:`query`, each row by its column names."""
        found, names = self._query(sql, params)
        return [dict(zip(names, row, strict=True)) for row in found]

    def execute(self, sql: str, params: tuple[Any, ...] = ()) -> int:
        """One statement, one transaction; the number of rows. Never repeated by itself."""
        try:
            with self.connection() as connection, connection.cursor() as cursor:
                cursor.execute(sql, params)
                return int(cursor.rowcount)
        except psycopg2.Error as error:
            raise _as_away(error) from error

    def is_ready(self) -> bool:
        """Whether the database answers now; for readiness checks, which do not wait."""
        try:
            connection = connect(self._dsn, within=_READY_WITHIN)
        except psycopg2.Error:
            return False
        connection.close()
        return True

    def close(self) -> None:
        """Close what is idle; what is in use closes when it comes back."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._open -= len(idle)
            self._free.notify_all()
        for connection in idle:
            connection.close()

    def _query(self, sql: str, params: tuple[Any, ...]) -> tuple[list[tuple[Any, ...]], list[str]]:
        deadline = time.monotonic() + self.patience
        while True:
            try:
                with self.connection() as connection, connection.cursor() as cursor:
                    cursor.execute(sql, params)
                    return cursor.fetchall(), [column.name for column in cursor.description]
            except psycopg2.Error as error:
                away = _as_away(error)
                if away is error:
                    raise
                if time.monotonic() > deadline:
                    raise away from error
            threading.Event().wait(0.05)

    def _acquire(self) -> Any:
        deadline = time.monotonic() + self.patience
        with self._free:
            while not self._idle and self._open >= self._size:
                if not self._free.wait(deadline - time.monotonic()):
                    raise StoreAway(code="too_busy")
            if self._closed:
                raise StoreAway
            if self._idle:
                return self._idle.pop()
            self._open += 1
        try:
            return self._connect(deadline)
        except BaseException:
            with self._free:
                self._open -= 1
                self._free.notify()
            raise

    def _connect(self, deadline: float) -> Any:
        pause = 0.05
        while True:
            try:
                connection = connect(
                    self._dsn,
                    within=max(deadline - time.monotonic(), _LEAST),
                    whole=self._whole,
                    options=_OPTIONS,
                )
                connection.autocommit = True
                return connection
            except psycopg2.OperationalError as error:
                if time.monotonic() + pause > deadline:
                    logger.warning("database_away")
                    raise StoreAway from error
            threading.Event().wait(pause)
            pause = min(pause * 2, 1.0)

    def _release(self, connection: Any, keep: bool) -> None:
        doomed = []
        with self._free:
            if keep and not self._closed:
                self._idle.append(connection)
            else:
                doomed = [connection]
                if connection.closed:
                    # The server went away: what lies idle is broken too.
                    doomed += self._idle
                    self._idle = []
                self._open -= len(doomed)
            self._free.notify()
        for each in doomed:
            each.close()


def lost(error: BaseException, connection: Any) -> bool:
    """Whether the connection is gone, so that nobody knows what the server did last."""
    code = getattr(error, "pgcode", None)
    return bool(
        connection.closed
        or isinstance(error, psycopg2.InterfaceError)
        or (isinstance(error, psycopg2.OperationalError) and code is None)
        or code in _GONE
        or (code or "").startswith("08")
    )


def _idle(connection: Any) -> bool:
    return bool(
        not connection.closed
        and connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    )


def _as_away(error: Exception) -> Exception:
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return StoreAway()
    return error
