"""Nobody changes the log: not the roles of the services by grant, not its owner by trigger."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import errors

from tests.integration.eventstore.probe import OpenNotebook, Probe, context
from tests.support.postgres import Databases

CHANGES = (
    "UPDATE events SET topic = 'x'",
    "DELETE FROM events",
    "TRUNCATE events",
    "UPDATE events SET topic = 'x' WHERE false",
    "DELETE FROM events WHERE false",
)
READ_ONLY = (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)


def execute(stores: Databases, role: str, statement: str) -> Any:
    connection = psycopg2.connect(stores.dsn("probe", role))
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


@pytest.fixture(autouse=True)
def _an_event(app: Probe) -> None:
    app.run(OpenNotebook(participation_id=uuid4()), context())


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("role", ["committer", "relay", "query", "audit"])
def test_no_role_of_a_service_may_change_the_log(
    stores: Databases, role: str, statement: str
) -> None:
    with pytest.raises(READ_ONLY):
        execute(stores, role, statement)


@pytest.mark.parametrize("role", ["owner", "superuser"])
@pytest.mark.parametrize("statement", CHANGES)
def test_even_the_owner_is_refused_by_the_trigger(
    stores: Databases, role: str, statement: str
) -> None:
    with pytest.raises(errors.RestrictViolation, match="append-only"):
        execute(stores, role, statement)
    assert execute(stores, "audit", "SELECT count(*) FROM events") == [(1,)]


def test_a_replication_role_does_not_switch_the_trigger_off(stores: Databases) -> None:
    with pytest.raises(errors.RestrictViolation):
        execute(stores, "superuser", "SET session_replication_role = replica; DELETE FROM events")


@pytest.mark.parametrize("role", ["relay", "query", "audit"])
def test_only_the_committer_adds_to_the_log(stores: Databases, role: str) -> None:
    with pytest.raises(READ_ONLY):
        execute(
            stores,
            role,
            f"INSERT INTO events VALUES (2, '{uuid4()}', 1, 'topic', 'state')",
        )


@pytest.mark.parametrize("table", ["events", "commands", "inbox", "parked", "due", "relay"])
def test_queries_see_read_tables_only(stores: Databases, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        execute(stores, "query", f"SELECT * FROM {table}")


def test_the_audit_sees_the_log_only(stores: Databases) -> None:
    assert len(execute(stores, "audit", "SELECT * FROM events")) == 1
    with pytest.raises(errors.InsufficientPrivilege):
        execute(stores, "audit", "SELECT * FROM notebooks")


def test_no_other_services_role_may_connect(stores: Databases) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(
            stores.dsn("probe", "query").replace("probe_query", stranger(stores)),
        )


def stranger(stores: Databases) -> str:
    name = "stranger_query"
    connection = psycopg2.connect(stores.admin_dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'for-tests-only'")
    connection.close()
    return name
