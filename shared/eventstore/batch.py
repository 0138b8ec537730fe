"""What decisions store, and the SQL in which a batch of them is stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from shared.eventstore.work import DueRow, Statement

LOCK = 7_240_100
"""The advisory lock of the log; held until the transaction ends, so positions commit in order."""


class End(NamedTuple):
    """The end of the log: the last position, and the last published one; 0 where there is none."""

    last: int
    published: int


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
    words: str | None
    result: str
    decided_at: datetime


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

    @property
    def is_told_by_keys(self) -> bool:
        """Whether unique keys tell every race that this can lose, without asking beforehand."""
        return not (self.due or self.requires or self.expects or self.relies_on)

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


def checks(cursor: Any, batch: Sequence[Decision]) -> list[bytes]:
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


def inserts(cursor: Any, batch: Sequence[Decision], end: End) -> tuple[bytes, list[list[int]], End]:
    """The SQL that stores a batch after ``end``, the positions of its events, and the new end.

    One statement for all events, one for all commands, one for the whole inbox, one for rows
    of a read table that follow one another: the server plans each statement anew.
    """
    last, published = end
    events: list[bytes] = []
    beside: list[Statement] = []
    given: list[list[int]] = []
    for decision in batch:
        positions: list[int] = []
        for entry in decision.entries:
            last += 1
            previous, published = (published, last) if entry.published else (None, published)
            events.append(_event(cursor, last, entry.stored, previous))
            beside += entry.read_tables(last)
            positions.append(last)
        if decision.due:
            # Before what the handler scheduled: it may have put the same row back.
            beside.append((_DONE, (decision.due.kind, decision.due.key)))
        beside += decision.statements
        given.append(positions)
    commands = [_command(cursor, d.command) for d in batch if d.command]
    messages = [
        b"(%b,%d)" % (_word(cursor, d.message[0]), d.message[1]) for d in batch if d.message
    ]
    statements = [
        *([_EVENTS + b",".join(events)] if events else []),
        *_statements(cursor, beside),
        *([_COMMANDS + b",".join(commands)] if commands else []),
        *([_MESSAGES % b",".join(messages)] if messages else []),
    ]
    return b"; ".join([*statements, b"COMMIT"]), given, End(last, published)


def _event(cursor: Any, position: int, stored: StoredEvent, previous: int | None) -> bytes:
    # Whole numbers, ids, times and bytes in hex cannot hold a quote; the driver takes three times
    # as long.
    stream = stored.originator_id
    return b"(%d,%b,%d,%b,E'\\\\x%b',%b)" % (
        position,
        b"'%b'" % stream.hex.encode() if type(stream) is UUID else cursor.mogrify("%s", (stream,)),
        stored.originator_version,
        _word(cursor, stored.topic),
        stored.state.hex().encode(),
        b"NULL" if previous is None else b"%d" % previous,
    )


def _statements(cursor: Any, statements: Sequence[Statement]) -> Iterator[bytes]:
    """Each as the server reads it; plain rows for one table, one after the other, as one."""
    for sql, those in groupby(statements, key=itemgetter(0)):
        plain = _plain_row(sql)
        if plain:
            table, row = plain
            yield table + b",".join([cursor.mogrify(row, params) for _, params in those])
        else:
            yield from (cursor.mogrify(sql, params) for _, params in those)


@lru_cache(maxsize=1_024)
def _plain_row(sql: str) -> tuple[bytes, bytes] | None:
    """``INSERT INTO … VALUES `` and ``(%s, …)``, where that is all of the statement."""
    found = _PLAIN_ROW.fullmatch(sql)
    return (found[1].encode(), found[2].encode()) if found else None


def _command(cursor: Any, command: CommandRow) -> bytes:
    row = b"(%%s,'%b',%%s,E'\\\\x%b',%%s,%%s,'%b')" % (
        command.command_id.hex.encode(),
        command.fingerprint.hex().encode(),
        command.decided_at.isoformat().encode(),
    )
    text: bytes = cursor.mogrify(
        row, (command.scope, command.method, command.words, command.result)
    )
    return text


def _word(cursor: Any, text: str) -> bytes:
    """A text as a literal; topics and producers are few, and made of what cannot hold a quote."""
    plain = _plain_word(text)
    literal: bytes = cursor.mogrify("%s", (text,)) if plain is None else plain
    return literal


@lru_cache(maxsize=1_024)
def _plain_word(text: str) -> bytes | None:
    return b"'%b'" % text.encode() if _PLAIN_WORD.fullmatch(text) else None


_EVENTS = (
    b"INSERT INTO events (position, originator_id, originator_version, topic, state, previous)"
    b" VALUES "
)
_PLAIN_ROW = re.compile(r"(INSERT INTO [a-z_0-9]+ \([a-z_0-9, ]+\) VALUES )(\(%s(?:, ?%s)*\))")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_.:-]+")
_DONE = "DELETE FROM due WHERE kind = %s AND key = %s"
_COMMANDS = (
    b"INSERT INTO commands (scope, command_id, method, fingerprint, words, result, decided_at)"
    b" VALUES "
)
# A cursor that would not move forward is null, which the column refuses.
_MESSAGES = (
    b"INSERT INTO inbox AS i (producer, position) VALUES %b ON CONFLICT (producer)"
    b" DO UPDATE SET position = CASE WHEN i.position < excluded.position THEN excluded.position END"
)
