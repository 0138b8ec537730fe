"""Token buckets by address or agency; in memory, and forgotten with the process."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Generic, TypeVar

T = TypeVar("T")

REMEMBERED = 10_000
"""How many addresses or agencies are told apart at once."""

_ONE_HOUSEHOLD = 64
"""Bits of an IPv6 address that a provider gives to one line; the rest is the caller's to change."""


@dataclass(frozen=True)
class Rate:
    """``burst`` at once, then ``per_minute``."""

    burst: int
    per_minute: float


class Bucket:
    """One bucket; time is seconds of a clock that is passed in and never runs backwards in it."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._level = float(rate.burst)
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until one may be taken; 0 if now."""
        passed = max(0.0, now - self._at)
        self._level = min(self._rate.burst, self._level + passed * self._rate.per_minute / 60)
        self._at = max(now, self._at)
        return 0.0 if self._level >= 1 else (1 - self._level) * 60 / self._rate.per_minute

    def take(self) -> None:
        """Use one up, after :meth:`wait` answered 0."""
        self._level -= 1

    def give_back(self) -> None:
        """What was taken was not used."""
        self._level = min(self._rate.burst, self._level + 1)


class Remembered(Generic[T]):
    """One of something for each source; the one unused longest is forgotten first."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._of: OrderedDict[str, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def of(self, source: str, make: Callable[[], T]) -> T:
        """The source's own, made at its first request."""
        own = self._of.pop(source) if source in self._of else make()
        self._of[source] = own
        if len(self._of) > self._limit:
            self._of.popitem(last=False)
        return own


class Limiter:
    """A bucket for each address (or agency), and one for everybody where there is one.

    The number remembered is bounded; the common bucket holds for those forgotten.
    """

    def __init__(self, each: Rate, together: Rate | None, remembered: int = REMEMBERED) -> None:
        self._each, self._together = each, together
        self.remembered: Remembered[Bucket] = Remembered(remembered)
        self._all: Bucket | None = None

    def ask(self, source: str, now: float) -> int:
        """0 and one attempt used; or the seconds to wait, and nothing used."""
        buckets = self._buckets(source, now)
        wait = max(bucket.wait(now) for bucket in buckets)
        if wait > 0:
            return math.ceil(wait)
        for bucket in buckets:
            bucket.take()
        return 0

    def _buckets(self, source: str, now: float) -> tuple[Bucket, ...]:
        own = self.remembered.of(source, lambda: Bucket(self._each, now))
        if self._together is None:
            return (own,)
        if self._all is None:
            self._all = Bucket(self._together, now)
        return (own, self._all)


def source_of(address: str) -> str:
    """What counts as one source: an address, or the /64 of an IPv6 address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return str(ip_network((ip, _ONE_HOUSEHOLD), strict=False))
    return str(ip)
