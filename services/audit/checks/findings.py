"""What can be wrong, each kind with its exit status, and where it was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """Each kind of finding: its exit status, its word, its meaning. The lowest status is given."""

    CHECKPOINT = (10, "a checkpoint is not one that the log's key has signed")
    LEAF = (11, "a leaf is not as it was hashed, or is missing")
    TILE = (12, "a published hash of the tree is not that of its leaves")
    ROOT = (13, "the leaves do not give a signed root")
    ROLLED_BACK = (14, "the log is not the one that was signed before: cut off, or another one")
    RECORDS = (15, "the ledger does not hold a service's positions 1 to n, each once")
    UNSIGNED = (16, "leaves that were to be signed are not, or a checkpoint is gone")
    SWAPPED = (20, "a stored row stands where another one was recorded")
    CHANGED = (21, "a stored row is not as it was recorded")
    MISSING = (22, "a row that was recorded is not stored any more")
    INSERTED = (23, "a row is stored where none can have been recorded")
    ORDER = (24, "versions in a stream, or positions of published events, do not follow")
    LATE = (25, "stored rows are not in the ledger: it does not run, or they came by hand")
    TABLE = (
        26,
        "a table or a role is not as the migrations made it: it may show one what it hides",
    )

    def __init__(self, status: int, meaning: str) -> None:
        self.status = status
        self.meaning = meaning

    @property
    def word(self) -> str:
        """As it is printed."""
        return self.name.lower()


STATUSES = {kind.status: kind.meaning for kind in Kind}

MOST_TOLD = 1_000
"""Findings of one kind that are told one by one; the rest is counted."""


@dataclass(frozen=True)
class Finding:
    """Something wrong, and where: a service with a position or a table, or a leaf."""

    kind: Kind
    what: str
    service: str | None = None
    position: int | None = None
    leaf: int | None = None
    table: str | None = None

    def __str__(self) -> str:
        where = []
        if self.service and self.position is not None:
            where.append(f"{self.service} position {self.position}")
        elif self.service:
            where.append(f"{self.service} table {self.table}" if self.table else self.service)
        if self.leaf is not None:
            where.append(f"leaf {self.leaf:,}")
        return f"{self.kind.word}: {', '.join(where) + ': ' if where else ''}{self.what}"


@dataclass
class Findings:
    """Tells each finding as it is made, and remembers how many of which kind there were."""

    tell: Callable[[Finding], None]
    counts: Counter[Kind] = field(default_factory=Counter)

    def add(self, kind: Kind, what: str, **where: object) -> None:
        """Tell it, unless there have been very many of its kind."""
        self.counts[kind] += 1
        if self.counts[kind] <= MOST_TOLD:
            self.tell(Finding(kind, what, **where))  # type: ignore[arg-type]

    @property
    def status(self) -> int:
        """The exit status: 0, or the lowest of what was found."""
        return min((kind.status for kind in self.counts), default=0)
