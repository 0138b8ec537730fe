"""What a service does by itself, again and again: what neither a request nor a due row starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TURNS = "turns"
"""The key under which a service's ``build(edge)`` returns them."""


@dataclass(frozen=True)
class Turn:
    """``run`` every so many seconds, by one thread or greenlet of its own in each process.

    What it raises is logged, and tried again at the next turn. ``hears`` names a
    service whose storing starts a turn at once, where that can be heard.
    Processes of the same service run it side by side: it must bear that.
    """

    name: str
    run: Callable[[], object]
    every: float = 1.0
    hears: str | None = None
