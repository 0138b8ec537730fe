"""The table of wrapped keys and the loans of them.

A loan is written, and its row of the key is locked, before the key is read; a
destruction waits for that lock or is seen. So whoever got a key is on the list
of loans when the destruction is stored, and after it nobody gets that key. A
subject has one live key at most, and lends none while an erasure is under way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

Statement = tuple[str, tuple[Any, ...]]


class Store(Protocol):
    """The committer's connection, as far as it is needed here."""

    def query(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Rows of the last statement; the statements are one transaction."""

    def execute(self, sql: str, params: tuple[Any, ...] = ()) -> int:
        """One statement; the number of rows."""


@dataclass(frozen=True)
class KeyRow:
    """A key as it is kept; ``wrapped`` is empty once it is destroyed."""

    key_id: UUID
    participation_id: UUID
    record_class: str
    wrapped: bytes | None = field(repr=False)
    kek_version: int | None


@dataclass(frozen=True)
class Borrower:
    """Which process of which service takes a key, and until when."""

    service: str
    holder: UUID
    until: datetime


_ROW = "SELECT key_id, participation_id, record_class, wrapped_dek, kek_version FROM data_key"
_LEND = (
    "INSERT INTO lease (key_id, service, holder, until)"
    " SELECT key_id, %s, %s, %s FROM data_key k WHERE {} AND destroyed_at IS NULL FOR SHARE OF k"
    " ON CONFLICT (key_id, service, holder)"
    " DO UPDATE SET until = greatest(lease.until, excluded.until); "
)
_MAKE = (
    "INSERT INTO data_key (participation_id, record_class, key_id, wrapped_dek, kek_version)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (participation_id, record_class)"
    " WHERE destroyed_at IS NULL DO NOTHING; "
)
_SUBJECT = "k.participation_id = %s AND k.record_class = %s"
_NOT_UNDER_WAY = (
    "NOT EXISTS (SELECT FROM erased e WHERE e.participation_id = k.participation_id"
    " AND e.record_class = k.record_class AND e.completed_at IS NULL)"
)


class Vault:
    """Keys are made, lent and found here; destroyed within the decision that records it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def lend_current(self, fresh: KeyRow, borrower: Borrower) -> KeyRow | None:
        """The subject's live key, ``fresh`` where there was none; None during an erasure."""
        subject = (fresh.participation_id, fresh.record_class)
        loan = (borrower.service, borrower.holder, borrower.until)
        # Each statement sees what was stored before it: only what was lent is given out.
        found = self._store.query(
            _MAKE
            + _LEND.format(f"{_SUBJECT} AND {_NOT_UNDER_WAY}")
            + f"{_ROW} k JOIN lease USING (key_id) WHERE {_SUBJECT} AND destroyed_at IS NULL"
            " AND service = %s AND holder = %s AND until >= %s",
            (*_making(fresh), *loan, *subject, *subject, *loan),
        )
        return KeyRow(*found[0]) if found else None

    def live(self, fresh: KeyRow) -> UUID:
        """The id of the subject's live key, lent to nobody by this; ``fresh`` where there is none.

        Named in the erasure that destroys it: a key made later is another's.
        """
        found = self._store.query(
            _MAKE + f"{_ROW} k WHERE {_SUBJECT} AND destroyed_at IS NULL",
            (*_making(fresh), fresh.participation_id, fresh.record_class),
        )
        return KeyRow(*found[0]).key_id

    def lend(self, key_id: UUID, borrower: Borrower) -> KeyRow:
        """A known key; lent unless destroyed."""
        found = self._store.query(
            _LEND.format("key_id = %s") + f"{_ROW} WHERE key_id = %s",
            (borrower.service, borrower.holder, borrower.until, key_id, key_id),
        )
        return KeyRow(*found[0])

    def find(self, key_id: UUID) -> KeyRow | None:
        """What is kept under an id; nobody gets the key by this."""
        found = self._store.query(f"{_ROW} WHERE key_id = %s", (key_id,))
        return KeyRow(*found[0]) if found else None

    def wrap_again(self, row: KeyRow, wrapped: bytes, kek_version: int) -> None:
        """The same key under a newer key-encryption key; nothing happens if it is destroyed."""
        self._store.execute(
            "UPDATE data_key SET wrapped_dek = %s, kek_version = %s"
            " WHERE key_id = %s AND kek_version = %s AND destroyed_at IS NULL",
            (wrapped, kek_version, row.key_id, row.kek_version),
        )

    def borrowers(self, participation_id: UUID, record_classes: Iterable[str]) -> list[Borrower]:
        """Every loan of destroyed keys of these, also those that have run out."""
        return [
            Borrower(*row)
            for row in self._store.query(
                "SELECT service, holder, until FROM lease JOIN data_key USING (key_id)"
                " WHERE participation_id = %s AND record_class = ANY(%s)"
                " AND destroyed_at IS NOT NULL",
                (participation_id, list(record_classes)),
            )
        ]

    def erased_but_there(self) -> list[tuple[UUID, str, UUID, datetime]]:
        """The keys that the log names as destroyed and a restore has brought back, or lost."""
        return [
            (participation_id, record_class, key_id, destroyed_at)
            for participation_id, record_class, key_id, destroyed_at in self._store.query(
                "SELECT e.participation_id, e.record_class, e.key_id, min(e.destroyed_at)"
                " FROM erased e LEFT JOIN data_key k USING (key_id)"
                " WHERE k.destroyed_at IS NULL GROUP BY 1, 2, 3"
            )
        ]

    def destroy_now(self, statement: Statement) -> None:
        """Run what :func:`destroying` says, outside a decision: after a restore."""
        self._store.execute(*statement)


def living(key_id: UUID) -> Statement:
    """The condition that this key has not been destroyed; keys are, within decisions only."""
    return (
        "EXISTS (SELECT FROM data_key WHERE key_id = %s AND destroyed_at IS NULL)",
        (key_id,),
    )


def destroying(participation_id: UUID, record_class: str, key_id: UUID, at: datetime) -> Statement:
    """Destroy this very key, and note it as destroyed where it is not there any more."""
    return (
        "INSERT INTO data_key (participation_id, record_class, key_id, destroyed_at)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (key_id) DO UPDATE"
        " SET wrapped_dek = NULL, kek_version = NULL,"
        " destroyed_at = coalesce(data_key.destroyed_at, excluded.destroyed_at)",
        (participation_id, record_class, key_id, at),
    )


def _making(fresh: KeyRow) -> tuple[Any, ...]:
    subject = (fresh.participation_id, fresh.record_class)
    return (*subject, fresh.key_id, fresh.wrapped, fresh.kek_version)


def forgetting_loans(before: datetime) -> Statement:
    """Delete loans that ran out before then: nobody waits for them."""
    return ("DELETE FROM lease WHERE until < %s", (before,))
