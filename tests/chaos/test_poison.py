"""The judge of poisoned messages knows a stream that stopped for a reason from one that did not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from tests.chaos import poison, rows, sizes
from tests.chaos.acknowledged import Acknowledged
from tests.chaos.rows import Result
from tests.support.postgres import Databases, fresh_databases

PRODUCERS = ("consent", "notifications", "keyring")


class Stores:
    """As much of a platform as is looked at: the databases, and nobody at work on them."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def connection(self, service: str) -> Any:
        return psycopg2.connect(self._databases.dsn(service, "superuser"))

    def run(self, service: str, statement: str, *values: object) -> None:
        connection = self.connection(service)
        with closing(connection), connection, connection.cursor() as cursor:
            cursor.execute(statement, values)

    def value(self, service: str, sql: str) -> Any:
        with closing(self.connection(service)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def stored(
        self, service: str, topic: str, previous: int | None, stream: UUID, version: int = 1
    ) -> None:
        self.run(
            service,
            "INSERT INTO events SELECT coalesce(max(position), 0) + 1, %s, %s, %s, '', %s"
            " FROM events",
            str(stream),
            version,
            topic,
            previous,
        )

    def emptied(self) -> None:
        for service in ("intake", *PRODUCERS):
            self.run(
                service,
                "ALTER TABLE events DISABLE TRIGGER USER; TRUNCATE events, inbox, parked;"
                " ALTER TABLE events ENABLE ALWAYS TRIGGER no_change",
            )

    def heard(self, producer: str, position: int) -> None:
        row = "INSERT INTO inbox VALUES (%s, %s)"
        self.run("intake", row, producer, position)

    def parked(self, position: int, stream: str, reason: str) -> None:
        row = "INSERT INTO parked VALUES ('consent', %s, %s, '{}', %s, now() + interval '1 hour')"
        self.run("intake", row, position, stream, reason)


@pytest.fixture(scope="module")
def made(postgres_dsn: str) -> Iterator[Stores]:
    with fresh_databases(postgres_dsn, "intake", *PRODUCERS) as databases:
        yield Stores(databases)


@pytest.fixture
def stores(made: Stores) -> Stores:
    """Three producers with a message each, all of which intake has heard."""
    made.emptied()
    for producer in PRODUCERS:
        made.stored(producer, "planted:Something.Happened", 0, uuid4())
        made.heard(producer, 1)
    return made


def stopped(stores: Any) -> list[str]:
    return poison.others_stopped(stores, within=0.1)


def test_a_stream_behind_its_own_poison_is_as_it_should_be(stores: Stores) -> None:
    assert (poison.met(stores), stopped(stores)) == (0, [])  # type: ignore[arg-type]
    stores.parked(1, "a", "Refused")
    stores.parked(2, "a", "behind")
    stores.parked(3, "b", "InternalError")
    assert (poison.met(stores), stopped(stores)) == (2, [])  # type: ignore[arg-type]


def test_a_stream_that_stopped_without_poison_is_found(stores: Stores) -> None:
    stores.parked(1, "a", "Refused")
    stores.parked(2, "b", "behind")
    stores.parked(4, "c", "behind")
    stores.parked(5, "c", "Refused")
    assert stopped(stores) == ["lost: 2 streams are parked behind nothing"]


@pytest.mark.parametrize("producer", PRODUCERS)
def test_a_follower_that_stopped_for_all_streams_is_found(stores: Stores, producer: str) -> None:
    stores.stored(producer, "planted:Something.Else", 1, uuid4())
    [found] = stopped(stores)
    assert found.startswith("lost: within 0.1 s intake did not hear up to ")
    assert f"'{producer}': 2" in found


def test_what_is_never_announced_is_not_waited_for(stores: Stores) -> None:
    stores.stored("consent", "planted:Kept.Inside", None, uuid4())
    assert stopped(stores) == []


def test_poison_is_in_some_streams_of_one_kind_and_gone_afterwards(stores: Stores) -> None:
    note, other = "planted:Note.Noted", "planted:Something.Happened"
    streams = [UUID(int=number) for number in range(40)]
    failed = []
    stores.parked(1, "a", "Refused")
    with poison.poisoned(stores):  # type: ignore[arg-type]
        for stream in streams:
            try:
                stores.stored("intake", note, None, stream)
            except psycopg2.errors.RaiseException:
                failed.append(stream)
                stores.stored("intake", other, None, stream)
    assert 10 < len(failed) < 30
    for stream in failed:
        stores.stored("intake", note, None, stream, version=2)
    assert stores.value("intake", "SELECT count(*) FROM parked WHERE retry_at > now()") == 0


def test_a_row_that_met_too_little_poison_says_so(
    stores: Stores, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    @contextmanager
    def without_load(_: object, row: str, seed: int) -> Iterator[tuple[Result, Acknowledged]]:
        yield Result(row, seed), Acknowledged(tmp_path / "told.jsonl")

    monkeypatch.setattr(rows, "_under_load", without_load)
    monkeypatch.setattr(rows, "COMES_BACK", 0.0)
    stores.parked(1, "a", "Refused")
    result = rows.poison(stores, 0)  # type: ignore[arg-type]
    assert result.findings == [f"only 1 of {sizes.POISON} messages were poison"]
    for position in range(2, sizes.POISON + 1):
        stores.parked(position, f"stream {position}", "Refused")
    assert rows.poison(stores, 0).findings == []  # type: ignore[arg-type]
