"""The inbox in a real database, without a broker."""

from __future__ import annotations

from datetime import timedelta

import psycopg2
import pytest

from shared.eventstore.edge import utc_now
from shared.messaging.follower import Follower
from shared.messaging.inbox import AlreadyConsumed
from shared.messaging.store_inbox import StoreInbox
from tests.integration.messaging.tales import Pair, Poison


def test_a_follower_that_looks_finds_everything_in_order(pair: Pair) -> None:
    pair.begin(3)
    for tale in pair.tales * 4:
        pair.teller.tell(tale)
    assert pair.follower().catch_up() == 15
    assert pair.heard() == pair.told() == {tale: [1, 2, 3, 4, 5] for tale in pair.tales}
    assert pair.follower().catch_up() == 0


def test_two_processes_that_follow_at_once_apply_each_message_once(pair: Pair) -> None:
    pair.begin(1)
    first, second = StoreInbox(pair.hearer, utc_now), StoreInbox(pair.hearer, utc_now)
    [told] = pair.teller.announcements(0, 10)
    first.react(told)
    for consume in (
        second.react,
        lambda a: second.skip(a, 0),
        lambda a: second.park(a, "late", 1, utc_now()),
    ):
        with pytest.raises(AlreadyConsumed):
            consume(told)
    assert pair.heard() == {pair.tales[0]: [1]}
    assert pair.parked() == 0


def test_a_handler_that_raises_stores_nothing_and_parks_its_own_stream_only(pair: Pair) -> None:
    pair.begin(2)
    bad, good = pair.tales
    pair.hearer.poison[Poison(bad, 2)] = 2
    for tale in (bad, good, bad):
        pair.teller.tell(tale)
    pair.follower().catch_up()
    assert pair.heard() == {bad: [1], good: [1, 2]}
    assert pair.parked() == 2


def test_a_parked_stream_goes_on_in_order_and_loses_nothing(pair: Pair) -> None:
    pair.begin(1)
    [tale] = pair.tales
    pair.hearer.poison[Poison(tale, 2)] = 2
    for _ in range(3):
        pair.teller.tell(tale)
    pair.follower().catch_up()
    later = [0]
    follower = Follower(
        "hearer",
        "teller",
        StoreInbox(pair.hearer, utc_now),
        pair.teller.announcements,
        lambda: utc_now() + timedelta(seconds=later[0]),
    )
    assert follower.retry_parked() == 0
    later[0] = 2
    assert follower.retry_parked() == 0, "it raises once more"
    later[0] = 10
    assert follower.retry_parked() == 3
    assert pair.heard() == {tale: [1, 2, 3, 4]}
    pair.teller.tell(tale)
    follower.catch_up()
    assert pair.heard() == {tale: [1, 2, 3, 4, 5]}


def test_two_processes_that_retry_a_parked_message_at_once_apply_it_once(pair: Pair) -> None:
    pair.begin(1)
    pair.hearer.poison[Poison(pair.tales[0], 1)] = 1
    pair.follower().catch_up()
    inbox = StoreInbox(pair.hearer, utc_now)
    [head] = inbox.heads("teller")
    inbox.react_parked(head)
    with pytest.raises(AlreadyConsumed):
        inbox.react_parked(head)
    assert pair.heard() == {pair.tales[0]: [1]}


def test_what_is_parked_names_the_error_and_repeats_nothing_of_it(pair: Pair) -> None:
    pair.begin(1)
    pair.hearer.poison[Poison(pair.tales[0], 1)] = 1
    pair.follower().catch_up()
    with psycopg2.connect(pair.hearer.edge.dsn("committer")) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT producer, position, reason, attempts FROM parked")
        assert cursor.fetchall() == [("teller", 2, "RuntimeError", 1)]
    connection.close()


def test_nothing_is_passed_over_in_a_store_that_is_before_where_that_began(pair: Pair) -> None:
    pair.begin(3)
    inbox = StoreInbox(pair.hearer, utc_now)
    first, second, third = pair.teller.announcements(0, 10)
    with pytest.raises(AlreadyConsumed):
        inbox.skip(third, second.position)
    assert inbox.standing("teller", "").cursor == 0
    inbox.skip(first, 0)
    inbox.skip(third, first.position)
    assert inbox.standing("teller", "").cursor == third.position
