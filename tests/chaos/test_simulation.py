"""Seeded faults in memory: what they may not do, and that a failing seed replays identically."""

from __future__ import annotations

from collections import Counter
from itertools import count

from shared.messaging.announcement import Announcement
from shared.messaging.follower import Follower
from tests.chaos.simulation import History, judge, simulate
from tests.chaos.sizes import CI


def test_whatever_the_broker_does_every_stream_is_applied_in_order_and_once() -> None:
    for seed in range(CI.simulation):
        assert judge(simulate(seed)) == []


def test_without_poison_the_order_holds_across_streams_too() -> None:
    for seed in range(50):
        store = (history := simulate(seed)).store
        if not store.poison:
            wanted = [e for e in history.log.entries if store.follows(e)]
            assert store.applied == wanted, f"seed {seed}"


def test_every_fault_that_is_promised_happens() -> None:
    histories = [simulate(seed) for seed in range(20)]
    seen = {line for history in histories for line in history.trace}
    assert {"the broker went away", "a process died", "settled"} <= seen
    assert len({line for line in seen if line.startswith("the store was put back")}) >= 5
    done = sum((history.broker.faults for history in histories), Counter[str]())
    assert all(done[what] >= 20 for what in ("dropped", "forgotten", "duplicated", "reordered"))


class Hasty(Follower):
    """Takes whatever arrives for the next one: never asks for what it missed."""

    def receive(self, announcement: Announcement) -> None:
        standing = self._inbox.standing(self.producer, announcement.stream_id)
        self._consume(announcement, standing)


class Trusting(Follower):
    """Believes its own memory of where it is, and not the store's."""

    def catch_up(self) -> int:
        self._inbox.cursor = max(0, self._inbox.cursor - 1)  # type: ignore[attr-defined]
        return super().catch_up()


class Sure(Follower):
    """Believes that what it passed over in memory still follows what is stored."""

    def settle(self) -> None:
        if self._passed is not None:
            self._passed = 0, self._passed[1]
        super().settle()


def failing(planted: type[Follower]) -> History:
    return next(h for h in (simulate(seed, planted) for seed in count()) if judge(h))


def test_a_planted_fault_is_found_and_its_seed_replays_identically() -> None:
    for planted in (Hasty, Trusting, Sure):
        first = failing(planted)
        assert first.seed < 200
        again = simulate(first.seed, planted)
        assert again.trace == first.trace
        assert again.store.applied == first.store.applied
        assert again.store.rng.getstate() == first.store.rng.getstate()
        assert judge(again) == judge(first)
        assert judge(simulate(first.seed)) == [], "it is the planted fault that was found"
