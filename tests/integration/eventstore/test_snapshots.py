"""A long stream is not replayed again and again, and what is told of it is what the log tells."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from shared.eventstore.clock import edge_time
from shared.eventstore.snapshots import MOST, WORTH_IT, Snapshots
from shared.sealing.sealed import Sealed, open_
from tests.integration.eventstore.probe import (
    NOON,
    CloseNotebook,
    Notebook,
    OpenNotebook,
    Probe,
    WriteLine,
    context,
    edge,
)
from tests.support.postgres import Databases


def notebook(app: Probe, lines: int) -> UUID:
    opened: Any = app.run(OpenNotebook(participation_id=uuid4(), title="A lock"), context())
    write(app, opened.notebook_id, lines)
    return UUID(str(opened.notebook_id))


def write(app: Probe, notebook_id: UUID, lines: int) -> None:
    for number in range(lines):
        app.run(WriteLine(notebook_id=notebook_id, text=f"line {number}"), context())


def told(app: Probe, notebook_id: UUID) -> dict[str, Any]:
    found = app.aggregate(notebook_id)
    assert isinstance(found, Notebook)
    return dict(vars(found))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, app: Probe) -> list[int]:
    """The versions of every event that is read from the log from here on."""
    versions: list[int] = []
    mapper = app.mapper.read

    def counted(stream_id: UUID, version: int, *rest: Any) -> Any:
        versions.append(version)
        return mapper(stream_id, version, *rest)

    monkeypatch.setattr(app.mapper, "read", counted)
    return versions


def test_of_a_long_stream_only_what_came_since_is_replayed(app: Probe, read: list[int]) -> None:
    long = notebook(app, WORTH_IT + 5)
    app.aggregate(long)
    read.clear()
    write(app, long, 3)
    assert max(read) == WORTH_IT + 8
    assert len(read) < 3 * 10, "three decisions, and few events of the stream were read for each"


def test_a_short_stream_is_replayed_whole_and_kept_nowhere(app: Probe, read: list[int]) -> None:
    short = notebook(app, 3)
    read.clear()
    app.aggregate(short)
    app.aggregate(short)
    assert read == [1, 2, 3, 4] * 2


def test_what_is_remembered_is_what_the_log_tells_to_whoever_reads_it_anew(
    app: Probe, stores: Databases
) -> None:
    long = notebook(app, 2 * WORTH_IT)
    app.aggregate(long)
    write(app, long, 7)
    fresh = Probe(edge(stores.role("probe"), app.edge.keys))  # type: ignore[arg-type]
    assert told(app, long) == told(fresh, long)
    fresh.close()


def test_nobody_sees_what_another_reader_did_to_it_and_did_not_store(app: Probe) -> None:
    long = notebook(app, 2 * WORTH_IT)
    first = app.aggregate(long)
    assert isinstance(first, Notebook)
    before = told(app, long)
    with edge_time(NOON):
        first.write(Sealed.pending(first.participation_id, "notes", "never stored"))
        first.close()
    assert told(app, long) == before


def test_what_another_process_decided_is_there_at_the_next_reading(
    app: Probe, stores: Databases
) -> None:
    long = notebook(app, 2 * WORTH_IT)
    assert told(app, long)["closed"] is False
    other = Probe(edge(stores.role("probe"), app.edge.keys))  # type: ignore[arg-type]
    other.run(CloseNotebook(notebook_id=long), context())
    other.close()
    assert told(app, long)["closed"] is True


@pytest.mark.parametrize("left", [1, WORTH_IT, 2 * WORTH_IT])
def test_a_log_that_was_put_back_is_read_as_it_is_now(
    app: Probe, stores: Databases, left: int
) -> None:
    long = notebook(app, 2 * WORTH_IT)
    app.aggregate(long)
    put_back(stores, long, left)
    assert len(told(app, long)["lines"]) == left - 1


def test_a_log_that_was_put_back_and_went_on_is_read_as_it_is_now(
    app: Probe, stores: Databases
) -> None:
    long = notebook(app, 2 * WORTH_IT)
    app.aggregate(long)
    put_back(stores, long, 2 * WORTH_IT - 1)
    other = Probe(edge(stores.role("probe"), app.edge.keys))  # type: ignore[arg-type]
    for text in ("other", "words", "here"):
        other.run(WriteLine(notebook_id=long, text=text), context())
    other.close()
    lines: list[Sealed] = [line.text for line in told(app, long)["lines"]]
    words = [open_(line, app.edge.keys.by_id(UUID(str(line.key_id)))) for line in lines]
    assert words[-3:] == ["other", "words", "here"]


def put_back(stores: Databases, stream: UUID, last: int) -> None:
    admin = psycopg2.connect(stores.dsn("probe", "superuser"))
    with closing(admin), admin, admin.cursor() as cursor:
        cursor.execute("ALTER TABLE events DISABLE TRIGGER no_change")
        cursor.execute(
            "DELETE FROM events WHERE originator_id = %s AND originator_version > %s",
            (str(stream), last),
        )
        cursor.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER no_change")


def test_only_so_many_are_kept_and_the_one_not_read_for_the_longest_goes() -> None:
    kept = Snapshots()
    with edge_time(NOON):
        books = [
            Notebook(participation_id=uuid4(), title=Sealed.pending(uuid4(), "notes", "x"))
            for _ in range(MOST + 1)
        ]
    for book in books[:MOST]:
        kept.keep(book, b"state")
    assert kept.find(books[0].id) is not None
    kept.keep(books[MOST], b"state")
    assert kept.find(books[0].id) is not None
    assert kept.find(books[1].id) is None
    assert kept.find(books[MOST].id) is not None
