"""The ledger's rows: appended under one lock, read back in order, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from services.audit.domain.leaf import PADDING, RANDOM_BYTES, Closing, Leaf, entry_of, padded
from shared.contracts.refusal import Unavailable
from shared.eventstore.database import Database
from shared.eventstore.plain import Plain, departures

_REFUSES = "ledger_is_append_only"
TABLES = (
    Plain(
        "leaves",
        {
            "index": "bigint",
            "entry": "bytea",
            "service": "text",
            "position": "bigint",
            "random": "bytea",
            "record": "bytea",
        },
        _REFUSES,
    ),
    Plain("nodes", {"level": "smallint", "index": "bigint", "hash": "bytea"}, _REFUSES),
    Plain(
        "checkpoints",
        {"size": "bigint", "root": "bytea", "note": "text", "at": "timestamp with time zone"},
        _REFUSES,
    ),
)
"""The ledger's tables, as they must be for what is read to be what is stored."""

LOCK = 7_240_200
"""The advisory lock of the ledger; held until the transaction ends, so that indexes are dense."""

PAGE = 1_000

_LEAVES = "INSERT INTO public.leaves (index, entry, service, position, random, record) VALUES %s"
_SIZE = "SELECT coalesce(max(index) + 1, 0) FROM ONLY public.leaves"
_CURSOR = "SELECT coalesce(max(position), 0) FROM ONLY public.leaves WHERE service = %s"


LEAVES = "SELECT index, entry, service, position, random, record FROM ONLY public.leaves"
"""The columns of a :class:`~services.audit.domain.leaf.Leaf`."""

_CLOSED = (
    "SELECT position, index + 1 FROM ONLY public.leaves"
    " WHERE service IS NULL AND position IS NOT NULL ORDER BY position DESC LIMIT 1"
)
_HEADS = (
    # From one service to the next within the index, however many leaves each of them has.
    "WITH RECURSIVE named (service) AS (SELECT min(service) FROM ONLY public.leaves"
    " UNION ALL SELECT (SELECT min(service) FROM ONLY public.leaves WHERE service > named.service)"
    " FROM named WHERE named.service IS NOT NULL)"
    " SELECT service, (SELECT max(position) FROM ONLY public.leaves WHERE service = named.service)"
    " FROM named WHERE service IS NOT NULL"
)
_SIGNED = "SELECT size, root, note, at FROM ONLY public.checkpoints"


def leaf_of(columns: Sequence[Any]) -> Leaf:
    """From a row of :data:`LEAVES`."""
    index, entry, service, position, random, record = columns
    return Leaf(index, bytes(entry), service, position, _bytes(random), _bytes(record))


@dataclass(frozen=True)
class Head:
    """The last record of a service: its position, its leaf, and the record."""

    position: int
    leaf: int
    record: bytes


@dataclass(frozen=True)
class Signed:
    """A row of ``checkpoints``."""

    size: int
    root: bytes
    note: str
    at: datetime


