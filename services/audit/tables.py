"""No read tables: the ledger's own tables are a record, not folded from another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eventsourcing.domain import DomainEvent

from shared.eventstore.recorded import Recorded

TABLES = ()
"""Nothing is emptied by a rebuild; ``adapters/ledger.py`` writes what must never be."""

Row = tuple[str, tuple[Any, ...]]


def fold(_event: DomainEvent, _recorded: Recorded) -> Iterable[Row]:
    """Nothing."""
    return ()
