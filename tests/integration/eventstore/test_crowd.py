"""Positions are dense and in commit order, whoever writes and however many."""

from __future__ import annotations

from tests.integration.eventstore.crowd import crowd
from tests.support.postgres import Databases

EVENTS = 50_000


def test_eight_writers_and_two_replicas_leave_no_gap_for_a_reader_at_the_tail(
    stores: Databases,
) -> None:
    found = crowd(stores, EVENTS)

    assert found.missed == 0
    assert found.collisions == 0
    assert found.seen == list(range(1, EVENTS + 1))
