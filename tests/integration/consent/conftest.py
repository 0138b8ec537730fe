from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.consent.world import World
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]


@pytest.fixture
def world(databases: Callable[..., Databases]) -> Iterator[World]:
    """The consent service on a database of its own, and people who use it."""
    world = World(databases("consent"))
    world.are_told()
    yield world
    world.app.close()
