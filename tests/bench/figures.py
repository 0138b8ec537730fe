"""What is made of measured times: medians, 99th percentiles, and ratios of what ran side by side.

Nothing is dropped: no warm-up is cut off after the fact, no outlier removed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SLICE = 50
"""A rate's 99th percentile is that of slices of so many things in the order they were done."""

OURS, FLOOR, PEER, ONE_BY_ONE = "ours", "floor", "peer", "onebyone"

PER_SECOND, MILLISECONDS = "/s", "ms"


@dataclass(frozen=True)
class Sample:
    """One repeat of one variant: when each thing was done, and how long each took (seconds).

    ``done`` counts from the moment at which the repeat began.
    """

    done: Sequence[float]
    took: Sequence[float]
    things: float = 1
    """How many things one entry stands for: a page of events, a batch of leaves."""

    @property
    def rate(self) -> float:
        """Things a second, over the whole repeat."""
        return self.things * len(self.done) / max(self.done)


Variant = Callable[[], Sample]
"""Runs once and tells; state that it needs was made before."""


def interleaved(
    variants: Mapping[str, Variant], repeats: int, told: Callable[[str], None] = lambda _: None
) -> dict[str, list[Sample]]:
    """Each variant once a round, in turn, beginning with another one each round.

    What else the machine does then falls on all of them alike.
    """
    names = list(variants)
    taken: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(repeats):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            told(f"{name} {number + 1}/{repeats}")
            taken[name].append(variants[name]())
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` percent of the values do not exceed."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[max(0, math.ceil(len(values) * share / 100) - 1)]


def slices(sample: Sample) -> list[float]:
    """The rates of consecutive slices; the rest that fills no slice counts with the last one."""
    ends = sorted(sample.done)
    size = min(SLICE, len(ends))
    edges = [*range(size, len(ends) - size + 1, size), len(ends)]
    rates, before, counted = [], 0.0, 0
    for edge in edges:
        now = ends[edge - 1]
        rates.append(sample.things * (edge - counted) / max(now - before, 1e-9))
        before, counted = now, edge
    return rates


def paired(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within each round: what both met, neither is blamed for."""
    return statistics.median(a / b for a, b in zip(ours, others, strict=True))


@dataclass(frozen=True)
class Row:
    """One line of ``build/bench.json``, and what it was made of."""

    name: str
    unit: str
    samples: Mapping[str, Sequence[Sample]]
    writers: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)

    def rounds(self, variant: str) -> list[float]:
        """One figure a round: the rate, or the median time in milliseconds."""
        taken = self.samples[variant]
        if self.unit == MILLISECONDS:
            return [statistics.median(sample.took) * 1000 for sample in taken]
        return [sample.rate for sample in taken]

    @property
    def median(self) -> float:
        """Of the rounds' rates; of all times."""
        if self.unit == MILLISECONDS:
            return statistics.median(self._times())
        return statistics.median(self.rounds(OURS))

    @property
    def p99(self) -> float:
        """What 99 of 100 were at least as good as: times not longer, slices not slower."""
        if self.unit == MILLISECONDS:
            return percentile(self._times(), 99)
        # Of 100 slices the slowest may be slower.
        return -percentile([-rate for each in self.samples[OURS] for rate in slices(each)], 99)

    @property
    def count(self) -> int:
        """How many of ours were measured, in all rounds together."""
        return round(sum(sample.things * len(sample.done) for sample in self.samples[OURS]))

    def of(self, variant: str) -> float | None:
        """The median of a variant's rounds."""
        return statistics.median(self.rounds(variant)) if variant in self.samples else None

    def ratio(self, variant: str) -> float | None:
        """Ours to the variant's, round by round; more is faster for rates, slower for times."""
        if variant not in self.samples:
            return None
        return paired(self.rounds(OURS), self.rounds(variant))

    def as_data(self) -> dict[str, Any]:
        """The line as it is promised."""
        return {
            "name": self.name,
            "writers": self.writers,
            "unit": self.unit,
            "median": _rounded(self.median),
            "p99": _rounded(self.p99),
            "floor": _rounded(self.of(FLOOR)),
            "ratio": _rounded(self.ratio(FLOOR)),
            "peer": _rounded(self.of(PEER)),
            "peer_ratio": _rounded(self.ratio(PEER)),
            "onebyone_ratio": _rounded(self.ratio(ONE_BY_ONE)),
        }

    def _times(self) -> list[float]:
        return [took * 1000 for sample in self.samples[OURS] for took in sample.took]


@dataclass(frozen=True)
class Bar:
    """A figure that has to be reached, and whether it was."""

    what: str
    figure: float
    bar: float
    at_least: bool = True
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it was."""
        return self.figure >= self.bar if self.at_least else self.figure <= self.bar

    def as_data(self) -> dict[str, Any]:
        """For the record of the run."""
        return {
            "what": self.what,
            "figure": _rounded(self.figure),
            "bar": self.bar,
            "at_least": self.at_least,
            "met": self.met,
            "note": self.note,
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
