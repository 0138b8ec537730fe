"""Every sealed value of an event is found, wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import uuid4

from shared.sealing.fields import map_sealed, sealed_in
from shared.sealing.sealed import Sealed


def words(text: str = "words") -> Sealed:
    return Sealed.pending(uuid4(), "notes", text)


@dataclass(frozen=True)
class Plan:
    title: str
    contact: Sealed


class Pair(NamedTuple):
    one: Sealed
    two: int


def test_all_are_found_with_their_paths() -> None:
    a, b, c, d, e = (words() for _ in range(5))
    state = {
        "words": a,
        "notes": [b, "x", (c,)],
        "plan": Plan("title", d),
        "pair": Pair(e, 1),
        "n": 1,
    }
    assert sealed_in(state) == {
        "words": a,
        "notes.0": b,
        "notes.2.0": c,
        "plan.contact": d,
        "pair.0": e,
    }


def test_they_are_replaced_and_all_else_stays() -> None:
    new = words("new")
    plan = Plan("title", words())
    state = {"plan": plan, "tags": ("a", "b"), "pair": Pair(words(), 2)}
    changed = map_sealed(state, lambda path, old: new)
    assert changed == {"plan": Plan("title", new), "tags": ("a", "b"), "pair": Pair(new, 2)}
    assert state["plan"] is plan


def test_a_value_without_words_is_handed_back_itself() -> None:
    @dataclass(frozen=True)
    class Count:
        n: int

    count = Count(1)
    assert map_sealed(count, lambda path, old: old) is count


def test_the_path_is_the_same_whether_a_sequence_is_a_list_or_a_tuple() -> None:
    value = words()
    assert sealed_in({"a": [value]}) == sealed_in({"a": (value,)})
