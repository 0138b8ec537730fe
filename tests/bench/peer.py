"""The bare library: eventsourcing 9.5.6 with its own PostgreSQL module, on psycopg 3.

Its aggregates hold the same words in the clear: no sealing, read table, inbox or command id.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application, ProcessingEvent
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.projection import EventSourcedProjection, EventSourcedProjectionRunner
from eventsourcing.utils import get_topic
from psycopg2.extensions import parse_dsn

from tests.bench.figures import Sample
from tests.support.eventually import eventually


class Notebook(Aggregate):
    """What the probe's notebook is, as the library's own documentation would write it."""

    @event("Opened")
    def __init__(self, participation_id: UUID, title: str) -> None:
        self.participation_id = participation_id
        self.title = title
        self.lines: tuple[str, ...] = ()

    @event("Written")
    def write(self, text: str) -> None:
        """Add a line."""
        self.lines = (*self.lines, text)


def bare(dsn: str, writers: int) -> Application[UUID]:
    """An application on that database, with a connection for each writer."""
    return Application(env=_environment(dsn, writers))


class Notebooks(Application[UUID]):
    """What is followed."""


class Copies(EventSourcedProjection[UUID]):
    """For each notebook that is opened another one, stored with how far was followed."""

    name = "copies"
    topics = (get_topic(Notebook.Opened),)  # type: ignore[attr-defined]

    def __init__(self, env: Any = None) -> None:
        super().__init__(env)
        self.stored: dict[UUID, float] = {}

    def policy(self, domain_event: Any, processing_event: ProcessingEvent[UUID]) -> None:
        """What is done about an event."""
        copy = Notebook(participation_id=domain_event.originator_id, title="copy")
        processing_event.collect_events(copy)

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """The library's, and when it was done."""
        super().process_event(domain_event, tracking)
        self.stored[domain_event.originator_id] = time.perf_counter()


Runner = EventSourcedProjectionRunner[Notebooks, Copies]


@contextmanager
def following(dsn: str) -> Iterator[Runner]:
    """An application and what follows it, in one process: no broker, and nobody calls over HTTP."""
    runner: Runner = EventSourcedProjectionRunner(
        application_class=Notebooks, projection_class=Copies, env=_environment(dsn, 2)
    )
    with runner:
        yield runner


def reactions(runner: Runner, count: int, pace: float) -> Sample:
    """From the moment at which each ``save()`` is due to what was stored because of it."""
    due: dict[UUID, float] = {}
    begin = time.perf_counter() + 0.1
    for number in range(count):
        at = begin + number / pace
        time.sleep(max(0.0, at - time.perf_counter()))
        notebook = Notebook(participation_id=uuid4(), title="words in the clear")
        due[notebook.id] = at
        runner.app.save(notebook)
    stored = runner.projection.stored
    eventually(lambda: due.keys() <= stored.keys(), within=60)
    return Sample([stored[id] - begin for id in due], [stored[id] - at for id, at in due.items()])


def _environment(dsn: str, connections: int) -> dict[str, str]:
    at = parse_dsn(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": at["dbname"],
        "POSTGRES_HOST": at["host"],
        "POSTGRES_PORT": at.get("port", "5432"),
        "POSTGRES_USER": at["user"],
        "POSTGRES_PASSWORD": at.get("password", "none"),
        "POSTGRES_POOL_SIZE": str(connections),
        "POSTGRES_MAX_OVERFLOW": "8",
    }
