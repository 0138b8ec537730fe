"""The judge of answers that overlapped knows a good history from a bad one."""

from __future__ import annotations

import pytest

from tests.chaos.linearizable import Operation, is_linearizable
from tests.chaos.withdrawing import spec


def history(*operations: tuple[str, float, float, str]) -> list[Operation]:
    return [Operation(*operation) for operation in operations]


@pytest.mark.parametrize(
    "good",
    [
        [("give", 0, 9, "given"), ("ask", 1, 2, "granted"), ("withdraw", 3, 4, "ended")],
        [("give", 0, 9, "given"), ("ask", 1, 2, "nothing_released")],
        [("withdraw", 0, 5, "ended"), ("give", 1, 2, "given"), ("ask", 3, 4, "granted")],
        [
            ("withdraw", 0, 5, "ended"),
            ("give", 1, 6, "grant_ended"),
            ("ask", 2, 9, "nothing_released"),
        ],
        [
            ("give", 0, 1, "given"),
            ("ask", 2, 3, "granted"),
            ("fetch|a", 4, 9, "handed over"),
            ("withdraw", 5, 6, "ended"),
            ("ask", 7, 8, "nothing_released"),
        ],
        [
            ("give", 0, 1, "given"),
            ("fetch|a", 4, 9, "handed over"),
            ("fetch|b", 4, 9, "handed over"),
            ("withdraw", 5, 6, "ended"),
        ],
    ],
)
def test_an_order_is_found_where_there_is_one(good: list[tuple[str, float, float, str]]) -> None:
    assert is_linearizable(history(*good), "explained", spec)


@pytest.mark.parametrize(
    "bad",
    [
        [("give", 0, 1, "given"), ("withdraw", 2, 3, "ended"), ("ask", 4, 5, "granted")],
        [("ask", 0, 1, "granted"), ("give", 2, 3, "given")],
        [("withdraw", 0, 1, "ended"), ("give", 2, 3, "given")],
        [
            ("give", 0, 1, "given"),
            ("withdraw", 2, 9, "ended"),
            ("ask", 3, 4, "nothing_released"),
            ("ask", 5, 6, "granted"),
        ],
        [("give", 0, 1, "given"), ("ask", 2, 3, "nothing_released"), ("ask", 4, 5, "granted")],
        [
            ("give", 0, 1, "given"),
            ("withdraw", 2, 3, "ended"),
            ("fetch|a", 4, 5, "handed over"),
        ],
        [
            ("give", 0, 1, "given"),
            ("fetch|a", 2, 9, "handed over"),
            ("fetch|a", 3, 9, "handed over"),
        ],
    ],
    ids=["late", "early", "revived", "back and forth", "came late", "taken late", "taken twice"],
)
def test_no_order_is_made_up_where_there_is_none(bad: list[tuple[str, float, float, str]]) -> None:
    assert not is_linearizable(history(*bad), "explained", spec)
