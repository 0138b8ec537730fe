"""A repeat is told from another command, by words too for as long as their key lives."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

import pytest

from shared.contracts.base import Command, Model, ShownOnce, words
from shared.contracts.refusal import NotFound, Refused
from shared.eventstore.repeats import (
    answer_again,
    fingerprint,
    marks,
    same_words,
    scope,
    stored_answer,
    stored_refusal,
)
from shared.identity.principal import Principal
from shared.sealing.keys import DataKey, KeyDestroyed

KEY = b"k" * 32
WHOSE = UUID(int=1)


class Told(Model):
    state: str
    code: Annotated[str | None, ShownOnce()] = None


class Inner(Model):
    number: int
    text: words("notes")


class Tell(Command):
    returns: ClassVar[type[Model]] = Told
    participation_id: UUID
    text: words("notes")
    inner: tuple[Inner, ...] = ()


class TellOther(Tell):
    pass


def tell(text: str = "hers", number: int = 1, whose: UUID = WHOSE) -> Tell:
    return Tell(participation_id=whose, text=text, inner=(Inner(number=number, text=text),))


class Keys:
    """One key for each class of a participation, until it is destroyed."""

    def __init__(self) -> None:
        self.live: dict[UUID, DataKey] = {}

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        for key in self.live.values():
            if (key.participation_id, key.record_class) == (participation_id, record_class):
                return key
        key = DataKey(uuid4(), participation_id, record_class, uuid4().bytes * 2)
        return self.live.setdefault(key.key_id, key)

    def by_id(self, key_id: UUID) -> DataKey:
        if key_id not in self.live:
            raise KeyDestroyed
        return self.live[key_id]

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        """Nothing is held beside what lives."""


def kept_of(keys: Keys, command: Tell) -> Any:
    return json.loads(marks(keys, command) or "null")


def test_the_same_words_are_known_again_and_others_are_told_apart() -> None:
    keys = Keys()
    kept = kept_of(keys, tell())

    assert same_words(keys, tell(), kept)
    for other in (
        tell("his"),
        Tell(participation_id=WHOSE, text="hers"),
        Tell(participation_id=WHOSE, text="hers", inner=(Inner(number=1, text="his"),)),
        Tell(participation_id=WHOSE, text="hershers"),
    ):
        assert not same_words(keys, other, kept)


def test_what_is_kept_holds_neither_words_nor_anything_to_test_a_guess_with() -> None:
    keys = Keys()
    kept = kept_of(keys, tell("hers"))

    assert "hers" not in json.dumps(kept)
    stranger = Keys()
    stranger.live = {id: replace(key, secret=bytes(32)) for id, key in keys.live.items()}
    assert not same_words(stranger, tell("hers"), kept)


def test_words_that_were_erased_pass_for_the_same() -> None:
    keys = Keys()
    kept = kept_of(keys, tell())
    keys.live.clear()

    assert same_words(keys, tell("his"), kept)


def test_a_command_without_words_keeps_no_mark() -> None:
    class Ask(Command):
        returns: ClassVar[type[Model]] = Told
        participation_id: UUID

    assert marks(Keys(), Ask(participation_id=WHOSE)) is None
    assert same_words(Keys(), Ask(participation_id=WHOSE), None)
    assert not same_words(Keys(), tell(), None)


def test_words_are_not_in_the_fingerprint_at_any_depth() -> None:
    assert fingerprint(KEY, tell("a")) == fingerprint(KEY, tell("b"))


def test_everything_else_does() -> None:
    other = TellOther(participation_id=WHOSE, text="hers", inner=tell().inner)
    given = [tell(), tell(number=2), tell(whose=uuid4()), other]
    assert len({fingerprint(KEY, each) for each in given}) == 4


def test_without_the_key_nobody_can_test_a_guess() -> None:
    assert fingerprint(KEY, tell()) != fingerprint(b"x" * 32, tell())


def test_a_key_is_that_of_one_principal() -> None:
    same = uuid4()
    survivor, staff = Principal.survivor(same), Principal.staff(same, "advocate", uuid4())
    assert scope(survivor) != scope(staff)


def test_what_is_shown_once_is_not_kept() -> None:
    kept = stored_answer(Told(state="done", code="secret"))
    assert json.loads(kept) == {"ok": {"state": "done"}}
    assert answer_again(tell(), {"ok": {"state": "done"}}) == Told(state="done")


def test_a_refusal_on_record_is_refused_alike() -> None:
    with pytest.raises(Refused) as caught:
        answer_again(tell(), json.loads(stored_refusal(NotFound())))
    assert caught.value.as_data() == NotFound().as_data()
