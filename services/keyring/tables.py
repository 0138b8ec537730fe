"""What was erased: the list that is applied to the keys again after a restore."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eventsourcing.domain import DomainEvent

from services.keyring.domain import Erasure
from shared.eventstore.application import Recorded

TABLES = ("erased",)
"""Emptied and folded anew by a rebuild; the keys and loans are not among them."""

Row = tuple[str, tuple[Any, ...]]


def fold(event: DomainEvent, _: Recorded) -> Iterable[Row]:
    """One row a record class, and when it was complete."""
    match event:
        case Erasure.KeysDestroyed():
            whose = (event.originator_id, event.participation_id)
            for record_class, key_id in zip(event.record_classes, event.key_ids, strict=True):
                yield (
                    "INSERT INTO erased"
                    " (erasure_id, participation_id, record_class, key_id, destroyed_at)"
                    " VALUES (%s, %s, %s, %s, %s)",
                    (*whose, record_class, key_id, event.timestamp),
                )
        case Erasure.ErasureCompleted():
            yield (
                "UPDATE erased SET completed_at = %s WHERE erasure_id = %s",
                (event.timestamp, event.originator_id),
            )
