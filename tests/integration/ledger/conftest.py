"""A ledger over real PostgreSQL, with services whose logs tests fill and tamper with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.ledger.world import World
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]


@pytest.fixture
def world(databases: Callable[..., Databases]) -> Iterator[World]:
    made = World(databases("audit", "intake", "consent"))
    yield made
    made.close()
