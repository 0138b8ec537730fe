"""A process of ours looks seldom for what only holds itself, and finds it all the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from shared import run
from shared.collecting import AFTER


class Loop:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def looks_while(objects: int) -> int:
    """How many looks there are while so many objects come and stay."""
    gc.collect()
    before = sum(each["collections"] for each in gc.get_stats())
    kept = [[number] for number in range(objects)]
    assert len(kept) == objects
    return sum(each["collections"] for each in gc.get_stats()) - before


def test_a_page_of_a_history_is_read_without_a_look(capsys: pytest.CaptureFixture[str]) -> None:
    page = 5_000
    gc.set_threshold(700, 10, 10)
    assert looks_while(page) > 1

    assert run.main([]) == 2
    assert looks_while(page) == 0


def test_what_only_holds_itself_goes_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    run.main([])
    lost = weakref.ref(Loop())
    assert looks_while(2 * AFTER) > 0
    assert lost() is None
