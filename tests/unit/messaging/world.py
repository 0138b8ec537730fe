"""A producer's log, a consumer's store and a broker that misbehaves, all in memory and seeded."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.messaging.announcement import Announcement
from shared.messaging.inbox import AlreadyConsumed, Parked, Standing
from shared.messaging.relay import NotAlone

NOON = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
ANY = UUID(int=7)


class Crash(Exception):
    """The process died here."""


def announcement(
    position: int, previous: int, stream: str = "s", kind: str = "case.opened"
) -> Announcement:
    return Announcement(
        producer="intake",
        position=position,
        previous=previous,
        stream_id=stream,
        type=f"intake.{kind}.v1",
        time=NOON,
        correlation_id=ANY,
        data={"n": position},
    )


def log_of(rng: random.Random, length: int, streams: int) -> list[Announcement]:
    """A log with private entries between the published ones."""
    found: list[Announcement] = []
    position = previous = 0
    for _ in range(length):
        position += rng.choice((1, 1, 1, 2, 5))
        kind = rng.choice(("case.opened", "case.opened", "case.ignored"))
        found.append(announcement(position, previous, f"s{rng.randrange(streams)}", kind))
        previous = position
    return found


@dataclass
class Store:
    """A consumer's database: what is written together is written together, or not at all."""

    rng: random.Random = field(default_factory=lambda: random.Random(0))
    crash_rate: float = 0.0
    poison: dict[int, int] = field(default_factory=dict)
    """Position → how many more times its handler raises."""
    cursor: int = 0
    applied: list[Announcement] = field(default_factory=list)
    parked: dict[int, Parked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.copy()

    def copy(self) -> int:
        """Kept for :meth:`put_back`; how far it had come."""
        self._copy = (self.cursor, list(self.applied), dict(self.parked))
        return self.cursor

    def put_back(self) -> int:
        """To the last copy, while whoever uses it lives on."""
        self.cursor, applied, parked = self._copy
        self.applied, self.parked = list(applied), dict(parked)
        return self.cursor

    def standing(self, producer: str, stream_id: str) -> Standing:
        streams = {p.announcement.stream_id for p in self.parked.values()}
        return Standing(self.cursor, stream_id in streams)

    def follows(self, announcement: Announcement) -> bool:
        return "ignored" not in announcement.type

    def react(self, announcement: Announcement) -> None:
        self._raise_if_poison(announcement)
        self._before(announcement)
        self.cursor = announcement.position
        self.applied.append(announcement)
        self._maybe_crash()

    def skip(self, announcement: Announcement, began: int) -> None:
        self._before(announcement)
        if self.cursor < began:
            raise AlreadyConsumed
        self.cursor = announcement.position
        self._maybe_crash()

    def park(
        self, announcement: Announcement, reason: str, attempts: int, retry_at: datetime
    ) -> None:
        self._before(announcement)
        self.cursor = announcement.position
        self.parked[announcement.position] = Parked(announcement, attempts, retry_at, reason)
        self._maybe_crash()

    def heads(self, producer: str) -> list[Parked]:
        first: dict[str, Parked] = {}
        for position in sorted(self.parked):
            first.setdefault(self.parked[position].announcement.stream_id, self.parked[position])
        return list(first.values())

    def react_parked(self, parked: Parked) -> None:
        self._raise_if_poison(parked.announcement)
        self._maybe_crash()
        if parked.announcement.position not in self.parked:
            raise AlreadyConsumed
        del self.parked[parked.announcement.position]
        self.applied.append(parked.announcement)
        self._maybe_crash()

    def postpone(self, parked: Parked, reason: str, retry_at: datetime) -> None:
        self._maybe_crash()
        self.parked[parked.announcement.position] = Parked(
            parked.announcement, parked.attempts + 1, retry_at, reason
        )

    def parked_count(self, producer: str) -> int:
        return len(self.parked)

    def _before(self, announcement: Announcement) -> None:
        self._maybe_crash()
        if announcement.position <= self.cursor:
            raise AlreadyConsumed

    def _raise_if_poison(self, announcement: Announcement) -> None:
        left = self.poison.get(announcement.position, 0)
        if left:
            self.poison[announcement.position] = left - 1
            raise RuntimeError("the handler raised")

    def _maybe_crash(self) -> None:
        if self.rng.random() < self.crash_rate:
            raise Crash


@dataclass
class Broker:
    """Drops, duplicates, reorders, and now and then forgets everything."""

    rng: random.Random
    queue: list[bytes] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    """What it has done to messages so far: dropped, forgotten, duplicated, reordered."""

    def publish(self, batch: Sequence[Announcement]) -> None:
        for one in batch:
            if self.rng.random() < 0.1:
                raise ConnectionError("gone before the confirm")
            fate = self.rng.random()
            copies = 0 if fate <= 0.1 else 1 if fate <= 0.8 else 2
            self.queue += [one.to_json()] * copies
            if copies != 1:
                self.faults["duplicated" if copies else "dropped"] += 1
        if self.rng.random() < 0.1:
            raise ConnectionError("gone before the confirm")

    def deliver(self) -> bytes | None:
        if self.rng.random() < 0.02:
            self.faults["forgotten"] += len(self.queue)
            self.queue.clear()
        if not self.queue:
            return None
        at = 0 if self.rng.random() < 0.6 else self.rng.randrange(len(self.queue))
        self.faults["reordered"] += at > 0
        if self.rng.random() < 0.1:
            self.faults["duplicated"] += 1
            return self.queue[at]
        return self.queue.pop(at)


@dataclass
class Log:
    """The producer's log and the relay's cursor; entries appear as time goes on."""

    entries: list[Announcement]
    visible: int = 0
    at: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    crash_rate: float = 0.0

    def cursor(self) -> int:
        return self.at

    def after(self, position: int, limit: int) -> list[Announcement]:
        return [e for e in self.entries[: self.visible] if e.position > position][:limit]

    def confirmed(self, position: int, previous: int) -> None:
        if previous != self.at:
            raise NotAlone
        self._maybe_crash()
        self.at = position
        self._maybe_crash()

    def _maybe_crash(self) -> None:
        if self.rng.random() < self.crash_rate:
            raise Crash


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by
