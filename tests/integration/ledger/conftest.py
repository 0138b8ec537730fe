"""A ledger over real PostgreSQL, with services whose logs tests fill and tamper with.

The databases are made once, and put back by hand after each test: making them
is slower than any test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.ledger.world import World
from tests.support.postgres import Databases, databases, fresh_databases, postgres_dsn, server
from tests.support.processes import platform
from tests.support.rabbitmq import rabbitmq

__all__ = ["databases", "platform", "postgres_dsn", "rabbitmq", "server"]

NAMES = ("audit", "intake", "consent")


@pytest.fixture(scope="session")
def empty_databases(postgres_dsn: str) -> Iterator[Databases]:
    """Emptied after each test."""
    with fresh_databases(postgres_dsn, *NAMES) as made:
        yield made


@pytest.fixture
def world(empty_databases: Databases) -> Iterator[World]:
    """Nothing is stored yet."""
    world = World(empty_databases)
    yield world
    world.close()
    world.empty()


def live(world: World) -> World:
    """Three checkpoints over two services' rows; intact."""
    for _ in range(3):
        world.store("intake", 100)
        world.store("consent", 20)
        world.tick()
    verdict = world.verify()
    assert verdict.status == 0, verdict.said
    assert "All of it holds." in verdict.said
    return world


@pytest.fixture(scope="session")
def lived_once(postgres_dsn: str) -> Iterator[World]:
    """A world with a past, which remembers it."""
    with fresh_databases(postgres_dsn, *NAMES) as made:
        world = live(World(made))
        world.keep()
        world.close()
        yield world


@pytest.fixture
def lived(lived_once: World) -> Iterator[World]:
    """A ledger with three checkpoints over two services' rows, all of it intact."""
    world = lived_once.again()
    yield world
    world.close()
    world.put_back()


@pytest.fixture
def lived_alone(databases: Callable[..., Databases]) -> Iterator[World]:
    """The same in databases of its own, for whoever changes more than rows."""
    world = live(World(databases(*NAMES)))
    yield world
    world.close()
