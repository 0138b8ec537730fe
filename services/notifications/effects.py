"""What reaches outside: the intent is stored first, then it is done, then what became of it.

Between the two nothing is known but what is stored. So a notice that was found
``sending`` after its time is held for unknown and never sent again: one message
too few can be read in the portal, one too many may be read by somebody else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog

from services.notifications.adapters.smtp import (
    OutcomeUnknown,
    RefusedForEver,
    RefusedForNow,
    RelayAway,
)
from services.notifications.application import (
    CONTACT,
    NotificationsApplication,
    schedule_sending,
)
from services.notifications.data import nearest, notice_policy, wordings
from services.notifications.domain.channel import Way
from services.notifications.domain.notice import HAND_OVER, Notice, PutOff
from services.notifications.domain.policy import NoticePolicy, Wording
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from services.notifications.formats.address import sendable
from services.notifications.formats.mail import compose, message_id
from services.notifications.tables import on_its_way
from shared.accompaniment.accompaniment import Accompaniment
from shared.accompaniment.following import must_hear
from shared.contracts.refusal import Unavailable
from shared.eventstore.batch import AlreadyDone
from shared.eventstore.work import Context, DueRow, Work
from shared.sealing.keys import KeyDestroyed
from shared.sealing.sealed import Sealed

SETTLE = "settle_notice"
"""The due row that finds a notice whose sender ended before it said what became of it."""

SETTLE_AFTER = timedelta(minutes=5)
"""Longer than any attempt lasts that is still alive."""

PAUSE = timedelta(seconds=30)
"""A relay that does not answer is left alone that long, whoever else waits for it."""

LOOK_EVERY = 0.02

T = TypeVar("T")
log = structlog.get_logger()


class Hands(Protocol):
    """A relay that waits for one message."""

    def give(self, message: bytes, until: float) -> None:
        """See :class:`services.notifications.adapters.smtp.Handover`."""


class Carrier(Protocol):
    """The relay; see :class:`services.notifications.adapters.smtp.Relay`."""

    @property
    def settings(self) -> Any:
        """``sender``, ``sender_name`` and ``domain``."""

    def ready_for(self, recipient: str) -> AbstractContextManager[Hands]:
        """A connection on which the relay has accepted this recipient."""


@dataclass(frozen=True, repr=False)
class _Letter:
    participation_id: UUID
    recipient: str
    message: bytes
    wording: Wording


class _CannotBeSentTo(Exception):
    """What was declared as an address is none that a relay takes."""


class Sending:
    """Sends what is queued, one notice at a time, and says when nothing is on its way."""

    def __init__(
        self,
        app: NotificationsApplication,
        carrier: Carrier | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Without a ``carrier`` nothing is sent; what was queued while there was one waits.

        Fails where the wording in force tells, or is not there.
        """
        self._app = app
        self._carrier = carrier
        self._monotonic = monotonic
        self._policy = notice_policy()
        self._wordings = wordings()
        self._paused_until = -math.inf

    # -- what falls due -----------------------------------------------------------------------

    def due(self, row: DueRow, ctx: Context) -> None:
        """Do what is due about one notice. Nothing happens where it was dealt with meanwhile."""
        try:
            if row.kind == SETTLE:
                self._decide(self._now(ctx), row.key, _lost_track_of, row)
            else:
                self._send(row, ctx)
        except AlreadyDone:
            log.info("due.already_done", kind=row.kind)

    def _send(self, row: DueRow, ctx: Context) -> None:
        ctx = self._now(ctx)
        seen = _Seen(Work(ctx, self._app), row.key)
        way = seen.may_go(self._policy)
        if seen.notice is None or seen.preference is None or way is None:
            self._decide(ctx, row.key, self._recheck, row)
            return
        if self._carrier is None or self._monotonic() < self._paused_until:
            self._app.postpone(row, ctx.now + PAUSE)
            return
        try:
            letter = self._written(self._carrier, seen.notice, seen.preference, way, ctx.now)
        except KeyDestroyed:
            self._decide(ctx, row.key, _erased, row)
        except _CannotBeSentTo:
            self._decide(ctx, row.key, _no_address, row)
        except Unavailable:
            log.warning("put off", code=Unavailable.code)
            self._app.postpone(row, ctx.now + PAUSE)
        else:
            self._hand_over(self._carrier, row, ctx, letter)

    def _is_up_to_date(self, row: DueRow, ctx: Context, whose: UUID) -> bool:
        """Whether it is known here by now if their case rests (R09, I04); else the notice waits."""
        try:
            must_hear(self._app, whose)
        except Unavailable:
            log.warning("put off", code=Unavailable.code)
            self._app.postpone(row, self._now(ctx).now + PAUSE)
            return False
        return True

    def _hand_over(self, carrier: Carrier, row: DueRow, ctx: Context, letter: _Letter) -> None:
        """Everything slow first; then the intent; then the message, at once."""
        still_due: DueRow | None = row
        try:
            with carrier.ready_for(letter.recipient) as hands:
                if not self._is_up_to_date(row, ctx, letter.participation_id):
                    return
                started = self._monotonic()
                seconds = self._begin(row, self._now(ctx), letter)
                if seconds is None:
                    return
                still_due = None
                hands.give(letter.message, started + seconds)
                self._decide(self._now(ctx), row.key, _sent)
        except OutcomeUnknown:
            log.warning("relay.outcome_unknown")
            self._decide(self._now(ctx), row.key, _lost_track_of)
        except RefusedForEver:
            log.warning("relay.refused")
            self._decide(self._now(ctx), row.key, _refused, still_due)
        except RefusedForNow:
            log.warning("relay.refused_for_now")
            self._decide(self._now(ctx), row.key, self._put_off("refused_for_now"), still_due)
        except RelayAway:
            log.warning("relay.away")
            self._paused_until = self._monotonic() + PAUSE.total_seconds()
            self._decide(self._now(ctx), row.key, self._put_off("relay_away"), still_due)

    def _begin(self, row: DueRow, ctx: Context, letter: _Letter) -> float | None:
        """Store the intent; for how many seconds it holds, or None where nothing may be sent.

        It relies on the very versions of preference and topics that it cites, and on
        what is known of their case: a no that is stored before it is seen, and one
        that is stored after it waits with its answer until the message is through
        (:meth:`let_pass`).
        """

        def intend(notice: Notice, work: Work) -> float | None:
            seen = _Seen(work, row.key)
            way = notice.recheck(
                seen.topics, seen.preference, self._policy, at=ctx.now, at_rest=seen.at_rest
            )
            if way is None or seen.topics is None:
                return None
            beside_id = Accompaniment.create_id(notice.participation_id)
            work.rely_on(way.preference_id, seen.topics.id, beside_id)  # I09
            until = notice.begin_sending(
                way,
                topics_version=seen.topics.version,
                wording_version=letter.wording.version,
                language=letter.wording.language,
                at=ctx.now,
            )
            return (until - ctx.now).total_seconds()

        return self._decide(ctx, row.key, intend, row)

    def _decide(
        self,
        ctx: Context,
        key: str,
        change: Callable[[Notice, Work], T],
        row: DueRow | None = None,
    ) -> T | None:
        """Decide about one notice, and when it is looked at again; ``row`` goes with it."""

        def handler(work: Work) -> T | None:
            notice = work.find(Notice, UUID(key))
            if notice is None:
                return None
            found = change(notice, work)
            work.save(notice)
            work.unschedule(SETTLE, key)
            if notice.state == "queued" and notice.send_from:
                schedule_sending(notice, work)
            elif notice.state == "sending":
                work.schedule(SETTLE, key, ctx.now + SETTLE_AFTER)
            return found

        found: T | None = self._app.decide(ctx, handler, row)
        return found

    def _recheck(self, notice: Notice, work: Work) -> None:
        seen = _Seen(work, str(notice.id))
        notice.recheck(
            seen.topics, seen.preference, self._policy, at=work.ctx.now, at_rest=seen.at_rest
        )

    def _put_off(self, reason: PutOff) -> Callable[[Notice, Work], None]:
        return lambda notice, work: notice.put_off(reason, self._policy, at=work.ctx.now)

    def _written(
        self,
        carrier: Carrier,
        notice: Notice,
        preference: ContactPreference,
        way: Way,
        at: datetime,
    ) -> _Letter:
        channel = preference.channels[way.channel_id]
        recipient = sendable(self._opened(channel.address) or "")
        if recipient is None:
            raise _CannotBeSentTo
        wording = nearest(self._wordings, channel.recorded.language)
        by = carrier.settings
        message = compose(
            wording,
            sender=by.sender,
            sender_name=by.sender_name,
            to=recipient,
            name=self._opened(channel.name_to_use),
            message_id=message_id(notice.id, self._app.edge.secrets["message_id"], by.domain),
            at=at,
        )
        return _Letter(notice.participation_id, recipient, message, wording)

    def _opened(self, words: Sealed | None) -> str | None:
        if words is None:
            return None
        return self._app.open(
            words.token(), participation_id=words.participation_id, record_class=CONTACT
        )

    def _now(self, ctx: Context) -> Context:
        return replace(ctx, now=self._app.edge.clock())

    # -- what is on its way -------------------------------------------------------------------

    def let_pass(self, participation_id: UUID) -> None:
        """Return when no message to this person can leave any more that was begun before.

        Called with a no that is stored already, before it is acknowledged. Waits
        for at most :data:`HAND_OVER`, and only while one is just being handed over.
        """
        until = self._monotonic() + HAND_OVER.total_seconds()
        while on_its_way(self._app, participation_id) and self._monotonic() < until:
            Event().wait(LOOK_EVERY)


