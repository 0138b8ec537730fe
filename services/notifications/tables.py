"""The read tables, written with the events they come from, and the reads of them."""

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

TABLES = ("contact_channels", "chosen_topics", "notices")

Statement = tuple[str, tuple[Any, ...]]


def fold(event: DomainEvent, recorded: Recorded) -> Iterable[Statement]:
    """What one event changes in the read tables; folding the log again gives the same rows."""
    match event:
        case (
            ContactPreference.ChannelDeclaredSafe()
            | ContactPreference.ChannelConfirmed()
            | ContactPreference.PreferenceVerified()
            | ContactPreference.ChannelReplaced()
            | ContactPreference.ChannelDeclaredUnsafe()
            | ContactPreference.ContactErasureRequested()
            | ContactPreference.ContactErased()
        ):
            return _fold_preference(event, recorded)
        case TopicChoice.TopicChosen() | TopicChoice.TopicConfirmed() | TopicChoice.TopicDropped():
            return _fold_topics(event)
        case Notice.NoticeRequested():
            return [_requested(event, recorded)]
        case Notice.Event() if type(event) in _STATES:
            return [_became(event)]
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
        "SELECT notice_id, topic, state, reason, requested_at, sent_at "
        "FROM notices WHERE participation_id = %s ORDER BY position",
        (participation_id,),
        participation_id,
    )


def on_its_way(app: EventSourcedApplication, participation_id: UUID) -> bool:
    """Whether a message to the person is being handed over, as it was stored last."""
    found = app.committer.query(
        "SELECT 1 FROM notices WHERE participation_id = %s AND state = 'sending' LIMIT 1",
        (participation_id,),
    )
    return bool(found)


def _fold_preference(event: Any, recorded: Recorded) -> Iterable[Statement]:
    match event:
        case ContactPreference.ChannelDeclaredSafe():
            waits = event.decision.told_by_staff
            yield (
                "INSERT INTO contact_channels (channel_id, participation_id, channel, address, "
                "name_to_use, weekdays, opens, closes, time_zone, voicemail_ok, say_agency, "
                "verified_on, stale_after, state, marked, position) "
                "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
                "ON CONFLICT (channel_id) DO UPDATE SET address = excluded.address, "
                "name_to_use = excluded.name_to_use, weekdays = excluded.weekdays, "
                "opens = excluded.opens, closes = excluded.closes, "
                "time_zone = excluded.time_zone, voicemail_ok = excluded.voicemail_ok, "
                "say_agency = excluded.say_agency, verified_on = excluded.verified_on, "
                "stale_after = excluded.stale_after, state = excluded.state",
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
                    event.address_mark is not None,
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
            yield _UNMARKED_TOO, (event.channel_id,)
        case ContactPreference.ChannelReplaced():
            yield (
                "UPDATE contact_channels SET state = 'replaced' WHERE channel_id = %s",
                (event.channel_id,),
            )
        case ContactPreference.ContactErasureRequested() | ContactPreference.ContactErased():
            yield (
                "UPDATE contact_channels SET state = 'erased', address = NULL, name_to_use = NULL "
                "WHERE participation_id = %s",
                (event.participation_id,),
            )


_UNMARKED_TOO = (
    "UPDATE contact_channels AS known SET state = 'unsafe' FROM contact_channels AS said "
    "WHERE said.channel_id = %s AND known.participation_id = said.participation_id "
    "AND known.state IN ('awaiting_confirmation', 'safe') AND NOT (known.marked AND said.marked) "
    "AND said.channel <> 'i_will_call_you' "
    "AND replace(known.channel, 'sms', 'voice') = replace(said.channel, 'sms', 'voice')"
)
"""The others of its kind, where nobody can tell whether they lead to the address of a no."""


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


def _requested(event: Any, recorded: Recorded) -> Statement:
    return (
        "INSERT INTO notices (notice_id, participation_id, topic, state, requested_at, position) "
        "VALUES (%s, %s, %s, 'requested', %s, %s)",
        (
            event.originator_id,
            event.participation_id,
            event.topic,
            event.requested_at,
            recorded.position,
        ),
    )


_STATES: dict[type, str] = {
    Notice.NoticeQueued: "queued",
    Notice.NoticePutOff: "queued",
    Notice.NoticeSuppressed: "suppressed",
    Notice.NoticeSending: "sending",
    Notice.NoticeSent: "sent",
    Notice.NoticeFailed: "failed",
    Notice.NoticeOutcomeUnknown: "unknown",
}


def _became(event: Any) -> Statement:
    sent = isinstance(event, Notice.NoticeSent)
    return (
        "UPDATE notices SET state = %s, reason = %s, sent_at = %s WHERE notice_id = %s",
        (
            _STATES[type(event)],
            getattr(event, "reason", None),
            event.at if sent else None,
            event.originator_id,
        ),
    )


def _token(value: Sealed | None) -> str | None:
    return value.token() if value else None
