"""A real PostgreSQL and a real RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shared.messaging import announcement
from tests.integration.messaging.tales import MESSAGES, Hearer, Pair, Teller, edge
from tests.support.postgres import Databases, databases, postgres_dsn, server
from tests.support.processes import platform
from tests.support.rabbitmq import rabbitmq

__all__ = ["databases", "platform", "postgres_dsn", "rabbitmq", "server"]


@pytest.fixture
def pair(databases: Callable[..., Databases], monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """The two small services, known to the registry of messages."""
    monkeypatch.setattr(announcement, "messages", lambda: MESSAGES)
    stores = databases("teller", "hearer")
    made = Pair(
        Teller(edge("teller", stores.role("teller"))), Hearer(edge("hearer", stores.role("hearer")))
    )
    yield made
    made.close()
