"""The table of a soak: how much of each row is done, and what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos import sizes
from tests.chaos.progress import Progress
from tests.chaos.rows import Result

RECOVERS_WITHIN = 10.0
"""Seconds: the bar for the 99th percentile of what is killed."""


@dataclass(frozen=True)
class Row:
    """A row of the faults to survive: its name in ``ONLY``, what it says, how much is all of it."""

    name: str
    fault: str
    pieces: int


ROWS = (
    Row("simulation", "seeded simulation: drop, duplicate, reorder, crash", sizes.FULL.simulation),
    Row("malformed", "malformed HTTP requests, sixteen and more a try", sizes.FULL.malformed),
    Row("mutations", "rows and leaves changed by hand", sizes.FULL.mutations),
    Row("proofs", "mutated proofs, two a try", sizes.FULL.proofs),
    Row("steps", "crash at every named step of every service", sizes.FULL.steps),
    Row("postgres", "SIGKILL of PostgreSQL", sizes.FULL.postgres),
    Row("broker", "SIGKILL of the broker, one in five wiped", sizes.FULL.broker),
    Row("poison", "messages on which a follower fails", sizes.FULL.poison),
    Row("withdrawals", "give, withdraw, ask and take at once", sizes.FULL.withdrawals),
    Row("clock", "every clock a year ahead and behind", sizes.FULL.clock),
    Row("wires", "lines cut, silent, 30 s late", sizes.FULL.wires),
    Row("kills", "SIGKILL of services under load", sizes.FULL.kills),
)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def written(progress: Progress, date: str, machine: str) -> str:
    """The report, in Markdown."""
    results = {row.name: progress.results(row.name) for row in ROWS}
    lines = [
        f"# Soak of {progress.commit}, {date}",
        "",
        f"On {machine}. Done by `make soak`; how is in `tests/chaos`.",
        "",
        "| Row | Done | Faults | Acknowledged | Broken promises | Recovery: p50, p99, most |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_line(row, results[row.name]) for row in ROWS),
        "",
        *_verdicts(results),
        *_findings(results),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _line(row: Row, done: list[Result]) -> str:
    faults = sum(result.faults for result in done)
    complete = "complete" if len(done) >= row.pieces else "**not complete**"
    of = f"{len(done):,} of {row.pieces:,} seeds, {complete}"
    told = f"{sum(result.acknowledged for result in done):,}" if row.name != "simulation" else "–"
    broken = sum(len(result.findings) for result in done)
    return f"| {row.fault} | {of} | {faults:,} | {told} | {broken} | {_recovery(done)} |"


def _recovery(done: list[Result]) -> str:
    seconds = _seconds(done)
    if not seconds:
        return "–"
    return f"{percentile(seconds, 0.5):.1f}, {percentile(seconds, 0.99):.1f}, {max(seconds):.1f} s"


def _seconds(done: list[Result]) -> list[float]:
    return [one for result in done for found in result.recoveries.values() for one in found]


def _verdicts(results: dict[str, list[Result]]) -> list[str]:
    said = []
    if seconds := _seconds(results["kills"]):
        p99 = percentile(seconds, 0.99)
        held = "held" if p99 < RECOVERS_WITHIN else "**missed**"
        said.append(
            f"Recovery of a killed service, p99 under {RECOVERS_WITHIN:.0f} s: {held}, {p99:.1f} s."
            " Counted from the kill to an answer to something asked after it"
            " (keyring and audit: until they say that they are ready)."
        )
    if crashed := results["steps"]:
        each: dict[str, int] = {}
        for result in crashed:
            for step, count in result.crashed.items():
                each[step] = each.get(step, 0) + count
        steps = ", ".join(f"{step} {count}" for step, count in each.items())
        said.append(f"Crashes by step, each told by its exit status: {steps}.")
    return [line for one in said for line in (one, "")]


def _findings(results: dict[str, list[Result]]) -> list[str]:
    found = [
        f"- {result.row}, seed {result.seed}: {finding}"
        for done in results.values()
        for result in done
        for finding in result.findings
    ]
    return ["## What was found", "", *found] if found else []
