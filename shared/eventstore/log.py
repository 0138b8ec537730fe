"""Group commit: decisions that wait together are stored in one transaction.

Whoever finds nobody committing leads: it takes what waits, stores it, tells the
others, and hands the lead to the next. A batch is two round trips. The first
takes the lock, and in a *later* statement (one statement's snapshot precedes
its lock) reads the last position and which decisions have lost a race. The
second inserts and commits. If it fails, nothing of the batch is stored and its
decisions run one at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg2
from eventsourcing.persistence import StoredEvent
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from shared.contracts.refusal import Unavailable
from shared.eventstore.database import Database, lost
from shared.eventstore.work import DueRow, Statement

LOCK = 7_240_100
"""The advisory lock of the log; held until the transaction ends, so positions commit in order."""

_MOST = 128


class VersionConflict(Exception):
    """Somebody else decided first: an event at this place of the stream, or what was expected.

    Nothing was stored.
    """


class AlreadyDone(Exception):
    """This command, message or due row was dealt with meanwhile; nothing was stored."""


@dataclass(frozen=True)
class CommandRow:
    """A command with its answer, so that a repeat gets the first one."""

    scope: str
    command_id: UUID
    method: str
    fingerprint: bytes
    result: str
    decided_at: Any


def _nothing(_position: int) -> Iterable[Statement]:
    return ()


@dataclass(frozen=True)
class Entry:
    """An event to store; ``read_tables`` gives the SQL that follows from it at its position."""

    stored: StoredEvent
    published: bool = False
    read_tables: Callable[[int], Iterable[Statement]] = _nothing


@dataclass(frozen=True)
class Decision:
    """Everything that one decision stores, or does not."""

    entries: tuple[Entry, ...] = ()
    statements: tuple[Statement, ...] = ()
    command: CommandRow | None = None
    message: tuple[str, int] | None = None
    due: DueRow | None = None
    requires: tuple[Statement, ...] = ()
    expects: tuple[Statement, ...] = ()
    relies_on: tuple[tuple[UUID, int], ...] = ()
    """(stream, version): nothing may have been stored behind that version."""

    def places(self) -> list[tuple[UUID | str, int]]:
        """(stream, version) of every event that nobody else may have stored yet."""
        return [
            *((e.stored.originator_id, e.stored.originator_version) for e in self.entries),
            *((stream, version + 1) for stream, version in self.relies_on),
        ]

    def claims(self) -> set[tuple[Any, ...]]:
        """What no other decision of the same batch may also claim."""
        # What is relied on is claimed as if it were written: conditions are asked before the
        # whole batch is stored, so whoever writes it must not be in the same one.
        found: set[tuple[Any, ...]] = {("event", *place) for place in self.places()}
        if self.command:
            found.add(("command", self.command.scope, self.command.command_id))
        if self.message:
            found.add(("message", self.message[0]))
        if self.due:
            found.add(("due", self.due.kind, self.due.key))
        found.update(("requires", *required) for required in self.requires)
        found.update(("expects", *expected) for expected in self.expects)
        return found


class _Waiting:
    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.woken = threading.Event()
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

    def store(self, decision: Decision) -> list[int]:
        """Store all of it and return the positions of its events.

        Raises ``VersionConflict`` or ``AlreadyDone`` (nothing stored), the
        database's own error (nothing stored), or ``Unavailable`` when it is
        away; then nothing is known to be stored and a repeat is safe.
        """
        mine = _Waiting(decision)
        with self._lock:
            self._queue.append(mine)
            lead, self._led = not self._led, True
        if not lead:
            mine.woken.wait()
        if not mine.settled:
            self._lead()
        if isinstance(mine.error, psycopg2.OperationalError | psycopg2.InterfaceError):
            raise Unavailable from mine.error
        if mine.error is not None:
            raise mine.error
        return mine.positions or []

    def _lead(self) -> None:
        batch = self._take()
        try:
            self._settle(batch)
        finally:
            for waiting in batch:
                if not waiting.settled:
                    waiting.error = Unavailable()
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._led = following is not None
            for waiting in batch:
                waiting.woken.set()
            if following is not None:
                following.woken.set()

    def _take(self) -> list[_Waiting]:
        """The first waiting decision, and those after it that claim nothing it claims."""
        taken: list[_Waiting] = []
        left: list[_Waiting] = []
        claimed: set[tuple[Any, ...]] = set()
        with self._lock:
            for waiting in self._queue:
                claims = waiting.decision.claims()
                if len(taken) < _MOST and claimed.isdisjoint(claims):
                    taken.append(waiting)
                else:
                    left.append(waiting)
                claimed |= claims
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
        for fresh in (False, True):
            with self._database.connection() as connection:
                try:
                    last, published, beaten = self._begin(connection, batch)
                except psycopg2.Error as error:
                    if not lost(error, connection):
                        _roll_back(connection)
                        raise
                    if fresh:
                        raise Unavailable from error
                    connection.close()
                    continue
                self._finish(connection, batch, last, published, beaten)
                return

    def _begin(
        self, connection: Any, batch: list[_Waiting]
    ) -> tuple[int, int, dict[int, Exception]]:
        with connection.cursor() as cursor:
            cursor.execute(
                b"BEGIN; SELECT pg_advisory_xact_lock(%d); "
                % LOCK
                + b"SELECT (SELECT coalesce(max(position), 0) FROM events),"
                b" (SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL),"
                + b",".join(_checks(cursor, [w.decision for w in batch]))
            )
            last, published, conflicts, changed, *done = cursor.fetchone()
        beaten: dict[int, Exception] = {i: VersionConflict() for i in (*conflicts, *changed)}
        beaten.update({i: AlreadyDone() for indexes in done for i in indexes})
        return int(last), int(published), beaten

    def _finish(
        self,
        connection: Any,
        batch: list[_Waiting],
        last: int,
        published: int,
        beaten: dict[int, Exception],
    ) -> None:
        standing = [waiting for i, waiting in enumerate(batch) if i not in beaten]
        try:
            with connection.cursor() as cursor:
                text, given = _inserts(cursor, [w.decision for w in standing], last, published)
                cursor.execute(text)
        except BaseException as error:
            if not isinstance(error, psycopg2.Error) or not lost(error, connection):
                _roll_back(connection)
                raise
            connection.close()
            self._find_out(standing)
        else:
            for waiting, positions in zip(standing, given, strict=True):
                waiting.positions = positions
        for i, reason in beaten.items():
            batch[i].error = reason

    def _find_out(self, batch: list[_Waiting]) -> None:
        """The connection broke at the commit: look whether the server did it.

        The look takes the lock first, which the broken transaction holds until it has ended.
        """
        for waiting in batch:
            try:
                positions = self._stored(waiting.decision)
            except (psycopg2.Error, Unavailable):
                positions = None
            if positions is None:
                waiting.error = Unavailable()
            else:
                waiting.positions = positions

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
    return isinstance(error, Unavailable) or getattr(error, "pgcode", None) == LOCK_NOT_AVAILABLE


def _roll_back(connection: Any) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
    except psycopg2.Error:
        connection.close()


def _checks(cursor: Any, batch: Sequence[Decision]) -> list[bytes]:
    """Arrays of batch indexes: streams that moved on, what changed; then what was dealt with."""
    events = [(i, *place) for i, decision in enumerate(batch) for place in decision.places()]
    commands = [
        (i, d.command.scope, d.command.command_id) for i, d in enumerate(batch) if d.command
    ]
    messages = [(i, *d.message) for i, d in enumerate(batch) if d.message]
    due = [(i, d.due.kind, d.due.key, d.due.at) for i, d in enumerate(batch) if d.due]
    return [
        _check(
            cursor,
            events,
            b"(%s, %s::uuid, %s::bigint)",
            b"v(i, o, n) JOIN events e ON e.originator_id = v.o AND e.originator_version = v.n",
        ),
        _broken(cursor, [decision.expects for decision in batch]),
        _check(
            cursor,
            commands,
            b"(%s, %s::text, %s::uuid)",
            b"v(i, s, c) JOIN commands k ON k.scope = v.s AND k.command_id = v.c",
        ),
        _check(
            cursor,
            messages,
            b"(%s, %s::text, %s::bigint)",
            b"v(i, p, n) JOIN inbox b ON b.producer = v.p AND b.position >= v.n",
        ),
        _check(
            cursor,
            due,
            b"(%s, %s::text, %s::text, %s::timestamptz)",
            b"v(i, k, y, t) WHERE NOT EXISTS (SELECT 1 FROM due d"
            b" WHERE d.kind = v.k AND d.key = v.y AND d.at = v.t)",
        ),
        _broken(cursor, [decision.requires for decision in batch]),
    ]


def _check(cursor: Any, rows: Sequence[tuple[Any, ...]], shape: bytes, rest: bytes) -> bytes:
    if not rows:
        return b" ARRAY[]::integer[]"
    values = b",".join(cursor.mogrify(shape, row) for row in rows)
    return b" ARRAY(SELECT v.i::integer FROM (VALUES " + values + b") AS " + rest + b")"


def _broken(cursor: Any, conditions: Sequence[tuple[Statement, ...]]) -> bytes:
    broken = [
        b"CASE WHEN (%b) THEN NULL ELSE %d END" % (cursor.mogrify(sql, params), i)
        for i, of_one in enumerate(conditions)
        for sql, params in of_one
    ]
    return b" array_remove(ARRAY[" + b",".join(broken) + b"]::integer[], NULL)"


def _inserts(
    cursor: Any, batch: Sequence[Decision], last: int, published: int
) -> tuple[bytes, list[list[int]]]:
    """The second round trip, and the positions that each decision's events get in it."""
    rows: list[bytes] = []
    after: list[bytes] = []
    given: list[list[int]] = []
    for decision in batch:
        positions: list[int] = []
        for entry in decision.entries:
            last += 1
            stored = entry.stored
            previous, published = (published, last) if entry.published else (None, published)
            rows.append(
                cursor.mogrify(
                    b"(%s,%s,%s,%s,%s,%s)",
                    (
                        last,
                        stored.originator_id,
                        stored.originator_version,
                        stored.topic,
                        stored.state,
                        previous,
                    ),
                )
            )
            after += [cursor.mogrify(sql, params) for sql, params in entry.read_tables(last)]
            positions.append(last)
        after += [cursor.mogrify(sql, params) for sql, params in _beside(decision)]
        given.append(positions)
    events = (
        b"INSERT INTO events (position, originator_id, originator_version, topic, state, previous)"
        b" VALUES " + b",".join(rows)
    )
    return b"; ".join([*([events] if rows else []), *after, b"COMMIT"]), given


def _beside(decision: Decision) -> list[Statement]:
    found: list[Statement] = []
    if decision.due:
        # Before what the handler scheduled: it may have put the same row back.
        row = decision.due
        found.append(("DELETE FROM due WHERE kind = %s AND key = %s", (row.kind, row.key)))
    found += decision.statements
    if decision.command:
        c = decision.command
        found.append(
            (
                "INSERT INTO commands (scope, command_id, method, fingerprint, result, decided_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (c.scope, c.command_id, c.method, c.fingerprint, c.result, c.decided_at),
            )
        )
    if decision.message:
        found.append(
            (
                "INSERT INTO inbox (producer, position) VALUES (%s, %s)"
                " ON CONFLICT (producer) DO UPDATE SET position = excluded.position",
                decision.message,
            )
        )
    return found
