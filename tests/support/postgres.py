"""A PostgreSQL for the tests, and fresh databases in it.

The server comes from a wheel and lives for one test run; ``SAYSO_TEST_DSN``, a
superuser's connection string, names another one instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import Migration, drop, provision, role_name

PASSWORD = "for-tests-only"


@dataclass(frozen=True)
class Databases:
    """Fresh, migrated databases by service; ``dsn(service, role kind)`` connects."""

    admin_dsn: str
    names: dict[str, str]

    def dsn(self, service: str, kind: str) -> str:
        """The connection string of a role; ``superuser`` is one too."""
        database = self.names[service]
        if kind == "superuser":
            return make_dsn(self.admin_dsn, dbname=database)
        return make_dsn(
            self.admin_dsn, dbname=database, user=role_name(service, kind), password=PASSWORD
        )

    def role(self, service: str) -> Callable[[str], str]:
        """What an ``Edge`` wants: role kind → connection string."""
        return lambda kind: self.dsn(service, kind)


@contextmanager
def embedded_server() -> Iterator[EmbeddedServer]:
    """A server of one's own, for tests that kill it."""
    folder = Path(tempfile.mkdtemp(prefix="sayso-pg-", dir="/tmp"))
    server = EmbeddedServer(folder, keep=False).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_databases(
    admin_dsn: str, *services: str, migrations: dict[str, list[Migration]] | None = None
) -> Iterator[Databases]:
    """One new database per service, migrated by its owner; dropped afterwards."""
    names = {service: f"sayso_{service}_{uuid4().hex[:12]}" for service in services}
    try:
        for service, name in names.items():
            provision(
                admin_dsn,
                service,
                password=lambda kind: PASSWORD,
                database=name,
                migrations=(migrations or {}).get(service),
            )
        yield Databases(admin_dsn, names)
    finally:
        for name in names.values():
            drop(admin_dsn, name)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """A superuser's connection string to the server of this run."""
    given = os.environ.get("SAYSO_TEST_DSN")
    if given:
        psycopg2.connect(given, connect_timeout=10).close()
        yield make_dsn(**parse_dsn(given))
        return
    with embedded_server() as server:
        yield server.dsn()


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """One of the module's own, for tests that kill it, or that run whole services on it."""
    with embedded_server() as made:
        yield made


@pytest.fixture
def databases(postgres_dsn: str) -> Iterator[Callable[..., Databases]]:
    """``databases("consent", "intake")``: fresh ones, gone after the test."""
    with ExitStack() as stack:
        yield lambda *services, **options: stack.enter_context(
            fresh_databases(postgres_dsn, *services, **options)
        )
