"""What stands in the log: 32 bytes that say nothing to anybody who holds them alone.

Every leaf is the hash of 32 random bytes and a record, and the ledger keeps both:
the digest record of a stored event, or one of its own, padding or a closing. So
an auditor tells them apart, and nobody can call one the other; in public all of
them look alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import isfinite
from typing import Any

RANDOM_BYTES = 32

PADDING = b'{"pad":true}'
"""The record of a leaf that is there so that the log grows alike."""

_TICKS, _SLACK = 3, timedelta(minutes=1)
"""How long leaves may wait for a signature: so many ticks, and this."""

_CLOSING = {"at", "heads", "n", "tick"}


def entry_of(random: bytes, record: bytes) -> bytes:
    """The public bytes of a leaf: SHA-256(32 random bytes ‖ record). ``ValueError`` otherwise."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a leaf is blinded by {RANDOM_BYTES} random bytes")
    return sha256(random + record).digest()


def padded(size: int, quantum: int) -> int:
    """The size of the next checkpoint, for ``size`` leaves.

    The next multiple of ``quantum`` that has room for a closing, so always more
    than before: a tick without decisions must look like any other.
    """
    if size < 0 or quantum < 1:
        raise ValueError(f"{size} leaves, padded to {quantum}")
    return quantum * (size // quantum + 1)


@dataclass(frozen=True)
class Closing:
    """The record of the last leaf under each checkpoint.

    ``number`` counts checkpoints from 1, so that none can go unnoticed; ``at``
    is when, in UTC; ``tick`` the seconds until the next one; ``heads`` the last
    position of each service that the log holds by then.
    """

    number: int
    at: datetime
    tick: float
    heads: Mapping[str, int]

    def record(self) -> bytes:
        """As it is hashed: canonical JSON."""
        said = {
            "at": self.at.astimezone(UTC).isoformat(),
            "heads": dict(self.heads),
            "n": self.number,
            "tick": self.tick,
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()

    def is_overdue(self, now: datetime) -> bool:
        """Whether the next one should long have been there, by the clock that says ``now``."""
        try:
            return now - self.at > _SLACK + _TICKS * timedelta(seconds=self.tick)
        except OverflowError:  # Longer between two ticks than there are days.
            return False

    @classmethod
    def of(cls, record: bytes) -> Closing:
        """Read one; ``ValueError`` for anything else."""
        said = object_of(record)
        if set(said) != _CLOSING or not isinstance(said["heads"], dict):
            raise ValueError("not the record of a closing")
        try:
            at = datetime.fromisoformat(said["at"])
            closing = cls(int(said["n"]), at, float(said["tick"]), said["heads"])
            sound = isfinite(closing.tick) and closing.record() == record
        except (TypeError, OverflowError) as error:
            raise ValueError("not the record of a closing") from error
        if not sound:
            raise ValueError("the record of a closing, written otherwise")
        return closing


def object_of(record: bytes) -> dict[str, Any]:
    """The fields of a record; empty where it is none."""
    try:
        said = json.loads(record)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


@dataclass(frozen=True)
class Leaf:
    """A leaf as it is stored.

    ``service`` and ``position`` name the event whose digest record it holds.
    Without a service it is the ledger's own: with a position the closing of
    that number, without one padding.
    """

    index: int
    entry: bytes
    service: str | None
    position: int | None
    random: bytes | None
    record: bytes | None

    @property
    def is_sound(self) -> bool:
        """Whether it is what it is stored as."""
        return not self.wrong

    @property
    def wrong(self) -> str:
        """What is wrong with it; empty for a sound one."""
        random, record = self.random, self.record
        if random is None or record is None:
            return "what its entry is the hash of is gone"
        if len(random) != RANDOM_BYTES or self.entry != entry_of(random, record):
            return "its entry is not the hash of what it holds"
        if self.service is None:
            return self._wrong_as_own(record)
        said = object_of(record)
        if (said.get("svc"), said.get("pos")) != (self.service, self.position):
            return f"it holds the record of {_place(said)}"
        return ""

    def _wrong_as_own(self, record: bytes) -> str:
        if self.position is None:
            holds = _place(object_of(record))
            return "" if record == PADDING else f"stored as padding, it holds the record of {holds}"
        try:
            number = Closing.of(record).number
        except ValueError:
            return "stored as a closing, it holds something else"
        other = f"stored as the closing {self.position:,}, it is the closing {number:,}"
        return "" if number == self.position else other

    def closing(self) -> Closing | None:
        """The closing that a sound leaf holds; of any other leaf none."""
        if self.service is not None or self.position is None or self.record is None:
            return None
        return Closing.of(self.record)


def _place(said: Mapping[str, Any]) -> str:
    return f"{said['svc']} position {said.get('pos')}" if "svc" in said else "no event"
