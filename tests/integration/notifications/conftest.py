from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from infra.demo.mailbox import Mailbox
from tests.integration.notifications.world import World, relay_at
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]


@pytest.fixture
def world(databases: Callable[..., Databases]) -> Iterator[World]:
    """The notifications service on a database of its own; nobody listens where its relay is."""
    world = World(databases("notifications"))
    world.are_told()
    yield world
    world.app.close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server on a free port."""
    mailbox = Mailbox().start()
    yield mailbox
    mailbox.stop()


@pytest.fixture
def sending(databases: Callable[..., Databases], mailbox: Mailbox) -> Iterator[World]:
    """The same service with that server for its relay."""
    world = World(databases("notifications"), relay_at(mailbox.port))
    world.are_told()
    yield world
    world.app.close()
