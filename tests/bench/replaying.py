"""Replay: every stored event of a log, in order, through mapper and upcasting into its aggregate.

It is what an auditor does, and what a service does to one stream before each decision.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from typing import Any
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extras import execute_values

from shared.eventstore.application import EventSourcedApplication
from tests.bench.appending import empty_database, probe_database
from tests.bench.figures import FLOOR, OURS, PEER, Bar, Row, Sample, interleaved
from tests.bench.peer import Notebook, bare
from tests.bench.sizes import Sizes
from tests.bench.workload import SUBJECTS, WORDS, application
from tests.integration.eventstore.probe import OpenNotebook, WriteLine, context
from tests.integration.intake.world import World
from tests.support.postgres import Databases, fresh_databases

PAGE = 1_000
LINES = 9
BAR = 40_000
_LOG = (
    "SELECT originator_id, originator_version, topic, state, position FROM events"
    " WHERE position > %s ORDER BY position LIMIT %s"
)


def measure(
    admin_dsn: str, sizes: Sizes, told: Callable[[str], None]
) -> tuple[list[Row], list[Bar]]:
    """Notebooks beside the bare library's, and the histories of a real service alone."""
    with ExitStack() as stack:
        stores = stack.enter_context(probe_database(admin_dsn))
        app = stack.enter_context(closing(application(stores.role("probe"))))
        streams = sizes.replayed // (LINES + 1)
        told(f"replay: writing {sizes.replayed:,} events")
        notebook(app)
        multiply(stores, "probe", streams)
        library = bare(stack.enter_context(empty_database(admin_dsn)), 1)
        stack.callback(library.close)
        for number in range(streams):
            library.save(_plain(number))

        intake = stack.enter_context(fresh_databases(admin_dsn, "intake"))
        world = World(intake)
        stack.callback(world.app.close)
        _journey(world)
        multiply(intake, "intake", max(1, sizes.replayed // len(world.log())))

        variants = {
            OURS: lambda: replayed(app),
            PEER: lambda: _library(library),
            FLOOR: lambda: _rows(app),
            "intake": lambda: replayed(world.app),
        }
        for variant in variants.values():
            variant()
        samples = interleaved(variants, sizes.repeats, lambda what: told(f"replay: {what}"))
    row = Row("replay", "events/s", samples)
    real = row.of("intake")
    assert real
    return [row], [
        Bar("replay of sealed notebooks, events/s", row.median, BAR),
        Bar("replay of intake's histories, events/s", real, BAR),
    ]


def replayed(app: EventSourcedApplication) -> Sample:
    """The whole log of a service into aggregates; a page is one entry of the sample."""
    found: dict[UUID, Any] = {}

    def fold(rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            found[row[0]] = app.event(row[:4]).mutate(found.get(row[0]))

    return _pages(app, fold)


def _rows(app: EventSourcedApplication) -> Sample:
    """The floor: the same rows, fetched and nothing made of them."""
    return _pages(app, lambda rows: None)


def _pages(app: EventSourcedApplication, fold: Callable[[list[tuple[Any, ...]]], None]) -> Sample:
    def pages() -> Iterable[int]:
        last = 0
        while rows := app.committer.query(_LOG, (last, PAGE)):
            fold(rows)
            last = rows[-1][4]
            yield len(rows)

    return _timed(pages())


def _library(library: Any) -> Sample:
    """The same with the library's own notifications, mapper and aggregates."""
    found: dict[UUID, Any] = {}

    def pages() -> Iterable[int]:
        last = 0
        while page := library.recorder.select_notifications(last + 1, PAGE):
            for notification in page:
                event = library.mapper.to_domain_event(notification)
                found[event.originator_id] = event.mutate(found.get(event.originator_id))
            last = page[-1].id
            yield len(page)

    return _timed(pages())


def _timed(pages: Iterable[int]) -> Sample:
    began = before = time.perf_counter()
    done: list[float] = []
    took: list[float] = []
    for count in pages:
        now = time.perf_counter()
        # Spread over the page: an entry is an event.
        each = (now - before) / count
        done += [before - began + each * (i + 1) for i in range(count)]
        took += [each] * count
        before = now
    return Sample(done, took)


def notebook(app: Any) -> int:
    """One notebook with its lines; how many events that is."""
    opened = app.run(OpenNotebook(participation_id=SUBJECTS[0], title=WORDS), context())
    for _ in range(LINES):
        app.run(WriteLine(notebook_id=opened.notebook_id, text=WORDS), context())
    return 1 + LINES


def _plain(number: int) -> Notebook:
    notebook = Notebook(participation_id=SUBJECTS[number % len(SUBJECTS)], title=WORDS)
    for _ in range(LINES):
        notebook.write(WORDS)
    return notebook


def _journey(world: World) -> None:
    """A survivor begins, is accompanied, says what they need, and lets the advocate go."""
    world.told()
    for _ in range(3):
        world.need()
    world.accompanied()
    for _ in range(3):
        world.need()


def multiply(stores: Databases, service: str, copies: int) -> None:
    """The whole log so many times over, each time of other streams.

    Nothing that is sealed is opened in a replay, so a copy does the work of an original.
    """
    with closing(psycopg2.connect(stores.dsn(service, "superuser"))) as connection, connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT originator_id, originator_version, topic, state FROM events"
                " ORDER BY position"
            )
            original = cursor.fetchall()
            rows = []
            for copy in range(1, copies):
                streams: dict[Any, UUID] = {}
                for number, (stream, *rest) in enumerate(original, 1):
                    new = streams.setdefault(stream, uuid4())
                    rows.append((copy * len(original) + number, new, *rest))
            execute_values(
                cursor,
                "INSERT INTO events (position, originator_id, originator_version, topic, state)"
                " VALUES %s",
                rows,
                page_size=1_000,
            )
        connection.commit()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE events")
