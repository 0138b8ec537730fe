"""Append: whole decisions, the raw floor, the bare library, and the same rows one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from uuid import uuid4

import psycopg2
from psycopg2.extensions import make_dsn

from shared.eventstore.provision import drop
from tests.bench.figures import FLOOR, ONE_BY_ONE, OURS, PEER, Bar, Row, Sample, interleaved
from tests.bench.peer import Notebook, bare
from tests.bench.sizes import Sizes
from tests.bench.workload import (
    SUBJECTS,
    WORDS,
    Decisions,
    application,
    decided,
    event_alone,
    rows_one_by_one,
)
from tests.bench.writers import written
from tests.integration.eventstore.probe import probe_migrations
from tests.support.postgres import Databases, fresh_databases

WRITERS = (1, 8, 32)


def measure(admin_dsn: str, sizes: Sizes, told: Callable[[str], None]) -> list[Row]:
    """One row for each number of writers; each variant in a database of its own."""
    with ExitStack() as stack:
        ours, raw, single = (stack.enter_context(probe_database(admin_dsn)) for _ in range(3))
        clear = stack.enter_context(empty_database(admin_dsn))
        app = stack.enter_context(closing(application(ours.role("probe"))))
        library = bare(clear, max(WRITERS))
        stack.callback(library.close)
        floor = stack.enter_context(closing(_Raw(raw, max(WRITERS))))
        one_by_one = stack.enter_context(closing(_Raw(single, max(WRITERS))))
        decisions = Decisions(app)

        def save(_writer: int, number: int) -> None:
            subject = SUBJECTS[number % len(SUBJECTS)]
            library.save(Notebook(participation_id=subject, title=WORDS))

        rows = []
        for writers in WRITERS:
            each = max(1, sizes.decisions // writers)

            def alone(writers: int = writers, each: int = each) -> Sample:
                return floor.run(decided(writers, each), event_alone)

            def single_rows(writers: int = writers, each: int = each) -> Sample:
                return one_by_one.run(decided(writers, each), rows_one_by_one)

            variants = {
                OURS: lambda w=writers, e=each: decisions.run(w, e),
                ONE_BY_ONE: single_rows,
                PEER: lambda w=writers, e=each: written(w, e, save),
                FLOOR: alone,
            }
            # Connections are opened and plans are made before anything is counted.
            for variant in variants.values():
                variant()
            samples = interleaved(
                variants, sizes.repeats, lambda what, w=writers: told(f"append, {w}: {what}")
            )
            rows.append(Row("append", "decisions/s", samples, writers))
        return rows


def bars(rows: list[Row]) -> list[Bar]:
    """What the rows have to reach."""
    by_writers = {row.writers: row for row in rows}
    library = by_writers[1].ratio(PEER)
    eight, many = by_writers[8].ratio(ONE_BY_ONE), by_writers[32].ratio(ONE_BY_ONE)
    assert library
    assert eight
    assert many
    return [
        Bar("append, 1 writer: times the bare library's save()", library, 1.0),
        Bar("append, 8 writers: times the same rows one by one", eight, 1.3),
        Bar("append, 32 writers: times the same rows one by one", many, 1.7),
    ]


def flatness(admin_dsn: str, sizes: Sizes, told: Callable[[str], None]) -> list[Bar]:
    """The rate on a full log as a share of that on a small one, side by side."""
    with ExitStack() as stack:
        variants = {}
        for name, events in (("small", sizes.small_log), ("full", sizes.full_log)):
            stores = stack.enter_context(probe_database(admin_dsn))
            told(f"flatness: filling a log with {events:,} events")
            _fill(stores, events)
            app = stack.enter_context(closing(application(stores.role("probe"))))
            decisions = Decisions(app)
            each = max(1, sizes.flat_decisions // 8)
            variants[name] = lambda d=decisions, e=each: d.run(8, e)
        for variant in variants.values():
            variant()
        taken = interleaved(variants, sizes.flat_repeats, lambda what: told(f"flatness: {what}"))
        row = Row("flat", "decisions/s", {OURS: taken["full"], "small": taken["small"]}, 8)
        share = row.ratio("small")
        assert share
        note = f"{row.median:,.0f}/s on the full log, {row.of('small'):,.0f}/s on the small one"
        return [
            Bar(
                f"append, 8 writers: share of the rate at {sizes.small_log:,} events"
                f" that is left at {sizes.full_log:,}",
                share,
                0.9,
                note=note,
            )
        ]


class _Raw:
    """Connections of the committer, one a writer, that send what was made ready for them."""

    def __init__(self, stores: Databases, writers: int) -> None:
        dsn = stores.dsn("probe", "committer")
        self._connections = [psycopg2.connect(dsn) for _ in range(writers)]
        for connection in self._connections:
            connection.autocommit = True
        self._position = 0

    def run(self, decisions: list[list[Any]], text: Callable[[Any, Any, int], bytes]) -> Sample:
        """Send each writer's statements; they are put together before the time begins."""
        cursors = [connection.cursor() for connection in self._connections[: len(decisions)]]
        ready: list[list[bytes]] = []
        for cursor, own in zip(cursors, decisions, strict=True):
            ready.append([])
            for decision in own:
                self._position += 1
                ready[-1].append(text(cursor, decision, self._position))

        def send(writer: int, number: int) -> None:
            cursors[writer].execute(ready[writer][number])

        return written(len(ready), len(ready[0]), send)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def probe_database(admin_dsn: str) -> Any:
    return fresh_databases(admin_dsn, "probe", migrations={"probe": probe_migrations()})


@contextmanager
def empty_database(admin_dsn: str) -> Iterator[str]:
    name = f"sayso_bench_{uuid4().hex[:12]}"
    with closing(psycopg2.connect(admin_dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_dsn(admin_dsn, dbname=name)
    finally:
        drop(admin_dsn, name)


_FILL = (
    "INSERT INTO events SELECT n, gen_random_uuid(), 1, %(topic)s, %(state)s, n - 1"
    " FROM generate_series(1, %(count)s) n",
    "INSERT INTO notebooks SELECT originator_id, gen_random_uuid(), %(title)s, NULL, 0, position,"
    " %(actor)s FROM events",
    "INSERT INTO commands (scope, command_id, method, fingerprint, words, result, decided_at)"
    " SELECT %(scope)s, gen_random_uuid(), 'open_notebook', %(fingerprint)s, %(words)s, %(result)s,"
    " now() FROM generate_series(1, %(count)s)",
)


def _fill(stores: Databases, count: int) -> None:
    """What ``count`` decisions would have left, every row of the size of a real one."""
    [[decision]] = decided(1, 1)
    [entry], command = decision.entries, decision.command
    [(_, row)] = list(entry.read_tables(1))
    assert command
    values = {
        "count": count,
        "topic": entry.stored.topic,
        "state": entry.stored.state,
        "title": row[2],
        "actor": row[5],
        "scope": command.scope,
        "fingerprint": command.fingerprint,
        "words": command.words,
        "result": command.result,
    }
    with closing(psycopg2.connect(stores.dsn("probe", "superuser"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in _FILL:
                cursor.execute(statement, values)
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")
