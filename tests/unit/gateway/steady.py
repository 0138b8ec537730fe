"""A clock that jumps to whoever wakes next: minutes of waiting pass in milliseconds."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TypeVar

from services.gateway.attempts import Waiting

T = TypeVar("T")

_SETTLES = 12
"""Turns of the loop after which everything that can go on without time has done so."""


@dataclass
class Steady:
    """``run`` plays until it is done; time passes only when everybody sleeps."""

    seed: int = 0
    now: float = 0.0
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _number: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    @property
    def waiting(self) -> Waiting:
        return Waiting(lambda: self.now, self.sleep, self.chance.randrange)

    async def sleep(self, seconds: float) -> None:
        wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._number), wakes))
        await wakes

    def run(self, play: Awaitable[T]) -> T:
        async def played() -> T:
            task = asyncio.ensure_future(play)
            while not task.done():
                for _ in range(_SETTLES):
                    await asyncio.sleep(0)
                if not task.done():
                    self._wake_next()
            return task.result()

        return asyncio.run(played())

    def _wake_next(self) -> None:
        self.now, _, wakes = heapq.heappop(self._sleepers)
        if not wakes.done():
            wakes.set_result(None)
