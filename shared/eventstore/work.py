"""One decision: what it was given, and what it wants stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from shared.contracts.refusal import NotFound, Refused
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.recorded import Recorded
from shared.identity.principal import Principal

A = TypeVar("A", bound=Aggregate)
R = TypeVar("R")
Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Context:
    """Everything that the edge passes in with a request, a message or a due row.

    ``causation`` reads ``command/<id>``, ``<service>/<position>`` of the message
    reacted to, or ``due/<kind>/<key>``. ``message`` is the inbox cursor that
    moves in the same transaction: (producer, position).
    """

    principal: Principal
    command_id: UUID | None
    correlation_id: UUID
    causation: str
    now: datetime
    message: tuple[str, int] | None = None

    def meta(self) -> dict[str, str | None]:
        """What every stored event says about where it came from: ids only."""
        return {
            "correlation_id": str(self.correlation_id),
            "causation": self.causation,
            "command_id": str(self.command_id) if self.command_id else None,
            "actor_id": self.principal.id_text,
        }

    def recorded(self, position: int) -> Recorded:
        """What :meth:`meta` comes to in an event that is stored at ``position``."""
        return Recorded(
            position=position,
            correlation_id=self.correlation_id,
            causation=self.causation,
            command_id=self.command_id,
            actor_id=self.principal.id_text,
        )


@dataclass(frozen=True)
class DueRow:
    """Something that falls due: one per kind and key. ``attempts`` counts failed runs."""

    kind: str
    key: str
    at: datetime
    data: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0


class Streams(Protocol):
    """Where aggregates are read from."""

    def aggregate(self, id: UUID) -> Aggregate | None:
        """The aggregate as the log tells it, or nothing."""
        ...


class Work:
    """One decision; nothing is stored until the handler has returned.

    On a conflict the handler may run again with a fresh ``Work``: whatever a
    handler does besides must be harmless to repeat.
    """

    def __init__(self, ctx: Context, streams: Streams) -> None:
        self.ctx = ctx
        self._streams = streams
        self._saved: list[Aggregate] = []
        self._found: dict[UUID, Aggregate | None] = {}
        self._statements: list[Statement] = []
        self._requires: list[Statement] = []
        self._read: dict[UUID, int] = {}
        self._relied_on: set[UUID] = set()
        self._expects: list[Statement] = []
        self._refusal: Refused | None = None
        self._last_look: tuple[Callable[[], bool], Refused] | None = None

    def get(self, cls: type[A], id: UUID) -> A:
        """The aggregate; ``NotFound`` where there is none of that class."""
        found = self.find(cls, id)
        if found is None:
            raise NotFound
        return found

    def find(self, cls: type[A], id: UUID) -> A | None:
        """The aggregate, or nothing. Within one decision there is one object of it."""
        if id not in self._found:
            read = self._found[id] = self._streams.aggregate(id)
            self._read[id] = read.version if read else 0
        found = self._found[id]
        return found if isinstance(found, cls) else None

    def save(self, *aggregates: Aggregate) -> None:
        """Store what these decided, when the handler has returned."""
        for aggregate in aggregates:
            self._found[aggregate.id] = aggregate
            if not any(saved is aggregate for saved in self._saved):
                self._saved.append(aggregate)

    def schedule(self, kind: str, key: str, at: datetime, **data: str) -> None:
        """Have ``on_due[kind]`` run once ``at`` is past; the same kind and key replaces."""
        if at.tzinfo is None:
            raise ValueError("a due time is an aware time")
        self._statements.append((_SCHEDULE, (kind, key, at, _json(data))))

    def unschedule(self, kind: str, key: str) -> None:
        """Forget what was scheduled; nothing happens where nothing was."""
        self._statements.append(("DELETE FROM due WHERE kind = %s AND key = %s", (kind, key)))

    def execute(self, sql: str, params: tuple[Any, ...]) -> None:
        """One statement for a table that no rebuild touches, in the same transaction.

        Read tables are written by ``fold`` only: what is written here is not in the log.
        """
        self._statements.append((sql, params))

    def require(self, condition: str, params: tuple[Any, ...]) -> None:
        """Store this decision only if the SQL condition holds at the commit, else ``AlreadyDone``.

        It is asked inside the lock of the log: two of the same cannot both hold.
        """
        self._requires.append((condition, params))

    def rely_on(self, *streams: UUID) -> None:
        """Store this decision only if these streams are still as it found them.

        For what is decided by streams that it does not write. Where one of them
        moved on meanwhile, the decision is made again as after any lost race.
        Each was read by :meth:`find` before; one without events may be relied on too.
        """
        self._relied_on.update(streams)

    def expect(self, condition: str, params: tuple[Any, ...]) -> None:
        """Store this decision only if the SQL condition holds at the commit; else decide again.

        For what was looked up outside of the log. Asked inside its lock, like an event's version.
        """
        self._expects.append((condition, params))

    def after_storing(self, refusal: Refused) -> Refused:
        """For ``raise work.after_storing(refusal)``: store what was saved, then refuse.

        For refusals that are themselves on record. A repeat of the command is
        refused the same way.
        """
        self._refusal = refusal
        return refusal

    def stores_before(self, refusal: Refused) -> bool:
        """Whether ``refusal`` came from :meth:`after_storing`."""
        return self._refusal is refusal

    def answer_only_if(self, still: Callable[[], bool], otherwise: Refused) -> None:
        """Ask ``still()`` once more when everything is stored, directly before the answer leaves.

        Where it is not so any more, ``otherwise`` is the answer; what was stored stays.
        """
        self._last_look = (still, otherwise)

    def last_look(self, answer: R) -> R | Refused:
        """What is answered now that everything is stored."""
        if self._last_look is None:
            return answer
        still, otherwise = self._last_look
        return answer if still() else otherwise

    @property
    def saved(self) -> tuple[Aggregate, ...]:
        """The aggregates to store, in the order in which they were saved."""
        return tuple(self._saved)

    @property
    def relies_on(self) -> tuple[tuple[UUID, int], ...]:
        """(stream, version as it was read) of what must not move on before the commit."""
        return tuple((id, self._read[id]) for id in sorted(self._relied_on))

    @property
    def requires(self) -> tuple[Statement, ...]:
        """The conditions of the commit."""
        return tuple(self._requires)

    @property
    def expects(self) -> tuple[Statement, ...]:
        """What must not have changed."""
        return tuple(self._expects)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The SQL to run beside the events, in order."""
        return tuple(self._statements)


Handler = Callable[[Any, Any, Work], Any]
"""``(application, message or due row, work)``."""

_SCHEDULE = (
    "INSERT INTO due (kind, key, at, data) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (kind, key) DO UPDATE SET at = excluded.at, data = excluded.data, attempts = 0"
)


def _json(data: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(data.items())))
