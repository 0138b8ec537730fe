"""What others may know of what happened here: who decided something, and what became of a notice.

Where, how, when and about what somebody may be reached never leaves this service: of a decision
about a way of contact or a topic goes out that it was made, who wrote it down, and when.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventsourcing.domain import DomainEvent

from services.notifications.domain.notice import Notice
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from shared.contracts.base import Message
from shared.contracts.notifications import (
    ChannelConfirmedMessage,
    ChannelDeclaredSafeMessage,
    ChannelDeclaredUnsafeMessage,
    ChannelRecordedMessage,
    ChannelVerificationRecordedMessage,
    ChannelVerifiedMessage,
    NoticeFailedMessage,
    NoticeOutcomeUnknownMessage,
    NoticeQueuedMessage,
    NoticeSentMessage,
    NoticeSuppressedMessage,
    TopicChosenMessage,
    TopicConfirmedMessage,
    TopicDroppedMessage,
    TopicRecordedMessage,
)


def announce(event: DomainEvent) -> Message | None:
    """The published message of a domain event; None for the many that are private."""
    tell = _TOLD.get(type(event))
    return tell(event) if tell is not None else None


def _decided(event: Any) -> dict[str, Any]:
    """Who wrote it down, and when. Which topic it was is left out: it tells what they wait for."""
    return {
        "participation_id": event.decision.participation_id,
        "recorded_by_id": event.decision.recorded_by.actor_id,
        "recorded_by_role": event.decision.recorded_by.role,
        "at": event.timestamp,
    }


def _channel(event: Any) -> dict[str, Any]:
    return {**_decided(event), "channel_id": event.channel_id}


def _declared_safe(event: Any) -> Message:
    waits = event.decision.told_by_staff
    message = ChannelRecordedMessage if waits else ChannelDeclaredSafeMessage
    return message(**_channel(event))


def _verified(event: Any) -> Message:
    message = ChannelVerificationRecordedMessage if event.waits else ChannelVerifiedMessage
    return message(**_channel(event))


def _chosen(event: Any) -> Message:
    return (TopicRecordedMessage if event.waits else TopicChosenMessage)(**_decided(event))


def _notice(event: Any) -> dict[str, Any]:
    return {
        "notice_id": event.originator_id,
        "participation_id": event.participation_id,
        "topic": event.topic,
        "at": event.at,
    }


_TOLD: dict[type[DomainEvent], Callable[[Any], Message]] = {
    ContactPreference.ChannelDeclaredSafe: _declared_safe,
    ContactPreference.ChannelConfirmed: lambda e: ChannelConfirmedMessage(**_channel(e)),
    ContactPreference.PreferenceVerified: _verified,
    ContactPreference.ChannelDeclaredUnsafe: lambda e: ChannelDeclaredUnsafeMessage(**_channel(e)),
    TopicChoice.TopicChosen: _chosen,
    TopicChoice.TopicConfirmed: lambda e: TopicConfirmedMessage(**_decided(e)),
    TopicChoice.TopicDropped: lambda e: TopicDroppedMessage(**_decided(e)),
    Notice.NoticeQueued: lambda e: NoticeQueuedMessage(**_notice(e)),
    Notice.NoticeSuppressed: lambda e: NoticeSuppressedMessage(**_notice(e), reason=e.reason),
    Notice.NoticeSent: lambda e: NoticeSentMessage(**_notice(e)),
    Notice.NoticeFailed: lambda e: NoticeFailedMessage(**_notice(e), reason=e.reason),
    Notice.NoticeOutcomeUnknown: lambda e: NoticeOutcomeUnknownMessage(**_notice(e)),
}