class Ledger:
    """The tables of the ledger under the committer's role."""

    def __init__(self, database: Database, token_bytes: Callable[[int], bytes]) -> None:
        """``database`` is opened with ``whole``: what it is not shown, the ledger would lose."""
        self._database = database
        self._token_bytes = token_bytes

    def hidden(self) -> list[str]:
        """Why what is read here need not be what is stored, each thing in words."""
        with self._database.connection() as connection:
            return [str(d) for d in departures(connection, "audit", TABLES) if d.hides]

    def head(self, service: str) -> Head | None:
        """The last record of ``service`` that the ledger holds; None where it holds none."""
        rows = self._database.query(
            "SELECT position, index, record FROM ONLY public.leaves WHERE service = %s"
            " ORDER BY position DESC LIMIT 1",
            (service,),
        )
        return Head(rows[0][0], rows[0][1], bytes(rows[0][2])) if rows else None

    def append(self, service: str, after: int, records: Sequence[bytes]) -> bool:
        """Add the records of the positions that follow ``after``; whether they were added.

        Not where another process has moved the cursor meanwhile.
        """
        with self._locked() as cursor:
            cursor.execute(_CURSOR, (service,))
            if cursor.fetchone()[0] != after:
                return False
            places = (
                (service, position) for position in range(after + 1, after + 1 + len(records))
            )
            self._add(cursor, self._size(cursor), zip(places, records, strict=True))
            cursor.execute("COMMIT")
        return True

    def close(self, quantum: int, tick: float, at: datetime) -> int:
        """Pad up to the next checkpoint, and close it; its size.

        A closing is signed before the next one is made: where one waits, its
        size is returned and nothing is added.
        """
        with self._locked() as cursor:
            number, closed = self._closed(cursor)
            cursor.execute("SELECT coalesce(max(size), 0) FROM ONLY public.checkpoints")
            if closed > cursor.fetchone()[0]:
                return closed
            size = self._size(cursor)
            target = padded(size, quantum)
            cursor.execute(_HEADS)
            closing = Closing(number + 1, at, tick, dict(cursor.fetchall()))
            padding = [((None, None), PADDING)] * (target - size - 1)
            last = ((None, closing.number), closing.record())
            self._add(cursor, size, [*padding, last])
            cursor.execute("COMMIT")
        return target

    def closed(self) -> tuple[int, int]:
        """Number of the last closing, and the size that it closes; 0 and 0 before the first."""
        rows = self._database.query(_CLOSED)
        return (rows[0][0], rows[0][1]) if rows else (0, 0)

    def number_closed_at(self, size: int) -> int | None:
        """The number of the closing of a size, if that was closed."""
        rows = self._database.query(
            "SELECT position FROM ONLY public.leaves WHERE index = %s AND service IS NULL",
            (size - 1,),
        )
        return rows[0][0] if rows else None

    def sign_once(
        self, signed: Signed, after: int, nodes: Sequence[tuple[int, int, bytes]]
    ) -> bool:
        """Store a checkpoint and the nodes that it made full; whether it was stored.

        Not where another process has stored one after ``after`` meanwhile.
        """
        with self._locked() as cursor:
            cursor.execute("SELECT coalesce(max(size), 0) FROM ONLY public.checkpoints")
            if cursor.fetchone()[0] != after:
                return False
            execute_values(
                cursor,
                "INSERT INTO public.nodes (level, index, hash) VALUES %s",
                nodes,
                page_size=PAGE,
            )
            cursor.execute(
                "INSERT INTO public.checkpoints (size, root, note, at) VALUES (%s, %s, %s, %s)",
                (signed.size, signed.root, signed.note, signed.at),
            )
            cursor.execute("COMMIT")
        return True

    def newest(self) -> Signed | None:
        """The newest checkpoint, if there is one."""
        return self._one(f"{_SIGNED} ORDER BY size DESC LIMIT 1")

    def checkpoint(self, size: int) -> Signed | None:
        """The checkpoint of a size, if there is one."""
        return self._one(f"{_SIGNED} WHERE size = %s", size)

    def _one(self, sql: str, *params: int) -> Signed | None:
        rows = self._database.query(sql, params)
        return Signed(rows[0][0], bytes(rows[0][1]), *rows[0][2:]) if rows else None

    def leaves(self, start: int, end: int) -> Iterator[Leaf]:
        """The leaves from ``start`` to before ``end``, as they are stored, a page at a time."""
        while start < end:
            rows = self._database.query(
                f"{LEAVES} WHERE index >= %s AND index < %s ORDER BY index LIMIT %s",
                (start, end, PAGE),
            )
            if not rows:
                return
            yield from map(leaf_of, rows)
            start = rows[-1][0] + 1

    def nodes(self, level: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Index and hash of a level's stored nodes from ``start`` to before ``end``, in order."""
        while start < end:
            rows = self._database.query(
                "SELECT index, hash FROM ONLY public.nodes"
                " WHERE level = %s AND index >= %s AND index < %s ORDER BY index LIMIT %s",
                (level, start, end, PAGE),
            )
            if not rows:
                return
            yield from ((index, bytes(hash)) for index, hash in rows)
            start = rows[-1][0] + 1

    def higher_nodes(self, size: int) -> dict[tuple[int, int], bytes]:
        """(level, index) → hash of the stored nodes above level 1 of a tree of ``size``."""
        rows = self._database.query(
            "SELECT level, index, hash FROM ONLY public.nodes"
            " WHERE level > 1 AND index < %s >> (8 * level)",
            (size,),
        )
        return {(level, index): bytes(hash) for level, index, hash in rows}

    def _add(
        self, cursor: Any, size: int, records: Iterable[tuple[tuple[str | None, int | None], bytes]]
    ) -> None:
        """Leaves of these places and records, blinded, from index ``size`` on."""
        rows = []
        for index, ((service, position), record) in enumerate(records, size):
            random = self._token_bytes(RANDOM_BYTES)
            rows.append((index, entry_of(random, record), service, position, random, record))
        execute_values(cursor, _LEAVES, rows, page_size=PAGE)

    def _closed(self, cursor: Any) -> tuple[int, int]:
        cursor.execute(_CLOSED)
        return cursor.fetchone() or (0, 0)

    def _size(self, cursor: Any) -> int:
        cursor.execute(_SIZE)
        return int(cursor.fetchone()[0])

    @contextmanager
    def _locked(self) -> Iterator[Any]:
        """A transaction inside the lock; it ends with COMMIT, or with the connection."""
        with self._database.connection() as connection, connection.cursor() as cursor:
            try:
                # What is read comes in later statements: a statement's snapshot precedes its lock.
                cursor.execute(f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})")
                yield cursor
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                raise Unavailable from error
            finally:
                if not connection.closed and connection.info.transaction_status:
                    cursor.execute("ROLLBACK")


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)
