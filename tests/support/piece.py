"""How much of a long test one run does, and from which seed: more of it is for ``make soak``."""

from __future__ import annotations

import os
from dataclasses import dataclass

VARIABLE = "SAYSO_PIECE"
"""``SEED:COUNT``; unset, a test does as much of seed 0 as is usual for it."""


@dataclass(frozen=True)
class Piece:
    """So many tries under one seed."""

    seed: int
    count: int

    @property
    def numbers(self) -> range:
        """Numbers that no other piece of this size has."""
        return range(self.seed * self.count, (self.seed + 1) * self.count)


def piece(usual: int) -> Piece:
    """What this run does; ``ValueError`` where the variable cannot be read."""
    seed, _, count = os.environ.get(VARIABLE, f"0:{usual}").partition(":")
    return Piece(int(seed), int(count))
