"""A keyring over a real PostgreSQL, with a clock and a caller that tests hold in their hands."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.keyring.reactions import Keyring
from shared.contracts.base import Message, Model, Request
from shared.contracts.intake import ErasureRequestedMessage
from shared.contracts.keyring import OpenDataKey, OpenedKey
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.identity.principal import Principal
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Nobody:
    """The keyring calls nobody and opens no key; whoever tries fails the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the keyring asked somebody: {name}")


class Desk:
    """One keyring, and what services ask of it."""

    def __init__(self, edge: Edge) -> None:
        self.app = Keyring(edge)
        self.edge = edge
        self.now = NOON
        self.inbox = 0

    def context(self, principal: Principal, command_id: UUID | None = None) -> Context:
        return Context(
            principal=principal,
            command_id=command_id,
            correlation_id=uuid4(),
            causation=f"command/{command_id}",
            now=self.now,
        )

    def ask(self, service: str, request: Request, command_id: UUID | None = None) -> Model:
        """As the service's own principal."""
        return self.app.run(request, self.context(Principal.service(service), command_id))

    def open(
        self, person: UUID, record_class: str = "needs", holder: UUID | None = None
    ) -> OpenedKey:
        asked = OpenDataKey(
            participation_id=person, record_class=record_class, holder=holder or uuid4()
        )
        service = {"needs": "intake", "contact": "notifications"}[record_class]
        opened = self.ask(service, asked)
        assert isinstance(opened, OpenedKey)
        return opened

    def wish(self, person: UUID, *record_classes: str) -> UUID:
        """Intake says that a person wishes to be erased; the erasure's id."""
        message = ErasureRequestedMessage(
            participation_id=person,
            erasure_id=uuid4(),
            record_classes=record_classes or ("needs",),
            at=self.now,
        )
        self.react(message)
        return message.erasure_id

    def react(self, message: Message) -> None:
        self.inbox += 1
        ctx = replace(
            self.context(Principal.system("keyring")),
            causation=f"intake/{self.inbox}",
            message=("intake", self.inbox),
        )
        self.app.react(message, ctx)

    def later(self, seconds: float) -> None:
        """Time passes, and what fell due is done."""
        self.now += timedelta(seconds=seconds)
        self.run_due()

    def run_due(self) -> None:
        for row in self.app.due_rows(self.now):
            self.app.due(row, self.context(Principal.system("keyring")))

    def told(self) -> list[str]:
        """The types of the messages that were published, in order."""
        return [p.message.type for p in self.app.messages_after(0, 1_000)]

    def again(self, **changes: Any) -> Desk:
        """The keyring after a restart."""
        desk = Desk(replace(self.edge, **changes))
        desk.now, desk.inbox = self.now, self.inbox
        return desk


@pytest.fixture
def database(databases: Callable[..., Databases]) -> Databases:
    return databases("keyring")


@pytest.fixture
def desk(database: Databases) -> Iterator[Desk]:
    nobody: Any = Nobody()
    edge = Edge(
        service="keyring",
        dsn=database.role("keyring"),
        keys=nobody,
        caller=nobody,
        fingerprint_key=b"f" * 32,
        secrets={"kek": b"1" * 32},
    )
    made = Desk(edge)
    yield made
    made.app.close()


def secret_of(opened: OpenedKey) -> bytes:
    """The key itself."""
    return base64.b64decode(opened.secret)
