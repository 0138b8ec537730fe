from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.intake.world import World
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]


@pytest.fixture
def world(databases: Callable[..., Databases]) -> Iterator[World]:
    """The intake service on a database of its own, and somebody who began alone."""
    world = World(databases("intake"))
    yield world
    world.app.close()
