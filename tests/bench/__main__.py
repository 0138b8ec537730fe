"""``make bench``: measure everything in one run, and say whether the bars were met.

python -m tests.bench                     everything, the compose platform too where Docker answers
python -m tests.bench --quick             a fast look, which says that it is none of the full run
python -m tests.bench --only append,...   some of it, for somebody who is at work on that; it goes
                                          to a folder of its own and leaves the whole run's
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from infra.compose import CannotStart
from shared.collecting import seldom
from tests.bench import appending, compose, ledger, machine, memory, replaying, report, services
from tests.bench.report import QUICK_WARNING, Run
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.support.postgres import embedded_server
from tests.support.processes import ROOT

PARTS = ("append", "flat", "replay", "services", "ledger", "memory", "platform")


def main(arguments: list[str] | None = None) -> int:
    """0 if every bar that was measured was met; 1 otherwise; 2 for a wrong argument."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller; says so")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--folder", type=Path, default=ROOT / "build")
    asked = parser.parse_args(arguments)
    # As every process of ours does, for all that are compared.
    seldom()
    only = asked.only.split(",")
    if unknown := sorted(set(only) - set(PARTS)):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    sizes = QUICK if asked.quick else FULL
    run = Run(sizes.full, sizes.repeats, sizes.leaves, machine.described(), machine.load())
    if not sizes.full:
        _told(QUICK_WARNING)
    _measured(run, sizes, only, _told)
    folder = _folder(asked.folder, only)
    run.load_after = machine.load()
    print(report.write(run, folder))
    _told(f"Written to {folder}")
    return 0 if all(bar.met for bar in run.bars) else 1


def _folder(folder: Path, only: list[str]) -> Path:
    """Where it goes: ``bench.json`` of the folder itself is always everything in one run."""
    if set(only) == set(PARTS):
        return folder
    return folder / "parts" / "-".join(part for part in PARTS if part in only)


def _measured(run: Run, sizes: Sizes, only: list[str], told: Callable[[str], None]) -> None:
    with embedded_server() as server:
        if "append" in only:
            rows = appending.measure(server.dsn(), sizes, told)
            run.rows += rows
            run.bars += appending.bars(rows)
        if "flat" in only:
            run.bars += appending.flatness(server.dsn(), sizes, told)
        if "replay" in only:
            rows, bars = replaying.measure(server.dsn(), sizes, told)
            run.rows += rows
            run.bars += bars
        if "services" in only:
            run.rows += services.measure(server, sizes, told)
        if "ledger" in only:
            run.rows += ledger.measure(server.dsn(), sizes, told)
    if "memory" in only:
        told("memory: the embedded platform")
        run.bars.append(memory.embedded())
    if "platform" in only:
        try:
            compose.measure(run, sizes, told)
        except CannotStart as reason:
            run.left_out.append(f"the compose platform: {reason}")
    run.left_out += [f"{part} (--only)" for part in PARTS if part not in only]


def _told(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
