"""The read tables, written with the events they come from, and the reads of them.

``queue`` holds what may be sent: a notice leaves it in the very transaction in
which its way of contact is declared unsafe or erased, or its topic is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEvent

from services.notifications.domain.notice import Notice
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from shared.eventstore.application import EventSourcedApplication, Recorded
from shared.sealing.sealed import Sealed

TABLES = ("contact_channels", "chosen_topics", "notices", "queue")

Statement = tuple[str, tuple[Any, ...]]


def fold(event: DomainEvent, recorded: Recorded) -> Iterable[Statement]:
    """What one event changes in the read tables; folding the log again gives the same rows."""
    match event:
        case (
            ContactPreference.ChannelDeclaredSafe()
            | ContactPreference.ChannelConfirmed()
            | ContactPreference.PreferenceVerified()
            | ContactPreference.ChannelDeclaredUnsafe()
            | ContactPreference.ContactErased()
        ):
            return _fold_preference(event, recorded)
        case TopicChoice.TopicChosen() | TopicChoice.TopicConfirmed() | TopicChoice.TopicDropped():
            return _fold_topics(event)
        case Notice.NoticeRequested() | Notice.NoticeQueued() | Notice.NoticeSuppressed():
            return _fold_notice(event, recorded)
    return ()


def channels(app: EventSourcedApplication, participation_id: UUID) -> list[dict[str, Any]]:
    """The ways of contact, in the order in which they were declared; words still sealed."""
    return app.read(
        "SELECT channel_id, channel, address, name_to_use, weekdays, opens, closes, time_zone, "
        "voicemail_ok, say_agency, verified_on, stale_after, state "
        "FROM contact_channels WHERE participation_id = %s ORDER BY position",
        (participation_id,),
        participation_id,
    )


def topics(app: EventSourcedApplication, participation_id: UUID) -> list[str]:
    """The topics that are chosen; those that wait for a confirmation are not."""
    rows = app.read(
        "SELECT topic FROM chosen_topics "
        "WHERE participation_id = %s AND state = 'chosen' ORDER BY topic",
        (participation_id,),
        participation_id,
    )
    return [row["topic"] for row in rows]


def notices(app: EventSourcedApplication, participation_id: UUID) -> list[dict[str, Any]]:
    """What was requested for the person, and what became of it, in order."""
    return app.read(
        "SELECT notice_id, topic, state, reason, requested_at "
        "FROM notices WHERE participation_id = %s ORDER BY position",
        (participation_id,),
        participation_id,
    )


def _fold_preference(event: Any, recorded: Recorded) -> Iterable[Statement]:
    match event:
        case ContactPreference.ChannelDeclaredSafe():
            waits = event.decision.told_by_staff
            yield (
                "INSERT INTO contact_channels (channel_id, participation_id, channel, address, "
                "name_to_use, weekdays, opens, closes, time_zone, voicemail_ok, say_agency, "
                "verified_on, stale_after, state, position) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    event.channel_id,
                    event.decision.participation_id,
                    event.channel,
                    _token(event.address),
                    _token(event.name_to_use),
                    list(event.hours.weekdays),
                    event.hours.start,
                    event.hours.end,
                    event.hours.time_zone,
                    event.voicemail_ok,
                    event.say_agency,
                    event.verified_on,
                    event.verified_on + timedelta(days=event.stale_after_days),
                    "awaiting_confirmation" if waits else "safe",
                    recorded.position,
                ),
            )
        case ContactPreference.ChannelConfirmed():
            yield _window(event)
        case ContactPreference.PreferenceVerified() if not event.waits:
            yield _window(event)
        case ContactPreference.ChannelDeclaredUnsafe():
            yield (
                "UPDATE contact_channels SET state = 'unsafe' WHERE channel_id = %s",
                (event.channel_id,),
            )
            yield "DELETE FROM queue WHERE channel_id = %s", (event.channel_id,)
        case ContactPreference.ContactErased():
            yield (
                "UPDATE contact_channels SET state = 'erased', address = NULL, name_to_use = NULL "
                "WHERE participation_id = %s",
                (event.participation_id,),
            )
            yield "DELETE FROM queue WHERE participation_id = %s", (event.participation_id,)


def _window(event: Any) -> Statement:
    return (
        "UPDATE contact_channels SET state = 'safe', verified_on = %s, stale_after = %s "
        "WHERE channel_id = %s",
        (
            event.verified_on,
            event.stale_after,
            event.channel_id,
        ),
    )


def _fold_topics(event: Any) -> Iterable[Statement]:
    about = (event.participation_id, event.topic)
    match event:
        case TopicChoice.TopicChosen():
            state = "awaiting_confirmation" if event.waits else "chosen"
            yield (
                "INSERT INTO chosen_topics (participation_id, topic, state) VALUES (%s, %s, %s)",
                (*about, state),
            )
        case TopicChoice.TopicConfirmed():
            yield (
                "UPDATE chosen_topics SET state = 'chosen' "
                "WHERE participation_id = %s AND topic = %s",
                about,
            )
        case TopicChoice.TopicDropped():
            yield "DELETE FROM chosen_topics WHERE participation_id = %s AND topic = %s", about
            yield "DELETE FROM queue WHERE participation_id = %s AND topic = %s", about


def _fold_notice(event: Any, recorded: Recorded) -> Iterable[Statement]:
    match event:
        case Notice.NoticeRequested():
            yield (
                "INSERT INTO notices "
                "(notice_id, participation_id, topic, state, requested_at, position) "
                "VALUES (%s, %s, %s, 'requested', %s, %s)",
                (
                    event.originator_id,
                    event.participation_id,
                    event.topic,
                    event.requested_at,
                    recorded.position,
                ),
            )
        case Notice.NoticeQueued():
            yield (
                "UPDATE notices SET state = 'queued' WHERE notice_id = %s",
                (event.originator_id,),
            )
            # A no that was stored between the check and this row counts: only what is
            # still safe and still wanted at this place of the log enters the queue.
            yield (
                "INSERT INTO queue "
                "(notice_id, participation_id, topic, channel_id, channel, send_from, position) "
                "SELECT %s, %s, %s, c.channel_id, %s, %s, %s FROM contact_channels c "
                "JOIN chosen_topics t ON t.participation_id = c.participation_id "
                "WHERE c.channel_id = %s AND c.state = 'safe' "
                "AND t.topic = %s AND t.state = 'chosen'",
                (
                    event.originator_id,
                    event.participation_id,
                    event.topic,
                    event.channel,
                    event.send_from,
                    recorded.position,
                    event.channel_id,
                    event.topic,
                ),
            )
        case Notice.NoticeSuppressed():
            yield (
                "UPDATE notices SET state = 'suppressed', reason = %s WHERE notice_id = %s",
                (event.reason, event.originator_id),
            )


def _token(value: Sealed | None) -> str | None:
    return value.token() if value else None
