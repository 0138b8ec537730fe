"""A log of any length, made as it is read: one life after the other, none kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from services.audit.checks.entries import Entry, entry_of
from services.audit.checks.history import History
from tests.integration.audit.books import stored

START = datetime(2026, 1, 1, tzinfo=UTC)


class Lives:
    """``number`` releases that are proposed, given, used and revoked, ``wide`` at a time.

    Every ``broken``-th is used once more after its revocation.
    """

    service = "consent"
    NAMES = ("GrantProposed", "GrantGiven", "DisclosureMade", "GrantRevoked")

    def __init__(self, number: int, broken: int, wide: int = 10) -> None:
        self.number, self.broken, self.wide = number, broken, wide
        self.read = 0

    def last(self) -> int:
        return sum(1 for _ in self._places())

    def entries(self, name: str | None = None) -> Iterator[Entry]:
        previous = 0
        for position, (life, step) in enumerate(self._places(), 1):
            self.read += 1
            yield self._entry(position, life, step, previous)
            previous = position

    def streams(self) -> Iterator[Entry]:
        for life in range(self.number):
            for entry in self.stream(_id("grant", life), self.number * 10):
                self.read += 1
                yield entry

    def stream(self, stream: UUID, before: int) -> Iterator[Entry]:
        life = stream.int & 0xFFFFFFFF
        if stream != _id("grant", life):
            return
        for step in range(len(self.NAMES) + 1):
            position = self._position(life, step)
            if position < before and (step < len(self.NAMES) or life % self.broken == 0):
                yield self._entry(position, life, step, position - 1)

    def at(self, position: int) -> Entry | None:
        raise NotImplementedError

    def history(self) -> History:
        return History({"consent": self})

    def _places(self) -> Iterator[tuple[int, int]]:
        """(life, step) in the order of the log: ``wide`` lives run side by side."""
        for first in range(0, self.number, self.wide):
            together = range(first, min(first + self.wide, self.number))
            for step in range(len(self.NAMES) + 1):
                for life in together:
                    if step < len(self.NAMES) or life % self.broken == 0:
                        yield life, step

    def _position(self, life: int, step: int) -> int:
        """Where the place stands among :meth:`_places`, counted from 1."""
        first = life - life % self.wide
        together = min(self.wide, self.number - first)
        before = first * len(self.NAMES) + -(-first // self.broken)
        if step < len(self.NAMES):
            return before + step * together + life - first + 1
        broken = [other for other in range(first, life) if other % self.broken == 0]
        return before + len(self.NAMES) * together + len(broken) + 1

    def _entry(self, position: int, life: int, step: int, previous: int) -> Entry:
        name = self.NAMES[step] if step < len(self.NAMES) else "DisclosureMade"
        at = START + timedelta(seconds=position)
        person, item = _id("person", life), ("intake", "need", _id("item", life))
        state: dict[str, Any] = {
            "timestamp": at,
            "participation_id": person,
            "recipient_agency_id": _id("agency", 0),
            "purpose": "housing",
            "items": (item,),
            "item": item,
            "starts_at": START,
            "expires_at": START + timedelta(days=3650),
            "made_at": at,
            "take_before": at + timedelta(minutes=1),
            "disclosure_id": _id(f"disclosure {step}", life),
            "decision": {
                "decided_by": "harmed_party",
                "participation_id": stored(person),
                "recorded_by": {"actor_id": stored(person), "role": "harmed_party"},
                "recorded_at": stored(at),
                "language": "en",
            },
        }
        fields = {key: stored(value) for key, value in state.items()}
        fields["meta"] = {
            "causation": f"command/{_id(f'step {step}', life)}",
            "actor_id": str(person),
        }
        assert position == self._position(life, step)
        topic = f"services.consent.domain.grant:Grant.{name}"
        row = (position, _id("grant", life), step + 1, topic, json.dumps(fields).encode(), previous)
        return entry_of("consent", row)


def _id(kind: str, number: int) -> UUID:
    """An id whose last part is the number."""
    return UUID(int=uuid5(NAMESPACE_OID, kind).int >> 32 << 32 | number)
