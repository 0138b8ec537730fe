"""Everything of the outside world that one service is given, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ssl import RAND_bytes
from typing import Any

from shared.messaging.bus import ServiceCaller
from shared.sealing.keys import KeySource


def _nobody(_published: bool) -> None:
    return


def utc_now() -> datetime:
    """The machine's clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Edge:
    """Clock, randomness, database, keys and callers of one service.

    ``dsn`` turns a role's kind (``committer``, ``query``, ``relay``, ``audit``,
    ``owner``) into a connection string. ``secrets`` holds named keys: pseudonym
    and index keys. ``stored`` is called after each decision that stored events, with whether
    any of them is published: the doorbell of relay and followers, who look by themselves too.
    ``monotonic`` measures how long something takes, in seconds, whatever the clock is set to.
    """

    service: str
    dsn: Callable[[str], str]
    keys: KeySource
    caller: ServiceCaller
    fingerprint_key: bytes = field(repr=False)
    clock: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    token_bytes: Callable[[int], bytes] = RAND_bytes
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    stored: Callable[[bool], None] = _nobody
