"""What others may know of what happened here: that a notice was queued or suppressed.

Where, how and when somebody may be reached never leaves this service.
"""

from __future__ import annotations

from eventsourcing.domain import DomainEvent

from services.notifications.domain.notice import Notice
from shared.contracts.base import Message
from shared.contracts.notifications import NoticeQueuedMessage, NoticeSuppressedMessage


def announce(event: DomainEvent) -> Message | None:
    """The published message of a domain event; None for the many that are private."""
    match event:
        case Notice.NoticeQueued():
            return NoticeQueuedMessage(
                notice_id=event.originator_id,
                participation_id=event.participation_id,
                topic=event.topic,
                at=event.at,
            )
        case Notice.NoticeSuppressed():
            return NoticeSuppressedMessage(
                notice_id=event.originator_id,
                participation_id=event.participation_id,
                topic=event.topic,
                reason=event.reason,
                at=event.at,
            )
    return None
