"""PostgreSQL goes away and comes back: what was acknowledged is there, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest

from shared.contracts.refusal import Unavailable
from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.log import ALONE
from tests.integration.eventstore.probe import (
    OpenNotebook,
    Probe,
    context,
    edge,
    probe_migrations,
)
from tests.support.eventually import eventually
from tests.support.postgres import embedded_server, fresh_databases

KILLS = 5
WRITERS = 8


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """A server of this module's own, because it is killed."""
    with embedded_server() as server:
        yield server


@pytest.fixture
def mortal(server: EmbeddedServer) -> Iterator[Probe]:
    migrations = {"probe": probe_migrations()}
    with fresh_databases(server.dsn(), "probe", migrations=migrations) as stores:
        app = Probe(edge(stores.role("probe"), database_patience=2))
        yield app
        app.close()


def test_acknowledged_means_stored_and_a_repeat_tells_what_happened(
    mortal: Probe, server: EmbeddedServer
) -> None:
    """Five kills in the middle of eight writers; every unknown outcome is repeated with its key."""
    stop = threading.Event()
    acknowledged: dict[UUID, UUID] = {}
    unknown: dict[UUID, tuple[OpenNotebook, object]] = {}

    def write(_: int) -> None:
        while not stop.is_set():
            command, ctx = OpenNotebook(participation_id=uuid4()), context()
            try:
                answer = mortal.run(command, ctx)
                acknowledged[ctx.command_id] = answer.notebook_id  # type: ignore[attr-defined, index]
            except Unavailable:
                unknown[ctx.command_id] = (command, ctx)  # type: ignore[index]

    with ThreadPoolExecutor(WRITERS) as pool:
        writing = [pool.submit(write, i) for i in range(WRITERS)]
        try:
            for _ in range(KILLS):
                target = len(acknowledged) + 200
                eventually(lambda target=target: len(acknowledged) >= target, within=30)
                server.kill()
                server.restart()
        finally:
            stop.set()
        for each in writing:
            each.result(timeout=30)

    for command, ctx in unknown.values():
        answer = mortal.run(command, ctx)  # type: ignore[arg-type]
        acknowledged[ctx.command_id] = answer.notebook_id  # type: ignore[attr-defined]

    stored = mortal.committer.query("SELECT position, originator_id FROM events ORDER BY position")
    assert [position for position, _ in stored] == list(range(1, len(stored) + 1))
    assert {stream for _, stream in stored} == set(acknowledged.values())
    assert len(stored) == len(acknowledged)
    assert mortal.committer.query("SELECT count(*) FROM commands") == [(len(stored),)]


def test_while_it_is_away_callers_are_told_and_it_recovers_by_itself(
    mortal: Probe, server: EmbeddedServer
) -> None:
    command, ctx = OpenNotebook(participation_id=uuid4()), context()
    mortal.run(OpenNotebook(participation_id=uuid4()), context())

    server.kill()
    assert not mortal.is_ready()
    with pytest.raises(Unavailable):
        mortal.run(command, ctx)
    server.restart()

    assert mortal.is_ready()
    mortal.run(command, ctx)
    assert mortal.committer.query("SELECT max(position) FROM events") == [(2,)]


def test_a_connection_that_broke_at_the_commit_is_looked_into(mortal: Probe) -> None:
    """The server commits, and the answer is lost on the way."""
    log = mortal._log
    finish = log._finish

    def answer_lost(connection: object, *rest: object) -> None:
        finish(Deaf(connection), *rest)  # type: ignore[arg-type]

    log._finish = answer_lost  # type: ignore[method-assign, assignment]

    answer = mortal.run(OpenNotebook(participation_id=uuid4()), context())

    assert mortal.committer.query("SELECT originator_id FROM events") == [
        (answer.notebook_id,)  # type: ignore[attr-defined]
    ]


def test_a_connection_that_broke_in_the_one_round_trip_is_looked_into(mortal: Probe) -> None:
    """The whole decision goes out in one, and its answer is lost; or it never arrives."""
    for _ in range(ALONE + 2):
        mortal.run(OpenNotebook(participation_id=uuid4()), context())
    ours = mortal.committer.connection
    lost: list[str] = []

    @contextmanager
    def one_breaks() -> Iterator[object]:
        with ours() as connection:
            if len(lost) in (0, 2):
                lost.append("deaf" if not lost else "mute")
                yield Deaf(connection, mute=len(lost) > 1)
            else:
                lost.append("")
                yield connection

    mortal.committer.connection = one_breaks  # type: ignore[method-assign]

    stored = mortal.run(OpenNotebook(participation_id=uuid4()), context())
    for _ in range(ALONE + 1):
        mortal._log._alone = ALONE
        again = mortal.run(OpenNotebook(participation_id=uuid4()), context())

    assert {"deaf", "mute"} <= set(lost)
    rows = mortal.committer.query("SELECT position, originator_id FROM events ORDER BY position")
    assert [position for position, _ in rows] == list(range(1, 2 * ALONE + 5))
    assert {stored.notebook_id, again.notebook_id} <= {stream for _, stream in rows}  # type: ignore[attr-defined]


class Deaf:
    """A connection that closes before the answer is read; or, mute, before anything is sent."""

    closed = 0

    def __init__(self, connection: object, mute: bool = False) -> None:
        self._connection, self._mute = connection, mute

    def cursor(self) -> object:
        return DeafCursor(self._connection.cursor(), self._mute)  # type: ignore[attr-defined]

    def close(self) -> None:
        self.closed = 1


class DeafCursor:
    """A cursor that does what it is told and then loses its connection."""

    def __init__(self, cursor: object, mute: bool) -> None:
        self._cursor, self._mute = cursor, mute

    def __enter__(self) -> DeafCursor:
        return self

    def __exit__(self, *_: object) -> None:
        self._cursor.close()  # type: ignore[attr-defined]

    def mogrify(self, *given: object) -> object:
        return self._cursor.mogrify(*given)  # type: ignore[attr-defined]

    def execute(self, text: bytes) -> None:
        import psycopg2

        if not self._mute:
            self._cursor.execute(text)  # type: ignore[attr-defined]
        raise psycopg2.OperationalError("server closed the connection unexpectedly")
