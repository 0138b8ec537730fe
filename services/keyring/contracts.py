"""What others may know of what happened here: that keys are destroyed, that nobody holds any."""

from __future__ import annotations

from eventsourcing.domain import DomainEvent

from services.keyring.domain import Erasure
from shared.contracts.base import Message
from shared.contracts.keyring import ErasureCompletedMessage, KeysDestroyedMessage


def announce(event: DomainEvent) -> Message | None:
    """The published message of a domain event; None where it is private."""
    match event:
        case Erasure.KeysDestroyed():
            return KeysDestroyedMessage(
                erasure_id=event.originator_id,
                participation_id=event.participation_id,
                record_classes=event.record_classes,
                at=event.timestamp,
            )
        case Erasure.ErasureCompleted():
            return ErasureCompletedMessage(
                erasure_id=event.originator_id,
                participation_id=event.participation_id,
                record_classes=event.record_classes,
                at=event.timestamp,
            )
    return None
