"""Waiting for what comes about by itself, never by sleeping a guessed time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], within: float = 10.0, every: float = 0.02) -> T:
    """What ``look`` returns once it returns something true and raises no ``AssertionError``.

    Any other exception passes through at once. After ``within`` seconds the last
    ``AssertionError`` is raised, or one that shows the last value.
    """
    deadline = time.monotonic() + within
    pause = Event()
    while True:
        failure: AssertionError | None = None
        value = None
        try:
            value = look()
            if value:
                return value
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure or AssertionError(f"still {value!r} after {within} s")
        pause.wait(every)
