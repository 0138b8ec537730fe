"""Time and ids enter at the edge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from eventsourcing.domain import event

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.clock import edge_time, new_id

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Lamp(Aggregate):
    @event("Lit")
    def light(self) -> None:
        self.lit = True


def test_events_are_stamped_with_the_edges_time_in_utc() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    with edge_time(elsewhere):
        lamp = Lamp()
    with edge_time(NOON + timedelta(hours=1)):
        lamp.light()
    assert [e.timestamp for e in lamp.pending_events] == [NOON, NOON + timedelta(hours=1)]
    assert lamp.created_on.tzinfo is UTC


def test_ids_are_those_of_the_edges_randomness() -> None:
    with edge_time(NOON, lambda n: b"\x01" * n):
        assert Lamp().id == new_id() == UUID("01010101-0101-4101-8101-010101010101")


def test_nothing_happens_outside_the_edge() -> None:
    with pytest.raises(RuntimeError, match="enters at the edge"):
        Lamp()
    with pytest.raises(RuntimeError, match="enters at the edge"):
        new_id()


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"), edge_time(datetime(2026, 6, 1)):  # noqa: DTZ001
        pass


def test_times_of_nested_decisions_do_not_mix() -> None:
    with edge_time(NOON):
        with edge_time(NOON + timedelta(days=1)):
            inner = Lamp()
        outer = Lamp()
    assert (outer.created_on, inner.created_on) == (NOON, NOON + timedelta(days=1))
