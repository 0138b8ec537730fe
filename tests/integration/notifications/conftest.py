from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.notifications.world import World
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]


@pytest.fixture
def world(databases: Callable[..., Databases]) -> Iterator[World]:
    """The notifications service on a database of its own."""
    world = World(databases("notifications"))
    yield world
    world.app.close()
