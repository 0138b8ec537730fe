"""One neutral notice: that there is something new about a topic, never what.

Requested only for a topic that the person chose; then checked against their
preference: queued for one live way of contact, or suppressed with the reason.
Whoever paused or closed their case is contacted about nothing until they reopen it.
When its time has come it is checked again, and only then sent: the intent is
stored first, then the message is handed over, then what became of it is stored.
A notice whose outcome nobody knows is never sent again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from services.notifications.domain.channel import Suppressed, Way
from services.notifications.domain.policy import NoticePolicy
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from shared.eventstore.aggregate import Aggregate

PutOff = Literal["out_of_hours", "relay_away", "refused_for_now"]
Failed = Literal["refused", "no_address", "gave_up"]

HAND_OVER = timedelta(seconds=3)
"""After an intent was stored, no byte of its message leaves later than this."""


class Notice(Aggregate):
    """One notice of one participation.

    ``state``: requested, queued, suppressed, sending, sent, failed, unknown.
    """

    class NoticeRequested(Aggregate.Created):
        participation_id: UUID
        topic: str
        cause: str
        requested_at: datetime

    class NoticeQueued(Aggregate.Event):
        participation_id: UUID
        topic: str
        preference_id: UUID
        preference_version: int
        channel_id: UUID
        channel: str
        send_from: datetime
        at: datetime

    class NoticeSuppressed(Aggregate.Event):
        participation_id: UUID
        topic: str
        reason: Suppressed
        at: datetime

    class NoticePutOff(Aggregate.Event):
        participation_id: UUID
        topic: str
        reason: PutOff
        tries: int
        send_from: datetime
        at: datetime

    class NoticeSending(Aggregate.Event):
        """The intent, and what allows it. Nothing of the message leaves after ``until``."""

        participation_id: UUID
        topic: str
        tries: int
        preference_id: UUID
        preference_version: int
        topics_version: int
        channel_id: UUID
        channel: str
        wording_version: str
        language: str
        until: datetime
        at: datetime

    class NoticeSent(Aggregate.Event):
        participation_id: UUID
        topic: str
        tries: int
        at: datetime

    class NoticeFailed(Aggregate.Event):
        participation_id: UUID
        topic: str
        tries: int
        reason: Failed
        at: datetime

    class NoticeOutcomeUnknown(Aggregate.Event):
        participation_id: UUID
        topic: str
        tries: int
        at: datetime

    @staticmethod
    def create_id(participation_id: UUID, topic: str, cause: str) -> UUID:
        """One notice per cause: the message that is heard twice is told of once."""
        return uuid5(NAMESPACE_URL, f"/notifications/notice/{participation_id}/{topic}/{cause}")

    @event(NoticeRequested)
    def __init__(
        self, participation_id: UUID, topic: str, cause: str, requested_at: datetime
    ) -> None:
        self.participation_id = participation_id
        self.topic = topic
        self.requested_at = requested_at
        self.state = "requested"
        self.channel_id: UUID | None = None
        self.send_from: datetime | None = None
        self.tries = 0

    # -- when it is requested -----------------------------------------------------------------

    def check(
        self,
        preference: ContactPreference | None,
        *,
        senders: frozenset[str],
        at: datetime,
        at_rest: bool = False,
    ) -> str:
        """The state that follows, by the preference as it is now. A checked notice stays as it is.

        A queued notice cites the preference it relies on; it is checked again
        when it is sent, because hours may pass (I09). ``at_rest``: whether the
        person paused or closed their case.
        """
        if self.state != "requested":
            return self.state
        way = preference.way(at, senders) if preference else "no_channel"
        if at_rest:  # R09 I04
            way = "at_rest"
        if isinstance(way, Way):
            self._queue(
                participation_id=self.participation_id,
                topic=self.topic,
                preference_id=way.preference_id,
                preference_version=way.preference_version,
                channel_id=way.channel_id,
                channel=way.channel,
                send_from=way.send_from,
                at=at,
            )
        else:
            self.suppress(way, at=at)
        return self.state

    # -- when its time has come ---------------------------------------------------------------

    def verdict(
        self,
        topics: TopicChoice | None,
        preference: ContactPreference | None,
        policy: NoticePolicy,
        *,
        at: datetime,
        at_rest: bool = False,
    ) -> Way | Suppressed:
        """What is to be done with a queued notice, by what holds at ``at``; decides nothing.

        The way it was queued for, from when it may be used; or why it may not
        go. It never goes another way than that (I09). ``at_rest``: see :meth:`check`.
        """
        if at_rest:  # R09 I04
            return "at_rest"
        if topics is None or not topics.wants(self.topic):  # R26
            return "not_chosen"
        if preference is None or self.channel_id is None:
            return "no_channel"
        way = preference.same_way(self.channel_id, at)
        lapses_at = self.requested_at + policy.lapses_after
        return "lapsed" if isinstance(way, Way) and way.send_from > lapses_at else way

    def recheck(
        self,
        topics: TopicChoice | None,
        preference: ContactPreference | None,
        policy: NoticePolicy,
        *,
        at: datetime,
        at_rest: bool = False,
    ) -> Way | None:
        """The way it may go at this very moment; else None, and what became of it is decided.

        Suppressed; put off until its safe hours begin; or given up, where it was
        tried in vain until it was too old. Nothing follows for one not queued.
        """
        if self.state != "queued":
            return None
        found = self.verdict(topics, preference, policy, at=at, at_rest=at_rest)
        if isinstance(found, Way):
            if found.send_from > at:  # I09
                self._put_off_until("out_of_hours", found.send_from, at)
                return None
            return found
        if found == "lapsed" and self.tries:
            self.fail("gave_up", at=at)
        else:
            self.suppress(found, at=at)
        return None

    def begin_sending(
        self, way: Way, *, topics_version: int, wording_version: str, language: str, at: datetime
    ) -> datetime:
        """Record the intent to send it now; until when its bytes may leave.

        Whoever stores this relies on the cited versions of preference and topics.
        """
        until = min(at + HAND_OVER, way.send_until)
        self._begin_sending(
            participation_id=self.participation_id,
            topic=self.topic,
            tries=self.tries + 1,
            preference_id=way.preference_id,
            preference_version=way.preference_version,
            topics_version=topics_version,
            channel_id=way.channel_id,
            channel=way.channel,
            wording_version=wording_version,
            language=language,
            until=until,
            at=at,
        )
        return until

    def suppress(self, reason: Suppressed, *, at: datetime) -> None:
        """It is not sent, for this reason, and never will be."""
        if self.state in ("requested", "queued"):
            self._suppress(
                participation_id=self.participation_id, topic=self.topic, reason=reason, at=at
            )

    def put_off(self, reason: PutOff, policy: NoticePolicy, *, at: datetime) -> None:
        """It was surely not taken; it is tried again, by the same way, after a longer wait."""
        if self.state in ("queued", "sending"):
            tries = self.tries if self.state == "sending" else self.tries + 1
            self._put_off(
                participation_id=self.participation_id,
                topic=self.topic,
                reason=reason,
                tries=tries,
                send_from=at + policy.wait(tries),
                at=at,
            )

    def sent(self, *, at: datetime) -> None:
        """The relay took it. Told late, this ends also what was held for unknown."""
        if self.state in ("sending", "unknown"):
            self._sent(
                participation_id=self.participation_id, topic=self.topic, tries=self.tries, at=at
            )

    def fail(self, reason: Failed, *, at: datetime) -> None:
        """It was surely not taken, and is not tried again, nor by another way (I09)."""
        if self.state in ("queued", "sending"):
            self._fail(
                participation_id=self.participation_id,
                topic=self.topic,
                tries=self.tries,
                reason=reason,
                at=at,
            )

    def lose_track(self, *, at: datetime) -> None:
        """Nobody knows whether the relay took it; so it is never sent again."""
        if self.state == "sending":
            self._lose_track(
                participation_id=self.participation_id, topic=self.topic, tries=self.tries, at=at
            )

    def _put_off_until(self, reason: PutOff, send_from: datetime, at: datetime) -> None:
        self._put_off(
            participation_id=self.participation_id,
            topic=self.topic,
            reason=reason,
            tries=self.tries,
            send_from=send_from,
            at=at,
        )

    # -- what is remembered -------------------------------------------------------------------

    @event(NoticeQueued)
    def _queue(
        self,
        *,
        participation_id: UUID,
        topic: str,
        preference_id: UUID,
        preference_version: int,
        channel_id: UUID,
        channel: str,
        send_from: datetime,
        at: datetime,
    ) -> None:
        self.state = "queued"
        self.channel_id = channel_id
        self.send_from = send_from

    @event(NoticeSuppressed)
    def _suppress(
        self, participation_id: UUID, topic: str, reason: Suppressed, at: datetime
    ) -> None:
        self.state = "suppressed"

    @event(NoticePutOff)
    def _put_off(
        self,
        *,
        participation_id: UUID,
        topic: str,
        reason: PutOff,
        tries: int,
        send_from: datetime,
        at: datetime,
    ) -> None:
        self.state = "queued"
        self.tries = tries
        self.send_from = send_from

    @event(NoticeSending)
    def _begin_sending(
        self,
        *,
        participation_id: UUID,
        topic: str,
        tries: int,
        preference_id: UUID,
        preference_version: int,
        topics_version: int,
        channel_id: UUID,
        channel: str,
        wording_version: str,
        language: str,
        until: datetime,
        at: datetime,
    ) -> None:
        self.state = "sending"
        self.tries = tries

    @event(NoticeSent)
    def _sent(self, participation_id: UUID, topic: str, tries: int, at: datetime) -> None:
        self.state = "sent"

    @event(NoticeFailed)
    def _fail(
        self, participation_id: UUID, topic: str, tries: int, reason: Failed, at: datetime
    ) -> None:
        self.state = "failed"

    @event(NoticeOutcomeUnknown)
    def _lose_track(self, participation_id: UUID, topic: str, tries: int, at: datetime) -> None:
        self.state = "unknown"
