"""The base of every service's application: commands, queries, reactions and due rows.

A handler decides with a :class:`~shared.eventstore.work.Work`; this stores what
it decided in one transaction, tells repeats apart and runs lost races again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from shared.contracts.base import Message, Model, Request, ServiceContract
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, DueRow, Handler, Work


@dataclass(frozen=True)
class Recorded:
    """Where an event stands in the log, and where it came from."""

    position: int
    correlation_id: UUID
    causation: str
    command_id: UUID | None
    actor_id: str


@dataclass(frozen=True)
class Published:
    """A published message with its place: ``previous`` is the preceding published position."""

    position: int
    previous: int
    stream_id: UUID
    message: Message
    time: datetime
    correlation_id: UUID


Fold = Callable[[DomainEvent, Recorded], Iterable[tuple[str, tuple[Any, ...]]]]


class EventSourcedApplication:
    """A service's application; a subclass sets the class variables and adds its methods.

    A command's handler is ``def <method>(self, command, work)``; a query's is
    ``def <method>(self, query, ctx)``. ``tables`` and ``fold`` come from
    ``tables.py``, ``announce`` from ``contracts.py``, ``reactions`` and
    ``on_due`` from ``reactions.py``. ``values`` are the frozen dataclasses and
    enums that stand inside events.
    """

    contract: ClassVar[ServiceContract]
    tables: ClassVar[tuple[str, ...]] = ()
    fold: ClassVar[Fold]
    announce: ClassVar[Callable[[DomainEvent], Message | None]]
    reactions: ClassVar[dict[str, Handler]] = {}
    on_due: ClassVar[dict[str, Handler]] = {}
    values: ClassVar[tuple[type, ...]] = ()

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    def run(self, request: Request, ctx: Context) -> Model:
        """Decide a command or answer a query."""
        raise NotImplementedError

    def react(self, message: Message, ctx: Context) -> None:
        """What this service does about another's message; the inbox cursor moves with it."""
        raise NotImplementedError

    def due(self, row: DueRow, ctx: Context) -> None:
        """What this service does about a row that fell due; the row goes with it."""
        raise NotImplementedError

    def decide(self, ctx: Context, handler: Callable[[Work], Any]) -> Any:
        """Run ``handler(work)`` and store what it decided; lost races run again."""
        raise NotImplementedError

    def messages_after(self, position: int, limit: int) -> list[Published]:
        """The published messages after ``position``, in order."""
        raise NotImplementedError

    def open(self, sealed_token: str) -> str:
        """The words of a sealed token, for an authorised read."""
        raise NotImplementedError

    def read(
        self, sql: str, params: tuple[Any, ...] = (), participation_id: UUID | None = None
    ) -> list[dict[str, Any]]:
        """Rows of a read table under row-level security."""
        raise NotImplementedError

    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        """The Cedar attributes of what is asked about; a service says more where it knows more."""
        return {"participation_id": str(getattr(request, "participation_id", "")), "assigned": []}
