"""A producer, a broker that misbehaves and a consumer, all in memory and all from one seed.

The relay and the follower are the platform's own. What surrounds them drops,
duplicates, reorders, forgets, dies, and is put back to an earlier copy while they
live: ``simulate(seed)`` twice is the same history twice, step by step.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from shared.messaging.announcement import Announcement
from shared.messaging.follower import Follower
from shared.messaging.relay import Relay
from tests.unit.messaging.world import Broker, Clock, Crash, Log, Store, log_of

STEPS = 300
CRASHES = 0.05
"""How often a store dies before or after a commit."""


@dataclass
class History:
    """What happened, what was announced in the end, and what came of it."""

    seed: int
    log: Log
    store: Store
    broker: Broker
    trace: list[str] = field(default_factory=list)


def simulate(seed: int, follower_class: type[Follower] = Follower) -> History:
    """A history of faults, then quiet. ``follower_class`` is there to plant a fault in."""
    rng = random.Random(seed)
    entries = log_of(rng, rng.randrange(1, 40), rng.randrange(1, 5))
    poison = {e.position: rng.randrange(1, 4) for e in entries if rng.random() < 0.1}
    log, broker, clock = Log(entries, rng=rng, crash_rate=CRASHES), Broker(rng), Clock()
    store = Store(rng, crash_rate=CRASHES, poison=poison)
    history = History(seed, log, store, broker)

    def started() -> Follower:
        return follower_class("consent", "intake", store, log.after, clock, infrastructure=(Crash,))

    def step() -> str:
        what = rng.random()
        if what < 0.25:
            log.visible = min(len(entries), log.visible + rng.randrange(1, 4))
            return f"stored up to {log.visible}"
        if what < 0.5:
            return f"announced {relay.run_once()}"
        if what < 0.9:
            body = broker.deliver()
            if body is None:
                return "nothing to deliver"
            announcement = Announcement.from_json(body)
            follower.receive(announcement)
            return f"received {announcement.id}"
        if what < 0.93:
            clock.forward(timedelta(seconds=rng.randrange(1, 20)))
            return f"tried again {follower.retry_parked()}"
        if what < 0.96:
            follower.settle()
            return "settled"
        if what < 0.975:
            return f"the store was copied at {store.copy()}"
        if what < 0.985:
            return f"the store was put back to {store.put_back()}"
        return f"asked for {follower.catch_up()}"

    follower, relay = started(), Relay("intake", log, broker.publish)
    for _ in range(STEPS):
        try:
            history.trace.append(step())
        except ConnectionError:
            history.trace.append("the broker went away")
        except Crash:
            history.trace.append("a process died")
            follower, relay = started(), Relay("intake", log, broker.publish)
    store.crash_rate = log.crash_rate = 0.0
    log.visible = len(entries)
    follower.catch_up()
    for _ in range(200):
        clock.forward(timedelta(minutes=6))
        follower.retry_parked()
        if not store.parked:
            break
    return history


def judge(history: History) -> list[str]:
    """What of the promise was broken: nothing lost, twice, out of its stream's order, or parked."""
    store, seed = history.store, history.seed
    wanted = by_stream(e for e in history.log.entries if store.follows(e))
    came = by_stream(store.applied)
    found = [
        f"seed {seed}: stream {stream}: {came.get(stream, [])} instead of {wanted.get(stream, [])}"
        for stream in sorted({*wanted, *came})
        if came.get(stream) != wanted.get(stream)
    ]
    last = history.log.entries[-1].position
    if store.cursor != last:
        found.append(f"seed {seed}: consumed up to {store.cursor} instead of {last}")
    if store.parked:
        found.append(f"seed {seed}: still parked: {sorted(store.parked)}")
    return found


def by_stream(messages: Iterable[Announcement]) -> dict[str, list[int]]:
    """Stream → the positions that came of it, in the order in which they came."""
    found: dict[str, list[int]] = defaultdict(list)
    for message in messages:
        found[message.stream_id].append(message.position)
    return dict(found)
