"""A repeat is told from another command without looking at anybody's words."""

from __future__ import annotations

import json
from typing import Annotated, ClassVar
from uuid import UUID, uuid4

import pytest

from shared.contracts.base import Command, Model, ShownOnce, words
from shared.contracts.refusal import NotFound, Refused
from shared.eventstore.repeats import (
    answer_again,
    fingerprint,
    scope,
    stored_answer,
    stored_refusal,
)
from shared.identity.principal import Principal

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
    whose: UUID
    text: words("notes")
    inner: tuple[Inner, ...] = ()


class TellOther(Tell):
    pass


def tell(text: str = "hers", number: int = 1, whose: UUID = WHOSE) -> Tell:
    return Tell(whose=whose, text=text, inner=(Inner(number=number, text=text),))


def test_words_make_no_difference_at_any_depth() -> None:
    assert fingerprint(KEY, tell("a")) == fingerprint(KEY, tell("b"))


def test_everything_else_does() -> None:
    other = TellOther(whose=WHOSE, text="hers", inner=tell().inner)
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
    assert kept == '{"ok": {"state": "done"}}'
    assert answer_again(tell(), {"ok": {"state": "done"}}) == Told(state="done")


def test_a_refusal_on_record_is_refused_alike() -> None:
    with pytest.raises(Refused) as caught:
        answer_again(tell(), json.loads(stored_refusal(NotFound())))
    assert caught.value.as_data() == NotFound().as_data()
