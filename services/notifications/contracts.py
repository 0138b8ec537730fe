"""What others may know of what happened here: what became of a notice.

Where, how and when somebody may be reached never leaves this service.
"""

from __future__ import annotations

from eventsourcing.domain import DomainEvent

from services.notifications.domain.notice import Notice
from shared.contracts.base import Message
from shared.contracts.notifications import (
    NoticeFailedMessage,
    NoticeOutcomeUnknownMessage,
    NoticeQueuedMessage,
    NoticeSentMessage,
    NoticeSuppressedMessage,
)


def announce(event: DomainEvent) -> Message | None:
    """The published message of a domain event; None for the many that are private."""
    match event:
        case Notice.NoticeSent():
            return NoticeSentMessage(
                notice_id=event.originator_id,
                participation_id=event.participation_id,
                topic=event.topic,
                at=event.at,
            )
        case Notice.NoticeFailed():
            return NoticeFailedMessage(
                notice_id=event.originator_id,
                participation_id=event.participation_id,
                topic=event.topic,
                reason=event.reason,
                at=event.at,
            )
        case Notice.NoticeOutcomeUnknown():
            return NoticeOutcomeUnknownMessage(
                notice_id=event.originator_id,
                participation_id=event.participation_id,
                topic=event.topic,
                at=event.at,
            )
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
