"""A service holds a key for a minute at most, and forgets it when told."""

from __future__ import annotations

import base64
import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from threading import Thread
from threading import enumerate as enumerate_threads
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.base import Model, Request
from shared.contracts.keyring import LEASE_SECONDS, DataKeyById, OpenDataKey, OpenedKey
from shared.contracts.refusal import NotFound, Refused, Unavailable
from shared.sealing.keys import EARLY, CachedKeySource, DataKey, KeyDestroyed, KeyNotYours
from shared.sealing.marks import mark
from tests.support.eventually import eventually

PERSON = uuid4()


class Keyring:
    """Answers as the keyring does, and counts."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.refuse: Refused | None = None
        self.during: Callable[[], None] = lambda: None
        self.ids: dict[tuple[UUID, str], UUID] = {}

    def call(
        self, service: str, method: str, request: Any, ctx: Any, command_id: UUID | None = None
    ) -> Model:
        assert (service, method) == ("keyring", request.method())
        assert command_id is None, "an answer with a key in it is never stored"
        self.asked.append(request)
        self.during()
        if self.refuse:
            raise Refused.from_data(self.refuse.as_data())
        if isinstance(request, OpenDataKey):
            subject = (request.participation_id, request.record_class)
            key_id = self.ids.setdefault(subject, uuid4())
        else:
            key_id = request.key_id
            subject = next(s for s, k in self.ids.items() if k == key_id)
        return OpenedKey(
            key_id=key_id,
            participation_id=subject[0],
            record_class=subject[1],
            secret=base64.b64encode(key_id.bytes * 2).decode(),
        )


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keyring() -> Keyring:
    return Keyring()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(keyring: Keyring, clock: Clock) -> CachedKeySource:
    return CachedKeySource(keyring, monotonic=clock)


def test_a_key_is_asked_for_once_while_it_is_held(keys: CachedKeySource, keyring: Keyring) -> None:
    key = keys.current(PERSON, "needs")
    assert keys.current(PERSON, "needs") == key
    assert keys.by_id(key.key_id) == key
    assert len(keyring.asked) == 1


def test_a_key_opened_by_its_id_also_closes(keys: CachedKeySource, keyring: Keyring) -> None:
    keyring.ids[(PERSON, "needs")] = uuid4()
    key = keys.by_id(keyring.ids[(PERSON, "needs")])
    assert keys.current(PERSON, "needs") == key
    assert [type(a) for a in keyring.asked] == [DataKeyById]


def test_people_and_classes_have_their_own_keys(keys: CachedKeySource) -> None:
    found = {keys.current(p, c).key_id for p in (PERSON, uuid4()) for c in ("needs", "notes")}
    assert len(found) == 4


def test_after_a_minute_it_asks_again(
    keys: CachedKeySource, keyring: Keyring, clock: Clock
) -> None:
    key = keys.current(PERSON, "needs")
    clock.now += LEASE_SECONDS
    keys.by_id(key.key_id)
    assert len(keyring.asked) == 2


def test_the_minute_counts_from_the_question_not_from_the_answer(
    keys: CachedKeySource, keyring: Keyring, clock: Clock
) -> None:
    def slowly() -> None:
        clock.now += 50

    keyring.during = slowly
    keys.current(PERSON, "needs")
    clock.now += 11
    keys.current(PERSON, "needs")
    assert len(keyring.asked) == 2


def test_while_the_keyring_is_away_held_keys_work_and_others_do_not(
    keys: CachedKeySource, keyring: Keyring
) -> None:
    key = keys.current(PERSON, "needs")
    keyring.refuse = Unavailable()
    assert keys.current(PERSON, "needs") == key
    with pytest.raises(Refused) as away:
        keys.current(PERSON, "letters")
    assert away.value.because == "unavailable"


def test_a_forgotten_key_is_gone_at_once(keys: CachedKeySource, keyring: Keyring) -> None:
    needs, notes = keys.current(PERSON, "needs"), keys.current(PERSON, "notes")
    keys.forget(PERSON, ["needs"])
    keyring.refuse = KeyDestroyed()
    for ask in (lambda: keys.current(PERSON, "needs"), lambda: keys.by_id(needs.key_id)):
        with pytest.raises(KeyDestroyed):
            ask()
    assert keys.by_id(notes.key_id) == notes


def test_an_answer_on_its_way_while_the_key_is_destroyed_is_not_kept(
    keys: CachedKeySource, keyring: Keyring
) -> None:
    keyring.during = lambda: keys.forget(PERSON, ["needs"])
    with pytest.raises(KeyDestroyed):
        keys.current(PERSON, "needs")
    keyring.during = lambda: None
    keyring.refuse = KeyDestroyed()
    with pytest.raises(KeyDestroyed):
        keys.current(PERSON, "needs")


@pytest.mark.parametrize("refusal", [KeyDestroyed, KeyNotYours])
def test_the_keyrings_refusals_arrive_as_what_they_are(
    keys: CachedKeySource, keyring: Keyring, refusal: type[Refused]
) -> None:
    keyring.refuse = refusal()
    with pytest.raises(refusal):
        keys.current(PERSON, "needs")


def test_any_other_refusal_is_passed_on(keys: CachedKeySource, keyring: Keyring) -> None:
    keyring.refuse = NotFound()
    with pytest.raises(Refused) as refused:
        keys.by_id(uuid4())
    assert refused.value.code == "not_found"


def test_every_process_is_a_holder_of_its_own(keyring: Keyring) -> None:
    CachedKeySource(keyring).current(PERSON, "needs")
    CachedKeySource(keyring).current(PERSON, "needs")
    assert len({a.holder for a in keyring.asked}) == 2  # type: ignore[attr-defined]


def test_what_is_held_does_not_grow_with_time(keys: CachedKeySource, clock: Clock) -> None:
    for _ in range(50):
        person = uuid4()
        keys.current(person, "needs")
        keys.forget(uuid4(), ["needs"])
        clock.now += 10 * LEASE_SECONDS
    assert len(keys._held) + len(keys._current) + len(keys._forgotten) <= 4


def secrets(keys: CachedKeySource) -> list[bytes]:
    """What of anybody's keys is in memory here: each secret, and what was derived from it."""
    gc.collect()
    own = {id(held.key) for held in keys._held.values()}
    found = [o for o in gc.get_objects() if isinstance(o, DataKey) and o.participation_id == PERSON]
    assert {id(key) for key in found} >= own
    return [part for key in found for part in (key.secret, key._marks, key._extracted) if part]


