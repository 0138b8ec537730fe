"""Crashes at every step and noes at every moment: never twice, and nothing after a no was heard."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Event
from typing import Any
from uuid import UUID

import pytest

from services.notifications import effects
from services.notifications.adapters.smtp import Handover
from services.notifications.domain.notice import HAND_OVER, Notice
from shared.contracts.base import Request
from shared.contracts.notifications import ChooseTopic, DeclareChannelUnsafe, DropTopic
from shared.contracts.refusal import Unavailable
from shared.scheduler.scheduler import Scheduler
from tests.integration.notifications.world import World, relay_at
from tests.support.eventually import eventually
from tests.support.examples import MARIA
from tests.support.mail import ScriptedRelay
from tests.support.postgres import Databases
from tests.unit.notifications import news

ROOT = Path(__file__).parents[3]


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay() as relay:
        yield relay


@pytest.fixture
def world(databases: Callable[..., Databases], relay: ScriptedRelay) -> Iterator[World]:
    world = World(databases("notifications"), relay_at(relay.port))
    world.are_told()
    yield world
    world.app.close()


def chosen(world: World) -> UUID:
    channel_id: UUID = world.do(news.declare_safe()).channel_id
    world.do(ChooseTopic(participation_id=MARIA, topic="sharing"))
    world.hear(news.grant_given())
    return channel_id


def unsafe(channel_id: UUID) -> DeclareChannelUnsafe:
    return DeclareChannelUnsafe(participation_id=MARIA, channel_id=channel_id)


# -- crashes -----------------------------------------------------------------------------------


class Crash(BaseException):
    """The process is gone: nothing of it runs any more, not even what follows a failure."""


def before_the_intent(world: World, patch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> None:
        raise Crash

    patch.setattr(world.app.sending, "_begin", crash)


def after_the_intent(world: World, patch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> None:
        raise Crash

    patch.setattr(Handover, "give", crash)


def after_it_was_taken(world: World, patch: pytest.MonkeyPatch) -> None:
    give = Handover.give

    def crash(self: Handover, message: bytes, until: float) -> None:
        give(self, message, until)
        raise Crash

    patch.setattr(Handover, "give", crash)


def before_the_outcome_is_stored(world: World, patch: pytest.MonkeyPatch) -> None:
    def crash(notice: Notice, *, at: Any) -> None:
        raise Crash

    patch.setattr(Notice, "sent", crash)


@pytest.mark.parametrize(
    ("crash", "taken", "follows"),
    [
        (before_the_intent, 1, "sent"),
        (after_the_intent, 0, "unknown"),
        (after_it_was_taken, 1, "unknown"),
        (before_the_outcome_is_stored, 1, "unknown"),
    ],
)
def test_after_a_crash_at_any_step_it_is_sent_once_or_not_at_all(
    world: World,
    relay: ScriptedRelay,
    monkeypatch: pytest.MonkeyPatch,
    crash: Callable[[World, pytest.MonkeyPatch], None],
    taken: int,
    follows: str,
) -> None:
    chosen(world)
    with monkeypatch.context() as patch:
        crash(world, patch)
        with pytest.raises(Crash):
            world.run_due()

    for _ in range(3):
        world.restart()
        world.run_due()
        world.now += timedelta(minutes=4)

    assert len(relay.taken) == taken
    assert world.states() == [(follows, None)]
    assert world.due() == []


KILLED = """
import json, sys
from datetime import datetime
from uuid import UUID
from services.notifications.service import build
from shared.eventstore.edge import Edge
from shared.messaging.pages import Announcements
from shared.scheduler.scheduler import Scheduler
from shared.sealing.keys import DataKey

dsns, environ, now = json.loads(sys.argv[1])
now = datetime.fromisoformat(now)

class Keys:
    def by_id(self, key_id):
        whose = UUID(sys.argv[2])
        return DataKey(key_id, whose, "contact", whose.bytes * 2)

class NothingNew:
    def call(self, *_):
        return Announcements(events=())

app = build(Edge("notifications", dsns.__getitem__, Keys(), NothingNew(), bytes(32), lambda: now,
                 secrets={"message_id": b"k" * 32}, settings=environ))["app"]
