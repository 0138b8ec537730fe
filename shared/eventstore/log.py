"""Group commit: decisions that wait together are stored in one transaction.

Whoever finds nobody committing leads: it takes what waits, stores it, tells the
others, and hands the lead to the next. A batch is two round trips. The first
takes the lock, and in a *later* statement (one statement's snapshot precedes
its lock) reads the last position and which decisions have lost a race. The
second inserts and commits. If it fails, nothing of the batch is stored and its
decisions run one at a time.

A process that has been alone at the log for a while makes one round trip of it:
it takes the lock and inserts at the positions after those that it gave last. A
unique key refuses whatever was guessed wrongly, and the batch takes the two.
"""

from __future__ import annotations

import threading
from typing import Any

import psycopg2
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from shared.eventstore.batch import (
    LOCK,
    AlreadyDone,
    Decision,
    End,
    VersionConflict,
    checks,
    inserts,
)
from shared.eventstore.database import Database, StoreAway, lost

ALONE = 8
"""Batches in a row that found the log as this process left it, before it guesses that it did."""

_MOST = 128
# The guess also says that its last position is there: a log that lost its end would get a hole.
_GUESSED = (
    b"BEGIN; SELECT pg_advisory_xact_lock(%d),"
    b" 1 / (EXISTS (SELECT FROM events WHERE position = %d))::integer; "
)


class _Waiting:
    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.claims = decision.claims()
        # Released once, by whoever settles it or hands the lead over. A bare lock: an event is
        # three of them.
        self.woken = threading.Lock()
        self.woken.acquire()
        self.positions: list[int] | None = None
        self.error: BaseException | None = None

    @property
    def settled(self) -> bool:
        return self.positions is not None or self.error is not None


