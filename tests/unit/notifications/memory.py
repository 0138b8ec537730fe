"""The application over a log in memory: what it decides, without a database."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEvent

from services.notifications.adapters.smtp import (
    OutcomeUnknown,
    RefusedForEver,
    RefusedForNow,
    RelayAway,
)
from services.notifications.application import NotificationsApplication
from services.notifications.effects import Sending
from services.notifications.reactions import REACTIONS
from shared.contracts.base import Command, Message
from shared.contracts.refusal import Unavailable
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.batch import AlreadyDone
from shared.eventstore.clock import edge_time
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, DueRow, Work
from shared.identity.principal import Principal
from shared.messaging.pages import Announcements, MessagesAfter
from shared.sealing.keys import DataKey
from shared.sealing.sealed import Sealed
from tests.support.examples import NOON, an_id


class Keys:
    """Remembers what it was told to forget."""

    def __init__(self) -> None:
        self.holder = an_id("this process")
        self.forgotten: list[tuple[UUID, tuple[str, ...]]] = []

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        """One key each; nothing is closed here."""
        key_id = an_id(f"{record_class} key of {participation_id}")
        return DataKey(key_id, participation_id, record_class, key_id.bytes * 2)

    def forget(self, participation_id: UUID, record_classes: tuple[str, ...]) -> None:
        self.forgotten.append((participation_id, tuple(record_classes)))


class Caller:
    """Remembers what was asked of other services."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.away = False
        self.intake_away = False

    def call(
        self,
        service: str,
        method: str,
        request: Any,
        ctx: Any = None,
        command_id: UUID | None = None,
    ) -> Any:
        if isinstance(request, MessagesAfter):
            if self.intake_away:
                raise Unavailable()
            return Announcements(events=())
        if self.away:
            raise Unavailable()
        self.asked.append((service, method, request))
        return None


class Crash(BaseException):
    """The process ends here, whatever it was doing."""


class Relay:
    """Takes messages as ``mood`` says; ``taken`` is what arrived, by message id."""

    settings = SimpleNamespace(
        sender="notes@mail.example.org", sender_name="Notes", domain="mail.example.org"
    )

    def __init__(self) -> None:
        self.mood = "well"
        self.taken: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        """Called when the relay has accepted the recipient, before the intent."""

    @contextmanager
    def ready_for(self, recipient: str) -> Iterator[Relay]:
        """See the real one."""
        _raise(self.mood, {"away": RelayAway, "refuses the recipient": RefusedForEver})
        _raise(self.mood, {"crash before the intent": Crash})
        self.meanwhile()
        yield self

    def give(self, message: bytes, until: float) -> None:
        """See the real one."""
        before = {
            "crash after the intent": Crash,
            "cut before the message": RelayAway,
            "refuses for now": RefusedForNow,
            "refuses the message": RefusedForEver,
        }
        _raise(self.mood, before)
        self.taken.append(str(message_from_bytes(message)["Message-ID"]))
        _raise(self.mood, {"crash after taking it": Crash, "silent": OutcomeUnknown})


MOODS = (
    "well",
    "away",
    "refuses the recipient",
    "refuses the message",
    "refuses for now",
    "cut before the message",
    "silent",
    "crash before the intent",
    "crash after the intent",
    "crash after taking it",
)


def _raise(mood: str, troubles: dict[str, type[BaseException]]) -> None:
    if mood in troubles:
        raise troubles[mood]


class _App(NotificationsApplication):
    """The application without its database."""

    senders = frozenset({"email"})
    memory: Notifications

    def aggregate(self, id: UUID) -> Aggregate | None:
        return self.memory.aggregate(id)

    def decide(
        self, ctx: Context, handler: Callable[[Work], Any], due: DueRow | None = None
    ) -> Any:
        return self.memory.decide(ctx, handler, due)

    def postpone(self, row: DueRow, until: datetime) -> None:
        self.memory.due[row.kind, row.key] = replace(row, at=until)