def lookers() -> list[Thread]:
    return [thread for thread in enumerate_threads() if thread.name == "sayso-keys"]


def test_whoever_asks_for_nothing_any_more_holds_nothing_after_the_loan(
    keys: CachedKeySource, clock: Clock
) -> None:
    """Neither secrets nor what was derived from them; without another question or any news."""
    mark(keys.current(PERSON, "needs"), [("words", "a canary")])
    keys.current(PERSON, "notes").expanded(b"a field")
    assert len(secrets(keys)) == 4

    clock.now += LEASE_SECONDS

    eventually(lambda: secrets(keys) == [], within=10)
    assert keys._current == {}


def test_a_key_is_dropped_before_its_loan_ends_and_not_long_before(
    keys: CachedKeySource, clock: Clock
) -> None:
    keys.current(PERSON, "needs")
    clock.now += LEASE_SECONDS - EARLY - 0.001
    assert keys._look()
    assert len(secrets(keys)) == 1
    clock.now += 0.001
    assert not keys._look()
    assert secrets(keys) == []


def test_it_looks_only_while_something_is_held(
    keys: CachedKeySource, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sealing.keys.LOOK_EVERY", 0.01)
    before = len(lookers())
    keys.current(PERSON, "needs")
    keys.current(uuid4(), "needs")
    assert len(lookers()) == before + 1, "one looks, however much is held"
    clock.now += LEASE_SECONDS
    eventually(lambda: len(lookers()) == before)

    keys.current(PERSON, "needs")
    assert len(lookers()) == before + 1, "and another when something is held again"
    clock.now += LEASE_SECONDS
    eventually(lambda: secrets(keys) == [])


def test_a_key_whose_loan_ran_out_on_its_way_is_neither_kept_nor_used(
    keys: CachedKeySource, keyring: Keyring, clock: Clock
) -> None:
    def slowly() -> None:
        clock.now += LEASE_SECONDS

    keyring.during = slowly
    with pytest.raises(Unavailable):
        keys.current(PERSON, "needs")
    assert secrets(keys) == []


def test_whoever_is_closed_holds_nothing_and_can_still_answer(keys: CachedKeySource) -> None:
    keys.current(PERSON, "needs")
    keys.close()
    assert secrets(keys) == []
    assert keys.current(PERSON, "needs").participation_id == PERSON
    assert secrets(keys) == []


def test_a_source_that_nobody_needs_is_let_go_with_all_that_it_held(keyring: Keyring) -> None:
    keys = CachedKeySource(keyring)
    keys.current(PERSON, "needs")
    gone = weakref.ref(keys)
    del keys
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("form", ["threads", "greenlets"])
def test_an_idle_process_of_either_kind_holds_nothing_after_the_loan(form: str) -> None:
    """As it is run: on threads, and on eventlet's greenlets, with nothing to do but wait."""
    patched = "import eventlet; eventlet.monkey_patch()\n" if form == "greenlets" else ""
    program = patched + _IDLE
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "held 2\nheld 0\n"), done.stderr


_IDLE = """
import gc, threading, time
from shared.contracts.keyring import LEASE_SECONDS
from shared.sealing.keys import DataKey
from tests.unit.sealing.test_cached_keys import PERSON, CachedKeySource, Keyring

def held():
    gc.collect()
    return sum(isinstance(o, DataKey) for o in gc.get_objects())

ahead = 0.0
keys = CachedKeySource(Keyring(), monotonic=lambda: time.monotonic() + ahead)
for record_class in ("needs", "notes"):
    keys.current(PERSON, record_class).expanded(b"a field")
print("held", held())
ahead = LEASE_SECONDS
for _ in range(100):
    threading.Event().wait(0.1)
    if not held():
        break
print("held", held())
"""
