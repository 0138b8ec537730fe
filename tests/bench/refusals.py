"""The cost of refused requests of one agency at once: ``python -m tests.bench.refusals``.

The consent service on a PostgreSQL of its own, two ways of putting a refusal on
record: in a stream of its own (as the service does), and in one stream for all
refusals of an agency about a participation (decision 0005's design). Everything
else is the same code. Prints one row each; see docs/decisions/0019.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4, uuid5

from eventsourcing.domain import event

from services.consent.domain.grant import Item
from services.consent.domain.refusals import Refusal
from shared.contracts.consent import RequestDisclosure
from shared.contracts.refusal import ChangedMeanwhile, Refused
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.log import EventLog, VersionConflict
from shared.eventstore.work import Work
from tests.integration.consent.world import HOUSING, World
from tests.support.examples import HOUSING_AGENCY
from tests.support.postgres import embedded_server, fresh_databases

AT_ONCE = int(os.environ.get("SAYSO_AT_ONCE", "32"))
REQUESTS = int(os.environ.get("SAYSO_REQUESTS", "128"))
_NAMES = UUID("3b1f0e7c-52d4-4c39-9a50-6d0a3f3f6a11")


class Refusals(Aggregate):
    """All refusals of one agency about one participation."""

    class Begun(Aggregate.Created):
        agency_id: UUID
        participation_id: UUID

    class DisclosureRefused(Aggregate.Event):
        agency_reference: UUID
        item: Item
        purpose: str
        reason: str

    @staticmethod
    def create_id(agency_id: UUID, participation_id: UUID) -> UUID:
        return uuid5(_NAMES, f"{agency_id}/{participation_id}")

    @event(Begun)
    def __init__(self, agency_id: UUID, participation_id: UUID) -> None:
        self.count = 0

    @event(DisclosureRefused)
    def refuse(self, agency_reference: UUID, item: Item, purpose: str, reason: str) -> None:
        self.count += 1


@dataclass
class Counted:
    """What the writers met."""

    seconds: list[float] = field(default_factory=list)
    conflicts: int = 0
    given_up: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def shared_stream() -> Iterator[None]:
    """The service, but for where a refusal goes."""
    save = Work.save

    def saving(work: Work, *aggregates: Any) -> None:
        for one in aggregates:
            save(work, _appended(work, one) if isinstance(one, Refusal) else one)

    Work.save = saving  # type: ignore[method-assign]
    try:
        yield
    finally:
        Work.save = save  # type: ignore[method-assign]


def _appended(work: Work, refusal: Refusal) -> Refusals:
    (told,) = refusal.collect_events()
    named = told.agency_id, told.participation_id
    found = work.find(Refusals, Refusals.create_id(*named)) or Refusals(*named)
    found.refuse(told.agency_reference, told.item, told.purpose, told.reason)
    return found


@contextmanager
def counting(counted: Counted) -> Iterator[None]:
    """Every decision that lost a race, counted where it is stored."""
    store = EventLog.store

    def storing(log: EventLog, decision: Any) -> list[int]:
        try:
            return store(log, decision)
        except VersionConflict:
            with counted.lock:
                counted.conflicts += 1
            raise

    EventLog.store = storing  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        EventLog.store = store  # type: ignore[method-assign]


def measured(world: World, counted: Counted) -> float:
    """Seconds for all requests; each asks for the wrong item under a live release."""
    grant = world.given()
    wrong = world.other_need

    def ask(_: int) -> None:
        request = RequestDisclosure(
            agency_reference=grant.agency_reference, item=wrong, purpose="housing"
        )
        begun = perf_counter()
        try:
            world.app.run(request, world.ctx(HOUSING, uuid4()))
        except ChangedMeanwhile:
            with counted.lock:
                counted.given_up += 1
        except Refused:
            pass
        with counted.lock:
            counted.seconds.append(perf_counter() - begun)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, range(AT_ONCE)))
        counted.seconds.clear()
        counted.conflicts = 0
        begun = perf_counter()
        list(pool.map(ask, range(REQUESTS)))
        return perf_counter() - begun


def main() -> None:
    """Both ways, one after the other, in a database each."""
    print(f"{REQUESTS} refused requests of agency {str(HOUSING_AGENCY)[:8]}…, {AT_ONCE} at once")
    print(f"{'':24}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'conflicts':>11}{'given up':>10}")
    with embedded_server() as server:
        for name, shared in (("a stream each", False), ("one shared stream", True)):
            with fresh_databases(server.dsn(), "consent") as stores:
                counted, world = Counted(), World(stores)
                with counting(counted):
                    if shared:
                        with shared_stream():
                            took = measured(world, counted)
                    else:
                        took = measured(world, counted)
                world.app.close()
            ms = [1_000 * s for s in counted.seconds]
            print(
                f"{name:24}{REQUESTS / took:>12.0f}{median(ms):>9.1f}"
                f"{quantiles(ms, n=100)[98]:>9.1f}{counted.conflicts:>11}{counted.given_up:>10}"
            )


if __name__ == "__main__":
    main()
