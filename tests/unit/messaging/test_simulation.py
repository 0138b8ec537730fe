"""Seeded faults: a failing seed replays identically (`-k seed` and the seed in the message)."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from datetime import timedelta

from shared.messaging.announcement import Announcement
from shared.messaging.follower import Follower
from shared.messaging.relay import Relay
from tests.unit.messaging.world import Broker, Clock, Crash, Log, Store, log_of

SEEDS = int(os.environ.get("SAYSO_SIMULATION_SEEDS", "500"))


def simulate(seed: int) -> tuple[list[Announcement], Store]:
    """A history of faults, then quiet; what was published, and what came of it."""
    rng = random.Random(seed)
    entries = log_of(rng, rng.randrange(1, 40), rng.randrange(1, 5))
    poison = {e.position: rng.randrange(1, 4) for e in entries if rng.random() < 0.1}
    log, broker, clock = Log(entries), Broker(rng), Clock()
    store = Store(rng, crash_rate=0.05, poison=poison)
    follower = Follower("consent", "intake", store, log.after, clock, infrastructure=(Crash,))
    relay = Relay("intake", log, broker.publish)

    def step() -> None:
        nonlocal follower
        what = rng.random()
        try:
            if what < 0.25:
                log.visible = min(len(entries), log.visible + rng.randrange(1, 4))
            elif what < 0.5:
                relay.run_once()
            elif what < 0.9 and (body := broker.deliver()):
                follower.receive(Announcement.from_json(body))
            elif what < 0.95:
                clock.forward(timedelta(seconds=rng.randrange(1, 20)))
                follower.retry_parked()
            else:
                follower.catch_up()
        except ConnectionError:
            pass
        except Crash:
            follower = Follower(
                "consent", "intake", store, log.after, clock, infrastructure=(Crash,)
            )

    for _ in range(300):
        step()
    store.crash_rate = 0.0
    log.visible = len(entries)
    follower.catch_up()
    for _ in range(200):
        clock.forward(timedelta(minutes=6))
        follower.retry_parked()
        if not store.parked:
            break
    return entries, store


def by_stream(messages: list[Announcement]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        found[message.stream_id].append(message.position)
    return dict(found)


def test_whatever_the_broker_does_every_stream_is_applied_in_order_and_once() -> None:
    for seed in range(SEEDS):
        entries, store = simulate(seed)
        wanted = by_stream([e for e in entries if store.follows(e)])
        assert by_stream(store.applied) == wanted, f"seed {seed}"
        assert (store.cursor, store.parked) == (entries[-1].position, {}), f"seed {seed}"


def test_a_seed_replays_identically() -> None:
    first, again = simulate(42)[1], simulate(42)[1]
    assert first.applied == again.applied
    assert first.rng.getstate() == again.rng.getstate()


def test_without_poison_the_order_holds_across_streams_too() -> None:
    for seed in range(50):
        entries, store = simulate(seed)
        if not store.poison:
            assert store.applied == [e for e in entries if store.follows(e)], f"seed {seed}"
