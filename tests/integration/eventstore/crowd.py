"""Eight writers, two replicas of a service and a reader at the tail of one log.

``python -m tests.integration.eventstore.crowd [EVENTS]`` shows progress and
prints what it found; the test asserts on the same.
"""

from __future__ import annotations

import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import IntegrityError, StoredEvent

from shared.eventstore.batch import AlreadyDone, VersionConflict
from shared.eventstore.database import Database
from shared.eventstore.persistence import Datastore, LogApplicationRecorder
from tests.integration.eventstore.probe import (
    OpenNotebook,
    Probe,
    context,
    edge,
    probe_migrations,
)
from tests.support.postgres import Databases, embedded_server, fresh_databases

WRITERS = 8
REPLICAS = 2
THREADS = 16
STATE = b"x" * 350


@dataclass(frozen=True)
class Found:
    """What the reader at the tail saw, and what the writers met."""

    seen: list[int]
    collisions: int
    seconds: float

    @property
    def missed(self) -> int:
        """Positions that were there and that the reader never saw, or saw out of order."""
        return sum(1 for i, position in enumerate(self.seen, 1) if position != i)


def crowd(stores: Databases, events: int, progress: Callable[[int], None] | None = None) -> Found:
    """Write ``events`` events from all processes at once and read along until all were seen."""
    spawn = multiprocessing.get_context("spawn")
    collisions: Any = spawn.Queue()
    # A replica's decisions do the work of real ones: sealing, a read table, a command's row.
    decided = events // 20
    written, rest = divmod(events - REPLICAS * decided, WRITERS)
    jobs: list[tuple[Any, Any, int]] = [(_replica, stores, decided)] * REPLICAS
    dsn = stores.dsn("probe", "committer")
    jobs += [(_write, dsn, written + (1 if i < rest else 0)) for i in range(WRITERS)]
    processes = [
        spawn.Process(target=job, args=(given, count, collisions), daemon=True)
        for job, given, count in jobs
    ]
    began = time.monotonic()
    for process in processes:
        process.start()
    seen = _tail(Database(stores.dsn("probe", "relay")), events, progress)
    for process in processes:
        process.join(timeout=60)
    met = sum(collisions.get(timeout=10) for _ in processes)
    return Found(seen, met, time.monotonic() - began)


def _tail(database: Database, events: int, progress: Callable[[int], None] | None) -> list[int]:
    """A naive reader: whatever is after the last it saw. It can only be right on a dense log."""
    seen: list[int] = []
    pause = threading.Event()
    idle_since = time.monotonic()
    while len(seen) < events:
        rows = database.query(
            "SELECT position FROM events WHERE position > %s ORDER BY position LIMIT 1000",
            (seen[-1] if seen else 0,),
        )
        seen += [row[0] for row in rows]
        if rows:
            idle_since = time.monotonic()
            if progress:
                progress(len(seen))
            continue
        if time.monotonic() - idle_since > 30:
            break
        pause.wait(0.002)
    database.close()
    return seen


def _write(dsn: str, count: int, collisions: Any) -> None:
    recorder = LogApplicationRecorder(Datastore(Database(dsn)))

    def one(_: int) -> int:
        try:
            recorder.insert_events([StoredEvent(uuid4(), 1, "probe:Written", STATE)])
        except IntegrityError:
            return 1
        return 0

    with ThreadPoolExecutor(THREADS) as pool:
        collisions.put(sum(pool.map(one, range(count))))


def _replica(stores: Databases, count: int, collisions: Any) -> None:
    app = Probe(edge(stores.role("probe")))

    def one(_: int) -> int:
        try:
            app.run(OpenNotebook(participation_id=uuid4(), title="t"), context())
        except (VersionConflict, AlreadyDone):
            return 1
        return 0

    with ThreadPoolExecutor(THREADS) as pool:
        collisions.put(sum(pool.map(one, range(count))))


def main() -> int:
    """Exit code 0 when nothing was missed and nothing collided."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    migrations = {"probe": probe_migrations()}

    shown = 0

    def show(seen: int) -> None:
        nonlocal shown
        if seen - shown >= 1_000:
            shown = seen
            print(f"\r{seen:>8} of {events}", end="", file=sys.stderr, flush=True)

    with (
        embedded_server() as server,
        fresh_databases(server.dsn(), "probe", migrations=migrations) as stores,
    ):
        found = crowd(stores, events, show)
    print(file=sys.stderr)
    print(
        f"{len(found.seen)} events in {found.seconds:.1f} s"
        f" ({len(found.seen) / found.seconds:.0f}/s), {found.missed} missed,"
        f" {found.collisions} collisions"
    )
    return 0 if (found.missed, found.collisions, len(found.seen)) == (0, 0, events) else 1


if __name__ == "__main__":
    sys.exit(main())
