"""Trying a possession code: at once for who rarely fails, in a line for a source that often does.

Beyond its limit a source's codes wait together, and one of them at a time is
drawn by lot and looked up. Whoever waits beside somebody who guesses has the
same chance at each draw, wherever they stand; a first-come line would belong to
whoever asks most often. What is not drawn in time was never looked up.

Everything that waits has a place, and places are counted: without a free one
an attempt is refused at once. See docs/decisions/0015.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from services.gateway import problems
from services.gateway.limits import REMEMBERED, Bucket, Rate, Remembered
from shared.contracts.refusal import Refused

T = TypeVar("T")


@dataclass(frozen=True)
class Waiting:
    """From the edge: a steady clock in seconds, a sleep, and a random number below another."""

    elapsed: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    below: Callable[[int], int] = secrets.randbelow


@dataclass(frozen=True)
class Pace:
    """How codes are tried once too many have failed. Times are seconds.

    ``each``, ``together``: between two look-ups of one line. ``longest``: nobody
    waits longer for theirs. ``failing``: an answer that fails comes at a full
    multiple of it after its turn. ``places``, ``places_each``: attempts at
    once, in all and of one source; of all places, sources in a line
    have half at most.
    """

    each: float = 0.5
    together: float = 0.02
    longest: float = 10.0
    failing: float = 0.5
    places: int = 1_024
    places_each: int = 64


class _Line:
    """Those who wait, and a task that draws one of them at each beat while there are any."""

    def __init__(self, beat: float, waiting: Waiting) -> None:
        self._beat, self._waiting = beat, waiting
        self._ends: dict[asyncio.Future[None], float] = {}
        self._drawing: asyncio.Task[None] | None = None

    async def turn(self, until: float) -> None:
        """Wait to be drawn; 429 for whoever was not by ``until``."""
        drawn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ends[drawn] = until
        if self._drawing is None or self._drawing.done():
            self._drawing = asyncio.create_task(self._draw())
        try:
            await drawn
        finally:
            self._ends.pop(drawn, None)

    async def _draw(self) -> None:
        while self._ends:
            await self._waiting.sleep(self._beat)
            now = self._waiting.elapsed()
            there = [one for one in self._ends if not one.done()]
            if there:
                there.pop(self._waiting.below(len(there))).set_result(None)
            for one in there:
                if self._ends[one] <= now:
                    one.set_exception(problems.too_many(math.ceil(self._beat)))
            # Those who were answered leave before the next look at who is there.
            await asyncio.sleep(0)


@dataclass
class _Source:
    """What is remembered of an address: how often it failed, and who waits there."""

    failures: Bucket
    line: _Line
    places: int = 0


@dataclass
class _Taken:
    """An attempt's place, and what it took that goes back if it does not fail."""

    source: _Source
    slow: bool
    lines: list[_Line] = field(default_factory=list)
    buckets: list[Bucket] = field(default_factory=list)


class Attempts:
    """Every attempt at a possession code goes through here. One event loop only."""

    def __init__(self, each: Rate, together: Rate, pace: Pace, waiting: Waiting) -> None:
        self._each, self._pace, self._waiting = each, pace, waiting
        self._sources: Remembered[_Source] = Remembered(REMEMBERED)
        self._all = Bucket(together, waiting.elapsed())
        self._common = _Line(pace.together, waiting)
        self._places = self._slow = 0

    async def make(self, source: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run the attempt when it is its turn, and answer slowly if it fails.

        ``Problem`` 429 if there is no place or its turn does not come in
        time: then it was not run. What fails because something here is away is
        nobody's attempt: it is neither counted nor slowed.
        """
        arrived = self._waiting.elapsed()
        taken = self._take(source, arrived)
        try:
            for line in taken.lines:
                await line.turn(arrived + self._pace.longest)
            return await self._answered(attempt, taken)
        finally:
            self._leave(taken)

    async def _answered(self, attempt: Callable[[], Awaitable[T]], taken: _Taken) -> T:
        started = self._waiting.elapsed()
        try:
            return await attempt()
        except (problems.Problem, Refused) as failed:
            if not ours(failed):
                taken.buckets.clear()
                # Malformed, wrong, never issued: however long the look-up took, the answer comes
                # at a beat, so that its time says nothing.
                beat = self._pace.failing
                took = self._waiting.elapsed() - started
                await self._waiting.sleep((took // beat + 1) * beat - took)
            raise

    def _take(self, name: str, now: float) -> _Taken:
        own = self._sources.of(name, lambda: self._new_source(now))
        taken = _Taken(own, slow=own.failures.wait(now) > 0)
        if (
            own.places >= self._pace.places_each
            or self._places >= self._pace.places
            or (taken.slow and self._slow >= self._pace.places // 2)
        ):
            raise problems.too_many(math.ceil(self._pace.each))
        if taken.slow:
            taken.lines.append(own.line)
        else:
            taken.buckets.append(own.failures)
        if self._all.wait(now) > 0:
            taken.lines.append(self._common)
        else:
            taken.buckets.append(self._all)
        for bucket in taken.buckets:
            # Taken before it is known whether it fails: a hundred at once are a hundred.
            bucket.take()
        own.places += 1
        self._places += 1
        self._slow += taken.slow
        return taken

    def _new_source(self, now: float) -> _Source:
        return _Source(Bucket(self._each, now), _Line(self._pace.each, self._waiting))

    def _leave(self, taken: _Taken) -> None:
        for bucket in taken.buckets:
            bucket.give_back()
        taken.source.places -= 1
        self._places -= 1
        self._slow -= taken.slow


def ours(failed: problems.Problem | Refused) -> bool:
    """Whether it failed because something here is away: no attempt of anybody's."""
    if isinstance(failed, Refused):
        return failed.because == "unavailable"
    return failed.status >= 500
