"""Time and randomness as the edge saw them, for as long as one decision takes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from uuid import UUID

_now: ContextVar[datetime] = ContextVar("sayso_edge_time")
_random: ContextVar[Callable[[int], bytes]] = ContextVar("sayso_edge_randomness")


class edge_time:
    """Within this, events are stamped with ``now`` and new ids come from ``token_bytes``.

    ``ValueError`` for a time without a zone: a decision's hour must not depend
    on where a server stands.
    """

    # Entered for each decision: a class of its own costs a third of a generator.
    __slots__ = ("_now", "_random", "_tokens")

    def __init__(
        self, now: datetime, token_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("the edge passes aware times only")
        self._now, self._random = now.astimezone(UTC), token_bytes

    def __enter__(self) -> None:
        self._tokens = _now.set(self._now), _random.set(self._random)

    def __exit__(self, *_: object) -> None:
        now, random = self._tokens
        _now.reset(now)
        _random.reset(random)


def current_time() -> datetime:
    """The edge's time; ``RuntimeError`` outside :func:`edge_time`, so that nobody reads a clock."""
    try:
        return _now.get()
    except LookupError:
        raise RuntimeError("time enters at the edge: wrap this in edge_time(now)") from None


def new_id() -> UUID:
    """A random id (version 4) from the edge's randomness; ``RuntimeError`` outside the edge."""
    try:
        randomness = _random.get()
    except LookupError:
        raise RuntimeError("randomness enters at the edge: wrap this in edge_time(now)") from None
    return UUID(bytes=randomness(16), version=4)
