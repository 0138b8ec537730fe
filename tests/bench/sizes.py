"""How much is measured: the whole run, or a quick look that says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Counts for one run; ``full`` is what a result may be quoted from."""

    full: bool = True
    repeats: int = 7
    decisions: int = 3_200
    small_log: int = 10_000
    full_log: int = 1_000_000
    flat_decisions: int = 4_000
    flat_repeats: int = 9
    replayed: int = 20_000
    calls: int = 1_000
    reaction_seconds: int = 20
    leaves: int = 100_000


FULL = Sizes()
QUICK = Sizes(
    full=False,
    repeats=5,
    decisions=640,
    full_log=100_000,
    flat_decisions=1_600,
    flat_repeats=3,
    replayed=4_000,
    calls=200,
    reaction_seconds=4,
    leaves=10_000,
)
