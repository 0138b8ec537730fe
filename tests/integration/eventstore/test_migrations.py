"""Migrations go forward, once, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg2
import pytest

from shared.eventstore.provision import Migration, MigrationChanged, drop, migrations_of, provision

FIRST = Migration("probe/0001_a.sql", "CREATE TABLE a (id integer)")
SECOND = Migration("probe/0002_b.sql", "CREATE TABLE b (id integer)")
OURS = [migration.name for migration in migrations_of("probe")]

Run = Callable[..., list[str]]


@pytest.fixture
def database(postgres_dsn: str) -> Iterator[str]:
    name = f"sayso_probe_{uuid4().hex[:12]}"
    yield name
    drop(postgres_dsn, name)


@pytest.fixture
def run(postgres_dsn: str, database: str) -> Run:
    def with_these(*own: Migration) -> list[str]:
        return provision(
            postgres_dsn,
            "probe",
            password=lambda kind: "for-tests-only",
            database=database,
            migrations=[*migrations_of("probe"), *own],
        )

    return with_these


def tables(postgres_dsn: str, database: str) -> set[str]:
    connection = psycopg2.connect(postgres_dsn, dbname=database)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'")
        found = dict(cursor.fetchall())
    connection.close()
    assert set(found.values()) == {"probe_owner"}
    return set(found)


def test_each_runs_once_and_belongs_to_the_owner(
    run: Run, postgres_dsn: str, database: str
) -> None:
    assert run(FIRST) == [*OURS, "probe/0001_a.sql"]
    assert run(FIRST, SECOND) == ["probe/0002_b.sql"]
    assert run(FIRST, SECOND) == []
    assert {"events", "a", "b"} <= tables(postgres_dsn, database)


def test_an_edited_one_is_refused_and_nothing_runs(
    run: Run, postgres_dsn: str, database: str
) -> None:
    run(FIRST)
    edited = Migration(FIRST.name, FIRST.text + " ")
    with pytest.raises(MigrationChanged, match="was edited"):
        run(edited, SECOND)
    assert "b" not in tables(postgres_dsn, database)


def test_a_removed_one_is_refused(run: Run) -> None:
    run(FIRST)
    with pytest.raises(MigrationChanged, match="is gone"):
        run(SECOND)


def test_one_put_before_another_that_has_run_is_refused(run: Run) -> None:
    run(SECOND)
    with pytest.raises(MigrationChanged, match="put before"):
        run(FIRST, SECOND)


def test_a_broken_one_leaves_nothing_half_done(run: Run, postgres_dsn: str, database: str) -> None:
    broken = Migration(SECOND.name, "CREATE TABLE b (id integer); SELECT 1 / 0")
    with pytest.raises(psycopg2.DataError):
        run(FIRST, broken)
    assert "b" not in tables(postgres_dsn, database)
    assert run(FIRST, SECOND) == ["probe/0002_b.sql"]
