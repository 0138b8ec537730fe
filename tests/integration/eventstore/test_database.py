"""Connections are bounded, come back, and are not trusted once they broke."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from shared.contracts.refusal import Unavailable
from shared.eventstore.database import Database
from tests.support.eventually import eventually
from tests.support.postgres import Databases


@pytest.fixture
def database(stores: Databases) -> Iterator[Database]:
    database = Database(stores.dsn("probe", "committer"), size=2, patience=0.5)
    yield database
    database.close()


def backends(stores: Databases) -> list[int]:
    connection = psycopg2.connect(stores.dsn("probe", "superuser"))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE usename = 'probe_committer'")
        found = [row[0] for row in cursor.fetchall()]
    connection.close()
    return found


def kill_backends(stores: Databases) -> None:
    connection = psycopg2.connect(stores.dsn("probe", "superuser"))
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'probe_committer'"
        )
    connection.close()
    eventually(lambda: backends(stores) == [])


def test_there_are_never_more_connections_than_allowed(
    database: Database, stores: Databases
) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: database.query("SELECT 1"), range(50)))
    assert found == [[(1,)]] * 50
    assert len(backends(stores)) <= 2


def test_who_gets_no_connection_in_time_is_told(database: Database) -> None:
    with database.connection(), database.connection(), pytest.raises(Unavailable):
        database.query("SELECT 1")
    assert database.query("SELECT 1") == [(1,)]


def test_reads_outlive_broken_connections(database: Database, stores: Databases) -> None:
    with database.connection(), database.connection():
        pass
    kill_backends(stores)
    assert database.query("SELECT 1") == [(1,)]


def test_a_connection_left_in_a_transaction_is_not_used_again(
    database: Database, stores: Databases
) -> None:
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; INSERT INTO inbox VALUES ('x', 1)")
    assert database.query("SELECT count(*) FROM inbox") == [(0,)]


def test_an_error_of_ours_is_not_mistaken_for_an_absence(database: Database) -> None:
    with pytest.raises(psycopg2.ProgrammingError):
        database.query("SELECT nothing FROM nowhere")


def test_nobody_answers_where_no_server_is() -> None:
    nowhere = Database("host=/tmp/no-such-folder dbname=x user=x", patience=0.2)
    assert not nowhere.is_ready()
    with pytest.raises(Unavailable):
        nowhere.query("SELECT 1")
    with pytest.raises(Unavailable):
        nowhere.execute("SELECT 1")


def test_a_writer_that_hangs_inside_the_lock_does_not_hold_it_for_ever(
    stores: Databases,
) -> None:
    """A stopped process keeps its connection; the server ends its transaction by itself."""
    database = Database(stores.dsn("probe", "committer"))
    with database.connection() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("15s",)
        cursor.execute("SET idle_in_transaction_session_timeout = 200")
        cursor.execute("BEGIN; SELECT pg_advisory_xact_lock(7240100)")
        free = threading.Event()

        def take() -> None:
            other = Database(stores.dsn("probe", "committer"))
            other.query("SELECT pg_advisory_lock(7240100), pg_advisory_unlock(7240100)")
            other.close()
            free.set()

        thread = threading.Thread(target=take)
        thread.start()
        assert free.wait(10)
        thread.join()
    database.close()
