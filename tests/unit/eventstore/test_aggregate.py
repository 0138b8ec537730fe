"""Events go into their aggregates as the library has it, and only where they belong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from eventsourcing.domain import (
    CanMutateAggregate,
    OriginatorIDError,
    OriginatorVersionError,
    event,
)

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.clock import edge_time

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Jar(Aggregate):
    def __init__(self) -> None:
        self.held: list[str] = []
        self.shaken = 0

    @event("Filled")
    def fill(self, what: str, twice: bool = False) -> None:
        self.held += [what] * (1 + twice)

    class Shaken(Aggregate.Event):
        """Applies itself, beside the method."""

        def apply(self, aggregate: Any) -> None:
            aggregate.shaken += 1

    @event(Shaken)
    def shake(self) -> None:
        self.shaken += 10


def decided() -> tuple[Jar, list[Any]]:
    with edge_time(NOON):
        jar = Jar()
    with edge_time(NOON + timedelta(hours=1)):
        jar.fill("salt")
        jar.fill("rice", twice=True)
        jar.shake()
    return jar, list(jar.pending_events)


def test_a_replay_tells_what_was_decided_and_when() -> None:
    jar, events = decided()
    again: Any = None
    for each in events:
        again = each.mutate(again)
    assert (again.held, again.shaken) == (["salt", "rice", "rice"], 11)
    assert (again.held, again.shaken) == (jar.held, jar.shaken)
    assert (again.id, again.version, again.created_on) == (jar.id, 4, NOON)
    assert again.modified_on == NOON + timedelta(hours=1)


def test_it_is_what_the_library_does() -> None:
    _, events = decided()
    ours, theirs = events[0].mutate(None), events[0].mutate(None)
    for each in events[1:]:
        each.mutate(ours)
        CanMutateAggregate.mutate(each, theirs)
    assert vars(ours) == vars(theirs)


def test_an_event_out_of_its_order_or_of_another_stream_is_refused_and_changes_nothing() -> None:
    _, events = decided()
    jar = events[0].mutate(None)
    with pytest.raises(OriginatorVersionError):
        events[2].mutate(jar)
    events[1].mutate(jar)
    with pytest.raises(OriginatorVersionError):
        events[1].mutate(jar)
    _, elsewhere = decided()
    with pytest.raises(OriginatorIDError):
        elsewhere[2].mutate(jar)
    assert (jar.held, jar.version) == (["salt"], 2)


def test_a_field_that_came_later_has_its_default() -> None:
    _, events = decided()
    jar, filled = events[0].mutate(None), events[1]
    del vars(filled)["twice"]
    assert filled.mutate(jar).held == ["salt"]


def test_what_a_method_refuses_leaves_the_version() -> None:
    _, events = decided()
    jar = events[0].mutate(None)
    vars(events[1])["twice"] = "no number"
    with pytest.raises(TypeError):
        events[1].mutate(jar)
    assert jar.version == 1
