"""How a process that somebody started by hand is asked to end, so that it can leave nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, ``kill``, and a terminal that was closed."""


@contextmanager
def interruptible() -> Iterator[None]:
    """In this block, which the main thread runs, each of them raises ``KeyboardInterrupt``, once.

    The others are not heard any more: what ends because of the first is not
    interrupted again. Whatever was ignored before, as under ``nohup``, stays ignored.
    """
    asked = False

    def interrupt(*_: object) -> None:
        nonlocal asked
        if not asked:
            asked = True
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in ASKING}
    heard = [number for number in ASKING if before[number] is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        if not asked:
            for number in heard:
                signal.signal(number, before[number])


def until_asked() -> None:
    """Wait, in an ``interruptible`` block, and return when somebody asks.

    Not for ever at once: a signal that comes just before a system call waits interrupts
    nothing, and is heard when that returns.
    """
    try:
        while True:
            threading.Event().wait(0.5)
    except KeyboardInterrupt:
        return
