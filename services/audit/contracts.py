"""The ledger announces nothing: what it holds is fetched, as checkpoint and tiles."""

from __future__ import annotations

from eventsourcing.domain import DomainEvent

from shared.contracts.base import Message


def announce(_: DomainEvent) -> Message | None:
    """No event of the ledger's is published."""
    return None
