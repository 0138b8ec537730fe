"""A service holds a key for a minute at most, and forgets it when told."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.base import Model, Request
from shared.contracts.keyring import LEASE_SECONDS, DataKeyById, OpenDataKey, OpenedKey
from shared.contracts.refusal import NotFound, Refused, Unavailable
from shared.sealing.keys import CachedKeySource, KeyDestroyed, KeyNotYours

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
