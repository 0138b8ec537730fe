"""In order and once, whatever the broker does (architecture, decision 2).

Knows no transport: somebody rings (``receive``), and every now and then it is
asked to look by itself (``catch_up``, ``retry_parked``). One thread at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from shared.contracts.refusal import Refused, Unavailable
from shared.messaging.announcement import Announcement
from shared.messaging.inbox import AlreadyConsumed, Inbox, Parked, Standing
from shared.messaging.metrics import CONSUMED, PARKED

PAGE = 200
ASK_EVERY = timedelta(seconds=30)
QUICK_TRIES = 3
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=5)
"""How often a reaction whose needs are away is repeated before its stream is parked."""

_log = structlog.get_logger(__name__)


class BrokenPromise(RuntimeError):
    """The producer's log skipped a published message. Nothing is applied over a hole."""


Pull = Callable[[int, int], Sequence[Announcement]]
"""Published messages after a position, in order, at most so many: asks the producer's log."""


class Follower:
    """One consumer of one producer."""

    def __init__(
        self,
        consumer: str,
        producer: str,
        inbox: Inbox,
        pull: Pull,
        clock: Callable[[], datetime],
        *,
        pause: Callable[[int], None] = lambda _: None,
        infrastructure: tuple[type[BaseException], ...] = (),
    ) -> None:
        """``infrastructure``: errors that mean the store is away, not that a message is bad.

        They pass through ``receive`` and ``catch_up``; the caller tries again later.
        ``pause`` waits before quick attempt 1, 2 ... of a reaction that found something away.
        """
        self.consumer = consumer
        self.producer = producer
        self._inbox = inbox
        self._pull = pull
        self._clock = clock
        self._pause = pause
        self._infrastructure = infrastructure
        # The stored cursor, and the last of the messages behind it that concern nobody here.
        self._passed: tuple[int, Announcement] | None = None

    def receive(self, announcement: Announcement) -> None:
        """The doorbell rang with this message. When it returns, the bell may be forgotten.

        What nobody here reacts to is passed over in memory, and stored with the next
        message that is reacted to, or by :meth:`settle`: whoever forgets it asks the
        producer's log again.
        """
        if announcement.producer != self.producer:
            raise ValueError(f"{self.consumer} does not follow {announcement.producer} here")
        if self._passed is not None and self._goes_by(announcement, self._passed):
            return
        standing = self._standing(announcement.stream_id)
        if announcement.previous <= standing.cursor:
            self._consume(announcement, standing)
        else:
            self.catch_up()

    def catch_up(self) -> int:
        """Pull whatever is missing; how many messages were consumed."""
        consumed = 0
        cursor = self._standing("").cursor
        while page := self._pull(cursor, PAGE):
            for announcement in page:
                if announcement.position <= cursor:
                    continue
                if announcement.previous > cursor:
                    raise BrokenPromise(
                        f"{announcement.id} follows {announcement.previous}, not {cursor}"
                    )
                self._consume(announcement, self._standing(announcement.stream_id))
                cursor = announcement.position
                consumed += 1
            if page[-1].position > cursor:
                raise BrokenPromise(f"{self.producer} answered out of order after {cursor}")
            if len(page) < PAGE:
                break
        self.settle()
        return consumed

    def settle(self) -> None:
        """Store how far was passed over. Call when it is quiet, or every second or so.

        Nothing is stored where the inbox went back behind where that began: what it has
        lost is asked for again.
        """
        if self._passed is not None:
            began, last = self._passed
            with suppress(AlreadyConsumed):
                self._inbox.skip(last, began)
            self._passed = None

    def retry_parked(self) -> int:
        """Try the first message of each parked stream whose time has come, then those behind it."""
        done = 0
        for head in self._inbox.heads(self.producer):
            following: Parked | None = head
            while following is not None and following.retry_at <= self._clock():
                if not self._retry(following):
                    break
                done += 1
                following = self._next_behind(following)
        PARKED.labels(self.consumer, self.producer).set(self._inbox.parked_count(self.producer))
        return done

    def _standing(self, stream_id: str) -> Standing:
        """The inbox's, behind what was passed over since."""
        stored = self._inbox.standing(self.producer, stream_id)
        if self._passed is not None:
            began, last = self._passed
            # A cursor that went back is a store that was put back: what was passed counts no more.
            if began <= stored.cursor < last.position:
                return Standing(last.position, stored.parked)
            self._passed = None
        return stored

    def _goes_by(self, announcement: Announcement, passed: tuple[int, Announcement]) -> bool:
        """Whether it only follows what was passed over, and concerns nobody here either."""
        began, last = passed
        goes_by = announcement.previous == last.position and not self._inbox.follows(announcement)
        if goes_by:
            self._passed = began, announcement
            self._count("skipped")
        return goes_by

    def _consume(self, announcement: Announcement, standing: Standing) -> None:
        try:
            if announcement.position <= standing.cursor:
                self._count("dropped")
            elif not self._inbox.follows(announcement):
                began = self._passed[0] if self._passed else standing.cursor
                self._passed = began, announcement
                self._count("skipped")
            elif standing.parked:
                self._inbox.park(announcement, "behind", 0, self._clock())
                self._count("parked_behind")
            else:
                self._react(announcement)
        except AlreadyConsumed:
            self._count("dropped")

    def _react(self, announcement: Announcement) -> None:
        for attempt in range(1, QUICK_TRIES + 1):
            try:
                self._inbox.react(announcement)
            except AlreadyConsumed:
                raise
            except self._infrastructure:
                raise
            except Unavailable as away:
                reason = away.code
                self._pause(attempt)
            except Exception as poison:
                reason = describe(poison)
                break
            else:
                self._count("applied")
                return
        self._inbox.park(announcement, reason, 1, self._clock() + backoff(1))
        self._count("parked")
        _log.error(
            "message parked",
            consumer=self.consumer,
            producer=self.producer,
            position=announcement.position,
            error=reason,
        )

    def _retry(self, parked: Parked) -> bool:
        try:
            self._inbox.react_parked(parked)
        except AlreadyConsumed:
            return True
        except self._infrastructure:
            raise
        except Exception as poison:
            at = self._clock() + backoff(parked.attempts + 1)
            self._inbox.postpone(parked, describe(poison), at)
            return False
        self._count("unparked")
        return True

    def _next_behind(self, parked: Parked) -> Parked | None:
        stream = parked.announcement.stream_id
        heads = self._inbox.heads(self.producer)
        return next((h for h in heads if h.announcement.stream_id == stream), None)

    def _count(self, outcome: str) -> None:
        CONSUMED.labels(self.consumer, outcome).inc()


def backoff(attempts: int) -> timedelta:
    """1 s, 2 s, 4 s ... up to five minutes."""
    return min(LONGEST, SHORTEST * int(2 ** min(attempts - 1, 20)))


def describe(error: BaseException) -> str:
    """A reason that carries nobody's words: a refusal's code, or the error's class."""
    return error.code if isinstance(error, Refused) else type(error).__name__
