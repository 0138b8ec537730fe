"""A connection is asked for in bounded time, and libpq is left no name to look up."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from shared.eventstore.reaching import PINNED, connect
from tests.support.names import NameServer

ROOT = Path(__file__).parents[3]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What libpq is told."""
    told: dict[str, Any] = {}
    monkeypatch.setattr(psycopg2, "connect", lambda _, **parameters: told.update(parameters))
    return told


def addresses(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 0)) for each in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)


def test_every_address_of_a_name_is_told_beside_the_name(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses(monkeypatch, "10.0.0.1", "10.0.0.2", "10.0.0.1")
    connect("host=db port=6000 dbname=x", within=2.5)
    assert given == {
        "connect_timeout": 3,
        "host": "db,db",
        "hostaddr": "10.0.0.1,10.0.0.2",
        "options": PINNED,
    }


@pytest.mark.parametrize(
    "dsn", ["host=/run/pg", "host=10.0.0.1", "host=::1", "host=db hostaddr=10.0.0.1", "dbname=x"]
)
def test_a_socket_or_an_address_is_not_looked_up(
    dsn: str, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    connect(dsn, within=5, dbname="y")
    assert given == {"connect_timeout": 5, "dbname": "y", "options": PINNED}


@pytest.mark.parametrize(
    ("dsn", "parameters"),
    [
        ("options='-c search_path=shadow'", {}),
        ("dbname=x", {"options": "-c search_path=shadow"}),
    ],
)
def test_where_tables_are_looked_up_is_said_last_and_nobody_says_otherwise(
    dsn: str, parameters: dict[str, str], given: dict[str, Any]
) -> None:
    connect(dsn, **parameters)
    assert given["options"] == f"-c search_path=shadow {PINNED}"


def test_a_name_without_an_address_is_a_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(psycopg2.OperationalError, match="no address of db is known"):
        connect("host=db")


SILENT = """
import eventlet
eventlet.monkey_patch()
import socket, sys, time
import psycopg2
from shared.eventstore.reaching import connect
from tests.support.names import ask

ask(int(sys.argv[1]))
silent = socket.create_server(("127.0.0.1", 0))
dsn = sys.argv[2] + f" port={silent.getsockname()[1]}"
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        eventlet.sleep(0.01)
eventlet.spawn(tick)
began = time.monotonic()
try:
    connect(dsn, within=1)
except psycopg2.OperationalError as error:
    print(error)
assert 0.9 < time.monotonic() - began < 2
assert max(b - a for a, b in zip(ticks, ticks[1:])) < 0.5
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "postgres.test"])
def test_who_takes_calls_and_says_nothing_is_given_up_under_eventlet(host: str) -> None:
    """A server that accepts, and a name server that does not answer."""
    with NameServer() as names:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SILENT, str(names.port), f"host={host}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout.strip() == "no answer within 1 seconds", done.stderr[-2000:]


def test_nothing_reaches_postgresql_in_another_way() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in ("shared", "services")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"psycopg2\.connect\(|from psycopg2 import .*connect", path.read_text("utf-8"))
    }
    assert found == {"shared/eventstore/reaching.py"}
