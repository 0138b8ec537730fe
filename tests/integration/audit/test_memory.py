"""A long log takes time, and no more memory than a short one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from services.audit.checks.history import StoredLog
from services.audit.checks.invariants import CHECKED, Finding, judge
from shared.command_line import Reading
from tests.integration.audit.books import Books
from tests.integration.audit.lives import Lives
from tests.integration.audit.plants import PLANTS, Plant


def most_retained(lives: Lives, most: int) -> int:
    """The largest number of things that any invariant ever remembered."""
    history = lives.history()
    machines = [made(history, most) for made in CHECKED]
    largest = 0
    for entry in history.entries():
        for machine in machines:
            for _ in machine.see(entry):
                pass
            largest = max(largest, machine.retained)
    return largest


def test_what_is_remembered_does_not_grow_with_the_log() -> None:
    short, long = most_retained(Lives(100, 10), most=20), most_retained(Lives(1_500, 10), most=20)
    # Three memories at most: releases, what was erased, disclosures that nobody took.
    assert 0 < short == long <= 3 * 20


def test_what_was_forgotten_is_looked_up_and_the_findings_are_the_same() -> None:
    def found(most: int) -> list[Finding | object]:
        return list(judge(Lives(120, 7, wide=30).history(), most=most))

    everything = found(1_000_000)
    assert len(everything) == 18
    assert found(20) == found(1) == everything


@pytest.mark.parametrize(
    "plant", [plant for _, _, plant in PLANTS], ids=[what for _, what, _ in PLANTS]
)
def test_an_invariant_that_remembers_one_stream_finds_what_one_that_remembers_all_finds(
    plant: Plant, healthy: Books
) -> None:
    plant(healthy)
    history = healthy.renumber().history()
    assert list(judge(history, most=1)) == list(judge(history, most=1_000_000))


def test_a_log_stays_in_the_database_and_is_fetched_from_a_cursor_there(
    healthy: Books, reading: Callable[[Books], Reading]
) -> None:
    given = reading(healthy)
    with given.connection("consent") as connection:
        entries = StoredLog("consent", connection).entries()
        next(entries)
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_cursors")
            [[statement]] = cursor.fetchall()
    assert "ORDER BY position" in statement
