"""A service's database: its roles, its grants, its migrations. Run once, before services start."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from shared.eventstore.reaching import connect

KINDS = ("owner", "committer", "query", "relay", "audit")
"""The roles of every service database; nobody else may connect to it."""

READS_ONLY = "default_transaction_read_only=on"
"""What is set for the roles that only read; nothing else is set for any."""

SHARED = Path(__file__).parent / "migrations"
SERVICES = Path(__file__).parents[2] / "services"

_ROLE_LOCK = 7_240_001
"""Roles belong to the whole server, so that two runs at once must not create them together."""

_PLACEHOLDER = re.compile(r"\{(" + "|".join(KINDS) + r")\}")


class MigrationChanged(Exception):
    """A migration that has run was edited, removed or put before a later one: forward only."""


@dataclass(frozen=True)
class Migration:
    """One file; ``name`` orders it and ``checksum`` says whether it was edited since."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def no_password(_kind: str) -> None:
    """For a server that trusts whoever reaches its socket."""


def role_name(service: str, kind: str) -> str:
    """``consent`` and ``query`` → ``consent_query``."""
    if kind not in KINDS:
        raise ValueError(f"no such kind of role: {kind}")
    return f"{service}_{kind}"


def database_name(service: str) -> str:
    """``consent`` → ``sayso_consent``."""
    return f"sayso_{service}"


def migrations_of(service: str, services: Path = SERVICES) -> list[Migration]:
    """The shared migrations, then the service's own, each in the order of their names."""
    found = [("shared", path) for path in sorted(SHARED.glob("[0-9]*.sql"))]
    found += [
        (service, path) for path in sorted((services / service / "migrations").glob("[0-9]*.sql"))
    ]
    return [Migration(f"{where}/{path.name}", path.read_text("utf-8")) for where, path in found]


def provision(
    admin_dsn: str,
    service: str,
    *,
    password: Callable[[str], str | None] = no_password,
    database: str | None = None,
    migrations: list[Migration] | None = None,
) -> list[str]:
    """Create what is missing of a service's database and roles; run what has not run.

    ``password`` gives a role kind's password, or nothing where the server
    trusts its socket. Returns the names of the migrations that ran now. Raises
    ``MigrationChanged`` when history was edited, and changes nothing then.
    """
    name = database or database_name(service)
    with _session(admin_dsn) as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (_ROLE_LOCK,))
        for kind in KINDS:
            _role(cursor, role_name(service, kind), password(kind))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(role_name(service, "owner"))
                )
            )
        _admit(cursor, name, service)
    with _session(admin_dsn, dbname=name) as cursor:
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role_name(service, "owner"))))
        return _migrate(cursor, service, migrations or migrations_of(service))


def drop(admin_dsn: str, database: str) -> None:
    """Drop a database with whoever is still connected to it; for tests and demonstrations."""
    with _session(admin_dsn) as cursor:
        cursor.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )


@contextmanager
def _session(dsn: str, **overrides: Any) -> Iterator[Any]:
    with closing(connect(dsn, **overrides)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def _role(cursor: Any, name: str, password: str | None) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
    role = sql.Identifier(name)
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(role))
    if password is not None:
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))
    if name.endswith(("_query", "_audit")):
        cursor.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(role))


def _admit(cursor: Any, database: str, service: str) -> None:
    name = sql.Identifier(database)
    cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    for kind in KINDS:
        cursor.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                name, sql.Identifier(role_name(service, kind))
            )
        )
    cursor.execute(
        sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
            name, sql.Identifier(role_name(service, "owner"))
        )
    )


def _migrate(cursor: Any, service: str, wanted: list[Migration]) -> list[str]:
    cursor.execute("SELECT to_regclass('public.migrations') IS NOT NULL")
    if not cursor.fetchone()[0]:
        cursor.execute(
            "CREATE TABLE migrations (number integer PRIMARY KEY, name text NOT NULL UNIQUE, "
            "checksum text NOT NULL, ran_at timestamptz NOT NULL DEFAULT now())"
        )
    cursor.execute("SELECT name, checksum FROM migrations ORDER BY number")
    done = dict(cursor.fetchall())
    _check(done, wanted)
    ran: list[str] = []
    for migration in (m for m in wanted if m.name not in done):
        number = len(done) + len(ran) + 1
        text = _PLACEHOLDER.sub(lambda found: role_name(service, found[1]), migration.text)
        try:
            cursor.execute("BEGIN")
            cursor.execute(text)
            cursor.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (%s, %s, %s)",
                (number, migration.name, migration.checksum),
            )
            cursor.execute("COMMIT")
        except psycopg2.Error:
            cursor.execute("ROLLBACK")
            raise
        ran.append(migration.name)
    return ran


def _check(done: dict[str, str], wanted: list[Migration]) -> None:
    known = {migration.name: migration.checksum for migration in wanted}
    for name, checksum in done.items():
        if name not in known:
            raise MigrationChanged(f"{name} has run here and is gone from the files")
        if known[name] != checksum:
            raise MigrationChanged(f"{name} was edited after it had run; add a new one instead")
    for where in {name.split("/")[0] for name in known}:
        own = [name for name in known if name.startswith(f"{where}/")]
        ran = [name for name in own if name in done]
        if own[: len(ran)] != ran:
            raise MigrationChanged(f"a migration of {where} was put before one that has run")
