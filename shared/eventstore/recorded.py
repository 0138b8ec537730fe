"""What is known of an event once it is stored, and of a message once it is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.base import Message


@dataclass(frozen=True)
class Recorded:
    """Where an event stands in the log, and where it came from: the same again at a rebuild."""

    position: int
    correlation_id: UUID
    causation: str
    command_id: UUID | None
    actor_id: str


@dataclass(frozen=True)
class Published:
    """A published message with its place: ``previous`` is the preceding published position."""

    position: int
    previous: int
    stream_id: UUID
    message: Message
    time: datetime
    correlation_id: UUID