class EventLog:
    """Stores decisions through the committer's connections."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._led = False
        # Where this process left the log, and how many batches in a row found it so.
        self._end = End(0, 0)
        self._alone = 0

    def store(self, decision: Decision) -> list[int]:
        """Store all of it and return the positions of its events.

        Raises ``VersionConflict`` or ``AlreadyDone`` (nothing stored), the
        database's own error (nothing stored), or ``StoreAway`` when it is
        away; then nothing is known to be stored and a repeat is safe.
        """
        mine = _Waiting(decision)
        with self._lock:
            self._queue.append(mine)
            lead, self._led = not self._led, True
        if not lead:
            mine.woken.acquire()
        if not mine.settled:
            self._lead(mine)
        if isinstance(mine.error, psycopg2.OperationalError | psycopg2.InterfaceError):
            raise StoreAway from mine.error
        if mine.error is not None:
            raise mine.error
        return mine.positions or []

    def _lead(self, mine: _Waiting) -> None:
        batch = self._take()
        try:
            self._settle(batch)
        finally:
            for waiting in batch:
                if not waiting.settled:
                    waiting.error = StoreAway()
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._led = following is not None
            # First who leads next: the others decide on while it waits for the server.
            if following is not None:
                following.woken.release()
            for waiting in batch:
                if waiting is not mine:
                    waiting.woken.release()

    def _take(self) -> list[_Waiting]:
        """The first waiting decision, and those after it that claim nothing it claims."""
        taken: list[_Waiting] = []
        left: list[_Waiting] = []
        claimed: set[tuple[Any, ...]] = set()
        with self._lock:
            for waiting in self._queue:
                if len(taken) < _MOST and claimed.isdisjoint(waiting.claims):
                    taken.append(waiting)
                else:
                    left.append(waiting)
                claimed |= waiting.claims
            self._queue = left
        return taken

    def _settle(self, batch: list[_Waiting]) -> None:
        try:
            self._attempt(batch)
        except Exception as error:
            # Another try of each would only wait as long again.
            if len(batch) == 1 or _hopeless(error):
                for waiting in batch:
                    waiting.error = error
                return
            for waiting in batch:
                if not waiting.settled:
                    self._settle([waiting])

    def _attempt(self, batch: list[_Waiting]) -> None:
        """One transaction; what it raises leaves the decisions unsettled and nothing stored."""
        if self._at_once(batch):
            return
        # What was looked up after a broken connection is settled.
        batch = [waiting for waiting in batch if not waiting.settled]
        for fresh in (False, True):
            with self._database.connection() as connection:
                try:
                    end, beaten = self._begin(connection, batch)
                except psycopg2.Error as error:
                    if not lost(error, connection):
                        _roll_back(connection)
                        raise
                    if fresh:
                        raise StoreAway from error
                    connection.close()
                    continue
                self._finish(connection, batch, end, beaten)
                return

    def _at_once(self, batch: list[_Waiting]) -> bool:
        """Everything in one round trip, on the guess that the log ends where this process left it.

        ``False`` where it was not tried or did not come about: nothing was stored then but what
        is settled. Whatever fails, the next batches look again before they store.
        """
        guess = self._end
        decisions = [waiting.decision for waiting in batch]
        known = self._alone >= ALONE and guess.last
        if not known or not all(decision.is_told_by_keys for decision in decisions):
            return False
        self._alone = 0
        with self._database.connection() as connection:
            try:
                with connection.cursor() as cursor:
                    text, given, end = inserts(cursor, decisions, guess)
                    cursor.execute(_GUESSED % (LOCK, guess.last) + text)
            except Exception as error:
                if not isinstance(error, psycopg2.Error) or not lost(error, connection):
                    _roll_back(connection)
                    if _hopeless(error):
                        raise
                    return False
                connection.close()
                self._find_out(batch)
                return all(waiting.settled for waiting in batch)
            except BaseException:
                _roll_back(connection)
                raise
        self._end, self._alone = end, ALONE
        for waiting, positions in zip(batch, given, strict=True):
            waiting.positions = positions
        return True

    def _begin(self, connection: Any, batch: list[_Waiting]) -> tuple[End, dict[int, Exception]]:
        with connection.cursor() as cursor:
            cursor.execute(
                b"BEGIN; SELECT pg_advisory_xact_lock(%d); "
                % LOCK
                + b"SELECT (SELECT coalesce(max(position), 0) FROM events),"
                b" (SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL),"
                + b",".join(checks(cursor, [w.decision for w in batch]))
            )
            last, published, conflicts, changed, *done = cursor.fetchone()
        beaten: dict[int, Exception] = {i: VersionConflict() for i in (*conflicts, *changed)}
        beaten.update({i: AlreadyDone() for indexes in done for i in indexes})
        return End(last, published), beaten

    def _finish(
        self,
        connection: Any,
        batch: list[_Waiting],
        end: End,
        beaten: dict[int, Exception],
    ) -> None:
        standing = [waiting for i, waiting in enumerate(batch) if i not in beaten]
        self._alone = self._alone + 1 if end == self._end else 0
        try:
            with connection.cursor() as cursor:
                text, given, self._end = inserts(cursor, [w.decision for w in standing], end)
                cursor.execute(text)
        except BaseException as error:
            self._alone = 0
            if not isinstance(error, psycopg2.Error) or not lost(error, connection):
                _roll_back(connection)
                raise
            connection.close()
            self._find_out(standing)
            for waiting in standing:
                if not waiting.settled:
                    waiting.error = StoreAway()
        else:
            for waiting, positions in zip(standing, given, strict=True):
                waiting.positions = positions
        for i, reason in beaten.items():
            batch[i].error = reason

    def _find_out(self, batch: list[_Waiting]) -> None:
        """The connection broke at the commit: settle what the server did, or nobody can tell.

        The look takes the lock first, which the broken transaction holds until it has ended:
        what is left unsettled was not stored.
        """
        for waiting in batch:
            try:
                waiting.positions = self._stored(waiting.decision)
            except (psycopg2.Error, StoreAway):
                waiting.error = StoreAway()

    def _stored(self, decision: Decision) -> list[int] | None:
        with self._database.connection() as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_lock({LOCK}); SELECT pg_advisory_unlock({LOCK})")
            if decision.entries:
                first = decision.entries[0].stored
                cursor.execute(
                    "SELECT position FROM events WHERE originator_id = %s"
                    " AND originator_version = %s AND state = %s",
                    (first.originator_id, first.originator_version, first.state),
                )
                row = cursor.fetchone()
                return row and [row[0] + i for i in range(len(decision.entries))]
            if decision.command:
                cursor.execute(
                    "SELECT 1 FROM commands WHERE scope = %s AND command_id = %s",
                    (decision.command.scope, decision.command.command_id),
                )
                return [] if cursor.fetchone() else None
            if decision.message:
                cursor.execute(
                    "SELECT 1 FROM inbox WHERE producer = %s AND position >= %s", decision.message
                )
                return [] if cursor.fetchone() else None
        return None


def _hopeless(error: Exception) -> bool:
    return isinstance(error, StoreAway) or getattr(error, "pgcode", None) == LOCK_NOT_AVAILABLE


def _roll_back(connection: Any) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
    except psycopg2.Error:
        connection.close()
