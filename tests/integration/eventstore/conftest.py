"""The log's tests run against a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.eventstore.probe import Probe, edge, probe_migrations
from tests.support.postgres import Databases, databases, postgres_dsn

__all__ = ["databases", "postgres_dsn"]


@pytest.fixture
def stores(databases: Callable[..., Databases]) -> Databases:
    """A fresh database of the probe service."""
    return databases("probe", migrations={"probe": probe_migrations()})


@pytest.fixture
def app(stores: Databases) -> Iterator[Probe]:
    """The probe service's application on it."""
    app = Probe(edge(stores.role("probe")))
    yield app
    app.close()
