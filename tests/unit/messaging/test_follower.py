"""In order and once: one example each; the seeded simulation does the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.contracts.refusal import Unavailable
from shared.messaging.announcement import Announcement
from shared.messaging.follower import BrokenPromise, Follower, backoff
from tests.unit.messaging.world import Clock, Log, Store, announcement


def follower(store: Store, log: Log, clock: Clock | None = None) -> Follower:
    return Follower("consent", "intake", store, log.after, clock or Clock())


def positions(store: Store) -> list[int]:
    return [a.position for a in store.applied]


def test_the_next_message_is_applied_without_asking_the_producer() -> None:
    store = Store()
    log = Log([])
    follower(store, log).receive(announcement(3, 0))
    assert (positions(store), store.cursor) == ([3], 3)


def test_a_message_that_comes_twice_is_applied_once() -> None:
    store = Store()
    it = follower(store, Log([]))
    it.receive(announcement(3, 0))
    it.receive(announcement(3, 0))
    assert positions(store) == [3]


def test_a_message_that_comes_too_early_waits_for_what_is_missing() -> None:
    store = Store()
    entries = [announcement(1, 0), announcement(4, 1), announcement(5, 4)]
    it = follower(store, Log(entries, visible=3))
    it.receive(entries[2])
    assert positions(store) == [1, 4, 5]


def test_a_follower_that_nobody_rings_finds_everything_by_itself() -> None:
    store = Store()
    entries = [announcement(n, n - 1) for n in range(1, 450)]
    assert follower(store, Log(entries, visible=449)).catch_up() == 449
    assert positions(store) == list(range(1, 450))


def test_nothing_is_applied_over_a_hole_in_the_producers_answer() -> None:
    store = Store()
    it = follower(store, Log([announcement(1, 0), announcement(5, 4)], visible=2))
    with pytest.raises(BrokenPromise):
        it.catch_up()
    assert positions(store) == [1]


def test_a_type_that_nobody_reacts_to_only_moves_the_cursor() -> None:
    store = Store()
    it = follower(store, Log([]))
    it.receive(announcement(2, 0, kind="case.ignored"))
    it.settle()
    assert (positions(store), store.cursor) == ([], 2)


def test_what_nobody_reacts_to_is_stored_once_for_many_or_with_the_next_reaction() -> None:
    store = Store()
    it = follower(store, Log([]))
    for position in (1, 2, 3):
        it.receive(announcement(position, position - 1, kind="case.ignored"))
    assert store.cursor == 0, "nothing is stored for what concerns nobody"
    it.receive(announcement(4, 3))
    assert (positions(store), store.cursor) == ([4], 4)
    it.receive(announcement(5, 4, kind="case.ignored"))
    it.settle()
    it.settle()
    assert store.cursor == 5


def test_who_forgot_what_was_passed_over_asks_the_producers_log_again() -> None:
    store = Store()
    entries = [announcement(1, 0, kind="case.ignored"), announcement(2, 1)]
    follower(store, Log([])).receive(entries[0])
    follower(store, Log(entries, visible=2)).receive(entries[1])
    assert (positions(store), store.cursor) == ([2], 2)


def test_what_was_passed_over_does_not_count_in_a_store_that_was_put_back() -> None:
    store = Store()
    entries = [announcement(1, 0), announcement(2, 1, kind="case.ignored"), announcement(3, 2)]
    it = follower(store, Log(entries, visible=3))
    it.receive(entries[0])
    it.receive(entries[1])
    store.cursor, store.applied = 0, []
    it.receive(entries[2])
    assert (positions(store), store.cursor) == ([1, 3], 3)


@pytest.mark.parametrize("further", [0, 1, 5])
def test_what_was_passed_over_is_not_stored_over_what_a_store_that_was_put_back_has_lost(
    further: int,
) -> None:
    store = Store()
    told = [announcement(n, n - 1) for n in range(1, 11)]
    told += [announcement(n, n - 1, kind="case.ignored") for n in range(11, 17)]
    it = follower(store, Log(told, visible=len(told)))
    for heard in told[:5]:
        it.receive(heard)
    store.copy()
    for heard in told[5 : 11 + further]:
        it.receive(heard)
    store.put_back()
    it.settle()
    assert store.cursor == 5
    it.catch_up()
    assert (positions(store), store.cursor) == (list(range(1, 11)), 16)


def test_what_was_passed_over_does_not_hide_what_another_process_went_on_with() -> None:
    store = Store()
    it = follower(store, Log([]))
    it.receive(announcement(1, 0, kind="case.ignored"))
    store.cursor = 3
    it.receive(announcement(2, 1))
    it.receive(announcement(4, 3))
    it.settle()
    assert (positions(store), store.cursor) == ([4], 4)


def test_a_poison_message_stops_its_own_stream_and_no_other() -> None:
    store = Store(poison={1: 1})
    it = follower(store, Log([]))
    it.receive(announcement(1, 0, "a"))
    it.receive(announcement(2, 1, "b"))
    it.receive(announcement(3, 2, "a"))
    assert positions(store) == [2]
    assert sorted(store.parked) == [1, 3]
    assert store.cursor == 3


def test_a_parked_stream_is_retried_in_its_order_once_its_time_has_come() -> None:
    clock = Clock()
    store = Store(poison={1: 2})
    it = follower(store, Log([]), clock)
    it.receive(announcement(1, 0, "a"))
    it.receive(announcement(2, 1, "a"))
    assert it.retry_parked() == 0
    clock.forward(timedelta(seconds=2))
    assert it.retry_parked() == 0, "raises a second time, and must wait longer"
    clock.forward(timedelta(seconds=10))
    assert it.retry_parked() == 2
    assert positions(store) == [1, 2]
    it.receive(announcement(3, 2, "a"))
    assert positions(store) == [1, 2, 3]


def test_a_reaction_that_finds_something_away_is_repeated_before_its_stream_is_parked() -> None:
    waits: list[int] = []

    class Away(Store):
        def react(self, announcement: Announcement) -> None:
            if len(waits) < 2:
                raise Unavailable()
            super().react(announcement)

    store = Away()
    it = Follower("consent", "intake", store, Log([]).after, Clock(), pause=waits.append)
    it.receive(announcement(1, 0))
    assert (positions(store), store.parked, waits) == ([1], {}, [1, 2])


def test_a_store_that_is_away_parks_nothing_and_moves_nothing() -> None:
    class Away(Store):
        def react(self, announcement: Announcement) -> None:
            raise ConnectionError

    store = Away()
    it = Follower(
        "consent", "intake", store, Log([]).after, Clock(), infrastructure=(ConnectionError,)
    )
    with pytest.raises(ConnectionError):
        it.receive(announcement(1, 0))
    assert (store.cursor, store.parked) == (0, {})


def test_waiting_grows_and_stays_bounded() -> None:
    waits = [backoff(n) for n in range(1, 60)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=1), timedelta(minutes=5))
