"""Token buckets that slow guessing down; in memory, and forgotten with the process."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Rate:
    """``burst`` at once, then ``per_minute``."""

    burst: int
    per_minute: float


class Bucket:
    """One bucket; time is passed in and never runs backwards in it."""

    def __init__(self, rate: Rate, now: datetime) -> None:
        self._rate = rate
        self._level = float(rate.burst)
        self._at = now

    def wait(self, now: datetime) -> float:
        """Seconds until one may be taken; 0 if now."""
        passed = max(0.0, (now - self._at).total_seconds())
        self._level = min(self._rate.burst, self._level + passed * self._rate.per_minute / 60)
        self._at = max(now, self._at)
        return 0.0 if self._level >= 1 else (1 - self._level) * 60 / self._rate.per_minute

    def take(self) -> None:
        """Use one up, after :meth:`wait` answered 0."""
        self._level -= 1


class Limiter:
    """A bucket for each address (or agency), and one for everybody where there is one.

    The number remembered is bounded; the one unused longest is forgotten
    first, and the common bucket still holds.
    """

    def __init__(self, each: Rate, together: Rate | None, remembered: int = 10_000) -> None:
        self._each, self._together, self._remembered = each, together, remembered
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()
        self._all: Bucket | None = None

    def ask(self, address: str, now: datetime) -> int:
        """0 and one attempt used; or the seconds to wait, and nothing used."""
        buckets = self._buckets(address, now)
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            return math.ceil(wait)
        for bucket in buckets:
            bucket.take()
        return 0

    def _buckets(self, address: str, now: datetime) -> tuple[Bucket, ...]:
        own = self._addresses.pop(address, None) or Bucket(self._each, now)
        self._addresses[address] = own
        if len(self._addresses) > self._remembered:
            self._addresses.popitem(last=False)
        if self._together is None:
            return (own,)
        if self._all is None:
            self._all = Bucket(self._together, now)
        return (own, self._all)
