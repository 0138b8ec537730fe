"""``make soak``: the full figures, in pieces of one seed each, going on where it was broken off.

    python -m tests.chaos                        every row, every seed that is not done
    python -m tests.chaos --only kills,broker    these rows
    python -m tests.chaos --only kills --seed 7  this seed again, whatever is done; not counted
    python -m tests.chaos --report               the table of what is done, and its pieces, to docs/

Exit status 1 where a promise was broken, 0 otherwise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.bench.machine import described, load
from tests.chaos import beside, rows
from tests.chaos.beside import BESIDE
from tests.chaos.platform import Platform, platform
from tests.chaos.progress import REPORTS, Progress, commit
from tests.chaos.report import ROWS, Row, written
from tests.support.processes import ROOT

PIECES_OF_A_PLATFORM = 5
"""Then another begins on empty databases; also after a piece that found something."""

Note = Callable[[rows.Result], None]


def main(arguments: list[str] | None = None) -> int:
    """Run what is left, or report what is done."""
    asked = _parser().parse_args(arguments)
    known = {row.name: row for row in ROWS}
    names = asked.only.split(",") if asked.only else list(known)
    if unknown := set(names) - set(known):
        print(f"No such row: {', '.join(sorted(unknown))}. There are {', '.join(known)}.")
        return 2
    progress = Progress(commit())
    if asked.report:
        return _report(progress)
    broken = 0

    def note(result: rows.Result) -> None:
        nonlocal broken
        broken += len(result.findings)
        if asked.seed is None:
            progress.note(result)

    for name in names:
        row = known[name]
        seeds = progress.left(name, row.pieces) if asked.seed is None else [asked.seed]
        tell = _Telling(row, len(seeds), again=asked.seed is not None)
        if name == "simulation":
            _in_memory(seeds, note, tell)
        elif name in BESIDE:
            for seed in seeds:
                result = beside.run(name, seed)
                note(result)
                tell(result)
        else:
            _on_platforms(row, seeds, note, tell, progress)
    return 1 if broken else 0


@dataclass
class _Telling:
    """What is printed of each piece: how far the row is, or that one seed was run again."""

    row: Row
    left: int
    again: bool

    def __call__(self, result: rows.Result, *, every: int = 1) -> None:
        self.left -= 1
        done = self.row.pieces - self.left
        if not (self.again or result.findings or self.left == 0 or done % every == 0):
            return
        how_far = "again" if self.again else f"{done:,} of {self.row.pieces:,} done"
        print(
            f"{result.row} seed {result.seed} ({how_far}): {result.faults} faults,"
            f" {result.acknowledged} acknowledged, {len(result.findings)} broken promises",
            flush=True,
        )
        for finding in result.findings:
            print(f"  {finding}", flush=True)
        if result.findings:
            print(f"  Again: make soak ONLY={result.row} SEED={result.seed}", flush=True)


def _in_memory(seeds: list[int], note: Note, tell: _Telling) -> None:
    for seed in seeds:
        result = rows.simulation(seed)
        note(result)
        tell(result, every=1_000)


def _on_platforms(
    row: Row, seeds: list[int], note: Note, tell: _Telling, progress: Progress
) -> None:
    left = list(seeds)
    while left:
        with ExitStack() as stack:
            there: Platform = stack.enter_context(platform())
            for _ in range(min(PIECES_OF_A_PLATFORM, len(left))):
                result = rows.ROWS[row.name](there, left.pop(0))
                note(result)
                tell(result)
                if result.findings:
                    print(f"  kept: {progress.keep(there.processes.folder, result)}", flush=True)
                    break


def _report(progress: Progress) -> int:
    date = datetime.now(UTC).date().isoformat()
    path = REPORTS / f"{date}-{progress.commit}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The simulation's pieces are many, and done again within a minute or two.
    pieces = progress.pieces(row.name for row in ROWS if row.name != "simulation")
    path.with_suffix(".jsonl").write_text(pieces, "utf-8")
    at = described()
    machine = (
        f"{at['cores']} cores of {at['processor']}, {at['memory_mib']:,} MiB, Python"
        f" {at['python']}; {load()} processes wanted a core when this was written"
    )
    path.write_text(written(progress, date, machine), "utf-8")
    print(path.relative_to(ROOT))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="rows, with commas between them")
    parser.add_argument("--seed", type=int, help="this seed again")
    parser.add_argument("--report", action="store_true", help="write the table of what is done")
    return parser


if __name__ == "__main__":
    sys.exit(main())