class _Sending(Sending):
    """Words are never closed here, and so need no opening."""

    def _opened(self, words: Sealed | None) -> str | None:
        return words and words._words


class Notifications:
    """Commands and messages in, stored events out."""

    def __init__(self) -> None:
        self.log: list[DomainEvent] = []
        self.streams: dict[UUID, list[DomainEvent]] = defaultdict(list)
        self.due: dict[tuple[str, str], DueRow] = {}
        self.keys, self.caller, self.relay = Keys(), Caller(), Relay()
        self.now: datetime = NOON
        edge = Edge(
            service="notifications",
            dsn=lambda role: "",
            keys=cast(Any, self.keys),
            caller=cast(Any, self.caller),
            fingerprint_key=b"",
            clock=lambda: self.now,
            secrets={"message_id": b"key"},
        )
        self.app = _App(edge)
        memory: Any = self.app
        memory.heard = memory.news_waits = lambda *_: 0
        self.app.memory = self
        self.restart()

    def restart(self) -> None:
        """Another process: it knows nothing but what is stored."""
        self.sending = _Sending(self.app, self.relay, self._monotonic)

    def _monotonic(self) -> float:
        return self.now.timestamp()

    def run_due(self) -> None:
        """What falls due now, the oldest first; ``Crash`` if the relay's mood says so."""
        ctx = self._context(Principal.system("notifications"), "due")
        for row in sorted(self.due.values(), key=lambda row: row.at):
            if row.at <= self.now and self.due.get((row.kind, row.key)) == row:
                self.sending.due(row, ctx)

    def aggregate(self, id: UUID) -> Aggregate | None:
        """The aggregate, replayed from its stored events."""
        found: Any = None
        for event in self.streams.get(id, ()):
            found = cast(Any, event).mutate(found)
        return cast("Aggregate | None", found)

    def command(self, command: Command, by: Principal) -> Any:
        """What a command answers; its events are stored."""
        handler = getattr(self.app, command.method())
        return self.decide(self._context(by, "command"), lambda work: handler(command, work))

    def hear(self, message: Message, position: int, producer: str = "consent") -> None:
        """React to another service's message."""
        ctx = self._context(Principal.system("notifications"), f"{producer}/{position}")
        handler = REACTIONS[message.type]
        self.decide(ctx, lambda work: handler(self.app, message, work))

    def types(self) -> list[str]:
        """The names of the stored events."""
        return [type(event).__name__ for event in self.log]

    def _context(self, principal: Principal, causation: str) -> Context:
        ctx = Context(principal, None, an_id("correlation"), causation, self.now)
        return replace(ctx, command_id=an_id("command")) if causation == "command" else ctx

    def decide(
        self, ctx: Context, handler: Callable[[Work], Any], due: DueRow | None = None
    ) -> Any:
        """One decision, stored."""
        work = Work(ctx, self)
        with edge_time(self.now):
            answer = handler(work)
        if due and self.due.get((due.kind, due.key)) != due:
            raise AlreadyDone
        if due:
            del self.due[due.kind, due.key]
        for statement, params in work.statements:
            self._beside(statement, params)
        for aggregate in work.saved:
            for event in aggregate.collect_events():
                self.log.append(event)
                self.streams[event.originator_id].append(event)
        return answer

    def _beside(self, statement: str, params: tuple[Any, ...]) -> None:
        match statement.split()[:2]:
            case ["INSERT", "INTO"]:
                kind, key, at, data = params
                self.due[kind, key] = DueRow(kind, key, at, json.loads(data))
            case ["DELETE", "FROM"]:
                self.due.pop(params, None)  # type: ignore[call-overload]
            case ["UPDATE", "due"]:
                at, kind, whose, after = params
                for place, row in self.due.items():
                    if (
                        row.kind == kind
                        and row.data["participation_id"] == whose
                        and row.at > after
                    ):
                        self.due[place] = replace(row, at=at)
            case _:
                raise AssertionError(statement)
