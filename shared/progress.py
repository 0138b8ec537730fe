"""How far a long work is, on stderr: a line that is written over, or now and then a new one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

_ON_A_SCREEN, _IN_A_FILE = 0.2, 2.0
"""Seconds between two tellings."""


class Progress:
    """Says ``<what>: <done> of <total>`` as time passes; nothing for what is done at once."""

    def __init__(
        self, out: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = sys.stderr if out is None else out
        self._monotonic = monotonic
        self._screen = self._out.isatty()
        self._every = _ON_A_SCREEN if self._screen else _IN_A_FILE
        self._told_at = monotonic()
        self._shown = 0

    def at(self, what: str, done: int, total: int | None = None) -> None:
        """``done`` of ``total`` are done; cheap enough to call at every page."""
        now = self._monotonic()
        if now - self._told_at < self._every:
            return
        self._told_at = now
        text = f"{what}: {done:,}" + (f" of {total:,}" if total is not None else "")
        if self._screen:
            self._out.write("\r" + text.ljust(self._shown))
            self._shown = len(text)
        else:
            self._out.write(text + "\n")
        self._out.flush()

    def clear(self) -> None:
        """Take the line off the screen, before something else is written."""
        if self._shown:
            self._out.write("\r" + " " * self._shown + "\r")
            self._out.flush()
            self._shown = 0
