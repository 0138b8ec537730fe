"""The application over a log in memory: what it decides, without a database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEvent

from services.notifications.application import NotificationsApplication
from services.notifications.reactions import REACTIONS
from shared.contracts.base import Command, Message
from shared.contracts.refusal import Unavailable
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.clock import edge_time
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, Work
from shared.identity.principal import Principal
from tests.support.examples import NOON, an_id


class Keys:
    """Remembers what it was told to forget."""

    def __init__(self) -> None:
        self.holder = an_id("this process")
        self.forgotten: list[tuple[UUID, tuple[str, ...]]] = []

    def forget(self, participation_id: UUID, record_classes: tuple[str, ...]) -> None:
        self.forgotten.append((participation_id, tuple(record_classes)))


class Caller:
    """Remembers what was asked of other services."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.away = False

    def call(
        self, service: str, method: str, request: Any, ctx: Any, command_id: UUID | None = None
    ) -> None:
        if self.away:
            raise Unavailable()
        self.asked.append((service, method, request))


class Notifications:
    """Commands and messages in, stored events out."""

    def __init__(self) -> None:
        self.log: list[DomainEvent] = []
        self.streams: dict[UUID, list[DomainEvent]] = defaultdict(list)
        self.keys, self.caller = Keys(), Caller()
        edge = Edge(
            service="notifications",
            dsn=lambda role: "",
            keys=cast(Any, self.keys),
            caller=cast(Any, self.caller),
            fingerprint_key=b"",
        )
        self.app = NotificationsApplication(edge)
        self.now: datetime = NOON

    def aggregate(self, id: UUID) -> Aggregate | None:
        """The aggregate, replayed from its stored events."""
        found: Any = None
        for event in self.streams.get(id, ()):
            found = cast(Any, event).mutate(found)
        return cast("Aggregate | None", found)

    def command(self, command: Command, by: Principal) -> Any:
        """What a command answers; its events are stored."""
        handler = getattr(self.app, command.method())
        return self._decide(self._context(by, "command"), lambda work: handler(command, work))

    def hear(self, message: Message, position: int, producer: str = "consent") -> None:
        """React to another service's message."""
        ctx = self._context(Principal.system("notifications"), f"{producer}/{position}")
        handler = REACTIONS[message.type]
        self._decide(ctx, lambda work: handler(self.app, message, work))

    def types(self) -> list[str]:
        """The names of the stored events."""
        return [type(event).__name__ for event in self.log]

    def _context(self, principal: Principal, causation: str) -> Context:
        ctx = Context(principal, None, an_id("correlation"), causation, self.now)
        return replace(ctx, command_id=an_id("command")) if causation == "command" else ctx

    def _decide(self, ctx: Context, handler: Callable[[Work], Any]) -> Any:
        work = Work(ctx, self)
        with edge_time(self.now):
            answer = handler(work)
        for aggregate in work.saved:
            for event in aggregate.collect_events():
                self.log.append(event)
                self.streams[event.originator_id].append(event)
        return answer
