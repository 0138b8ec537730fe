"""What CI runs comes to an end: its limits and graces together stay under an hour."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / ".ci" / "run").read_text("utf-8")
HOUR = 60.0
STEP = re.compile(r"\bstep (\d+) ")
LIMIT = re.compile(r"\btimeout --kill-after=(\d+) (\d+)m ")
OF_A_STEP = re.compile(r'timeout --kill-after=(\d+) "\$\{minutes\}m"')
CAN_HANG = re.compile(r"(?:\bdocker |\bmake |local-images/build$)")


def longest(text: str) -> float:
    """Minutes until the last limit has run out and the last grace is over."""
    (grace,) = OF_A_STEP.findall(text)
    steps = sum(int(minutes) + int(grace) / 60 for minutes in STEP.findall(text))
    return steps + sum(int(minutes) + int(after) / 60 for after, minutes in LIMIT.findall(text))


def unlimited(text: str) -> list[str]:
    """Commands that could hang and have no limit of their own."""
    code = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    code = [line for line in code if not line.startswith("echo ")]
    parts = [part for line in code for part in re.split(r" && |; |\|\|", line)]
    return [
        part
        for part in parts
        if CAN_HANG.search(part) and not STEP.search(part) and not LIMIT.search(part)
    ]


def test_all_limits_together_stay_under_an_hour() -> None:
    assert 40 < longest(TEXT) < HOUR - 2
    assert len(STEP.findall(TEXT)) == 4


def test_nothing_that_can_hang_is_without_a_limit() -> None:
    assert unlimited(TEXT) == []


@pytest.mark.parametrize(
    "planted", ["docker pull postgres:17", "make soak", "[ -x x ] && docker info"]
)
def test_the_search_for_commands_without_a_limit_bites(planted: str) -> None:
    assert unlimited(TEXT + planted + "\n")


def test_a_longer_step_would_be_noticed() -> None:
    assert longest(TEXT.replace("step 28 ", "step 38 ")) > HOUR
