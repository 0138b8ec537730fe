"""The ledger's rows: appended under one lock, read back in order, never changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from services.audit.domain.leaf import RANDOM_BYTES, entry_of, padded
from shared.contracts.refusal import Unavailable
from shared.eventstore.database import Database

LOCK = 7_240_200
"""The advisory lock of the ledger; held until the transaction ends, so that indexes are dense."""

PAGE = 1_000

_LEAVES = "INSERT INTO leaves (index, entry, service, position, random, record) VALUES %s"
_SIZE = "SELECT coalesce(max(index) + 1, 0) FROM leaves"
_CURSOR = "SELECT coalesce(max(position), 0) FROM leaves WHERE service = %s"


@dataclass(frozen=True)
class Leaf:
    """A row of ``leaves``; a dummy has an entry and nothing else."""

    index: int
    entry: bytes
    service: str | None
    position: int | None
    random: bytes | None
    record: bytes | None

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Leaf:
        """From a row of :data:`LEAVES`."""
        index, entry, service, position, random, record = columns
        return cls(index, bytes(entry), service, position, _bytes(random), _bytes(record))

    @property
    def is_sound(self) -> bool:
        """Whether its entry is the hash of what it holds; a dummy holds nothing to hash."""
        if self.random is None or self.record is None:
            return self.random is self.record is self.service is self.position is None
        return len(self.random) == RANDOM_BYTES and self.entry == entry_of(self.random, self.record)


LEAVES = "SELECT index, entry, service, position, random, record FROM leaves"
"""The columns of a :class:`Leaf`."""


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
        self._database = database
        self._token_bytes = token_bytes

    def cursor(self, service: str) -> int:
        """The last position of ``service`` that the ledger holds; 0 where it holds none."""
        return int(self._database.query(_CURSOR, (service,))[0][0])

    def append(self, service: str, after: int, records: Sequence[bytes]) -> bool:
        """Add the records of the positions that follow ``after``; whether they were added.

        Not where another process has moved the cursor meanwhile.
        """
        with self._locked() as cursor:
            cursor.execute(_CURSOR, (service,))
            if cursor.fetchone()[0] != after:
                return False
            size = self._size(cursor)
            rows = []
            for i, record in enumerate(records):
                random = self._token_bytes(RANDOM_BYTES)
                entry = entry_of(random, record)
                rows.append((size + i, entry, service, after + 1 + i, random, record))
            execute_values(cursor, _LEAVES, rows, page_size=PAGE)
            cursor.execute("COMMIT")
        return True

    def pad(self, quantum: int) -> int:
        """Dummy leaves up to the size of the next checkpoint, which is returned."""
        with self._locked() as cursor:
            size = self._size(cursor)
            cursor.execute("SELECT coalesce(max(size), 0) FROM checkpoints")
            target = padded(size, cursor.fetchone()[0], quantum)
            dummies = [(i, self._token_bytes(RANDOM_BYTES)) for i in range(size, target)]
            execute_values(
                cursor, "INSERT INTO leaves (index, entry) VALUES %s", dummies, page_size=PAGE
            )
            cursor.execute("COMMIT")
        return target

    def sign_once(
        self, signed: Signed, after: int, nodes: Sequence[tuple[int, int, bytes]]
    ) -> bool:
        """Store a checkpoint and the nodes that it made full; whether it was stored.

        Not where another process has stored one after ``after`` meanwhile.
        """
        with self._locked() as cursor:
            cursor.execute("SELECT coalesce(max(size), 0) FROM checkpoints")
            if cursor.fetchone()[0] != after:
                return False
            execute_values(
                cursor, "INSERT INTO nodes (level, index, hash) VALUES %s", nodes, page_size=PAGE
            )
            cursor.execute(
                "INSERT INTO checkpoints (size, root, note, at) VALUES (%s, %s, %s, %s)",
                (signed.size, signed.root, signed.note, signed.at),
            )
            cursor.execute("COMMIT")
        return True

    def newest(self) -> Signed | None:
        """The newest checkpoint, if there is one."""
        rows = self._database.query(
            "SELECT size, root, note, at FROM checkpoints ORDER BY size DESC LIMIT 1"
        )
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
            yield from map(Leaf.of, rows)
            start = rows[-1][0] + 1

    def nodes(self, level: int, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Index and hash of a level's stored nodes from ``start`` to before ``end``, in order."""
        while start < end:
            rows = self._database.query(
                "SELECT index, hash FROM nodes WHERE level = %s AND index >= %s AND index < %s"
                " ORDER BY index LIMIT %s",
                (level, start, end, PAGE),
            )
            if not rows:
                return
            yield from ((index, bytes(hash)) for index, hash in rows)
            start = rows[-1][0] + 1

    def higher_nodes(self, size: int) -> dict[tuple[int, int], bytes]:
        """(level, index) → hash of the stored nodes above level 1 of a tree of ``size``."""
        rows = self._database.query(
            "SELECT level, index, hash FROM nodes WHERE level > 1 AND index < %s >> (8 * level)",
            (size,),
        )
        return {(level, index): bytes(hash) for level, index, hash in rows}

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