class _Seen:
    """What one decision about a notice is made by, read from the log."""

    def __init__(self, work: Work, key: str) -> None:
        self.notice = work.find(Notice, UUID(key))
        self.topics: TopicChoice | None = None
        self.preference: ContactPreference | None = None
        self.at_rest = False
        self._at = work.ctx.now
        if self.notice is not None:
            whose = self.notice.participation_id
            self.topics = work.find(TopicChoice, TopicChoice.create_id(whose))
            self.preference = work.find(ContactPreference, ContactPreference.create_id(whose))
            beside = work.find(Accompaniment, Accompaniment.create_id(whose))
            self.at_rest = beside is not None and beside.at_rest

    def may_go(self, policy: NoticePolicy) -> Way | None:
        """The way it may go now, as far as can be seen before the intent."""
        if self.notice is None or self.notice.state != "queued":
            return None
        found = self.notice.verdict(
            self.topics, self.preference, policy, at=self._at, at_rest=self.at_rest
        )
        return found if isinstance(found, Way) and found.send_from <= self._at else None


def _sent(notice: Notice, work: Work) -> None:
    notice.sent(at=work.ctx.now)


def _lost_track_of(notice: Notice, work: Work) -> None:
    notice.lose_track(at=work.ctx.now)


def _refused(notice: Notice, work: Work) -> None:
    notice.fail("refused", at=work.ctx.now)


def _no_address(notice: Notice, work: Work) -> None:
    notice.fail("no_address", at=work.ctx.now)


def _erased(notice: Notice, work: Work) -> None:
    notice.suppress("no_channel", at=work.ctx.now)