print("ready", flush=True)
Scheduler("notifications", app, lambda: now).run_once()
print("done", flush=True)
"""


@pytest.mark.parametrize("moment", ["before_data", "before_end"])
def test_a_process_that_is_killed_while_it_hands_over_leaves_no_second_message(
    world: World, relay: ScriptedRelay, moment: str
) -> None:
    """``SIGKILL`` when the intent is stored, and when the relay has it and has not said so."""
    chosen(world)
    stores = world.stores
    dsns = {kind: stores.dsn("notifications", kind) for kind in ("committer", "query", "relay")}
    given = json.dumps([dsns, world.environ, world.now.isoformat()])
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", KILLED, given, str(MARIA)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    setattr(relay, moment, lambda: os.kill(child.pid, signal.SIGKILL))
    out, _ = child.communicate(timeout=60)
    assert (out, child.returncode) == ("ready\n", -signal.SIGKILL)
    setattr(relay, moment, lambda: None)
    assert world.states() == [("sending", None)]

    for _ in range(3):
        world.now += effects.SETTLE_AFTER
        world.run_due()

    assert world.states() == [("unknown", None)]
    assert len(relay.taken) == (1 if moment == "before_end" else 0)


def test_where_the_outcome_cannot_be_stored_it_stays_unknown(
    world: World, relay: ScriptedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(world)
    store, calls = world.app._log.store, []

    def away(decision: Any) -> Any:
        calls.append(decision)
        if len(calls) == 2:
            raise Unavailable
        return store(decision)

    with monkeypatch.context() as patch:
        patch.setattr(world.app._log, "store", away)
        world.run_due()
    world.now += effects.SETTLE_AFTER
    world.run_due()

    assert len(relay.taken) == 1
    assert world.states() == [("unknown", None)]


def test_two_processes_send_one_message(world: World, relay: ScriptedRelay) -> None:
    other = World(world.stores, world.environ)
    other.keys = world.keys
    other.restart()
    chosen(world)
    for message in (news.grant_revoked, news.disclosure_made, *[news.grant_given] * 8):
        world.hear(message())
    together = Barrier(2)

    def turn(app: Any) -> None:
        together.wait(10)
        for _ in range(3):
            Scheduler("notifications", app, lambda: world.now).run_once()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(turn, w.app) for w in (world, other)]:
            done.result(timeout=60)
    other.app.close()

    assert {state for state, _ in world.states()} == {"sent"}
    assert len(relay.taken) == 11


# -- a no at every moment ----------------------------------------------------------------------


@pytest.mark.rule("R71")
@pytest.mark.rule("I09")
@pytest.mark.parametrize(
    "no", [unsafe, lambda _: DropTopic(participation_id=MARIA, topic="sharing")]
)
def test_a_no_stored_between_the_check_and_the_intent_counts(
    world: World,
    relay: ScriptedRelay,
    monkeypatch: pytest.MonkeyPatch,
    no: Callable[[UUID], Request],
) -> None:
    channel_id = chosen(world)
    begin, asked = Notice.begin_sending, list[str]()

    def meanwhile(notice: Notice, *args: Any, **more: Any) -> Any:
        if not asked:
            asked.append("no")
            world.do(no(channel_id))
        return begin(notice, *args, **more)

    monkeypatch.setattr(Notice, "begin_sending", meanwhile)
    world.run_due()
    world.run_due()

    assert asked == ["no"]
    assert relay.taken == []
    assert world.states()[0][0] == "suppressed"


@pytest.mark.rule("R71")
def test_a_no_is_stored_at_once_and_answered_when_what_was_under_way_is_through(
    world: World, relay: ScriptedRelay
) -> None:
    channel_id = chosen(world)
    here, go_on = Event(), Event()

    def hold() -> None:
        here.set()
        go_on.wait(10)

    relay.before_end = hold
    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(world.run_due)
        assert here.wait(10)
        saying_no = pool.submit(world.do, unsafe(channel_id))
        eventually(lambda: world.rows("contact_channels")[0][13] == "unsafe", within=2)
        assert not saying_no.done()
        go_on.set()
        sending.result(timeout=10)
        saying_no.result(timeout=10)

    assert world.states() == [("sent", None)]


@pytest.mark.rule("R71")
def test_a_relay_that_dawdles_gets_nothing_more_and_holds_up_no_answer_beyond_the_bound(
    world: World, relay: ScriptedRelay
) -> None:
    channel_id = chosen(world)
    bound = HAND_OVER.total_seconds()
    relay.script = {"DATA": (bound + 2, "354 at last")}
    here = Event()
    relay.before_data = here.set
    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(world.run_due)
        assert here.wait(10)
        began = time.monotonic()
        world.do(unsafe(channel_id))
        answered_after = time.monotonic() - began
        sending.result(timeout=20)

    assert answered_after < bound + 1
    eventually(lambda: relay.serving == 0)  # it has read all that came
    assert relay.taken == []
    assert world.states() == [("queued", "relay_away")]
    world.now += timedelta(minutes=1)
    world.run_due()
    assert world.states() == [("suppressed", "unsafe")]


@pytest.mark.rule("R71")
@pytest.mark.rule("I09")
def test_in_a_hundred_races_nothing_arrives_after_the_answer_to_a_no(
    world: World, relay: ScriptedRelay
) -> None:
    chance = random.Random(4711)
    outcomes: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        for number in range(100):
            channel_id = chosen(world)
            relay.script = {"END": (chance.choice((0, 0, 0.02)), "250 taken")}
            wait, together = chance.random() * 0.03, Barrier(2)
            taken_before = len(relay.taken)

            def send(together: Barrier = together) -> None:
                together.wait(10)
                world.run_due()

            def say_no(
                together: Barrier = together, wait: float = wait, channel_id: UUID = channel_id
            ) -> float:
                together.wait(10)
                Event().wait(wait)
                world.do(unsafe(channel_id))
                return time.monotonic()

            sending, saying_no = pool.submit(send), pool.submit(say_no)
            answered = saying_no.result(timeout=20)
            sending.result(timeout=20)
            world.run_due()

            arrived = relay.taken[taken_before:]
            assert len(arrived) <= 1, number
            assert all(at < answered for at, _ in arrived), number
            [_, *_, (state, _)] = [("", None), *world.states()]
            assert state == ("sent" if arrived else "suppressed"), number
            outcomes.append(state)

    assert set(outcomes) == {"sent", "suppressed"}
