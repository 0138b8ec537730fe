"""What a soak has done so far: a line for each piece, by row, in ``build/soak``.

What a report says can be committed with its pieces, so that another machine goes on with them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from tests.chaos.rows import Result
from tests.support.processes import ROOT

FOLDER = ROOT / "build" / "soak"
REPORTS = ROOT / "docs" / "soak"
MEASURED = ("shared", "services", "infra", "tests/chaos", "tests/support", "requirements")
"""What a result is a result of: a change anywhere else leaves it standing."""


def commit() -> str:
    """The last commit that changed what is measured; says so where something is not committed."""
    short = _git("log", "-1", "--format=%h", "--", *MEASURED)
    return f"{short}-changed" if _git("status", "--porcelain", "--", *MEASURED) else short


class Progress:
    """The pieces done of one commit."""

    def __init__(self, measured: str, folder: Path = FOLDER, reports: Path = REPORTS) -> None:
        """``reports`` holds what earlier machines committed: ``<date>-<commit>.jsonl``."""
        self.commit = measured
        self.folder = folder
        self._reports = reports
        folder.mkdir(parents=True, exist_ok=True)

    def results(self, row: str) -> list[Result]:
        """Those of this commit, by seed."""
        found = {result.seed: result for result in self._read(row)}
        return [found[seed] for seed in sorted(found)]

    def left(self, row: str, seeds: int) -> list[int]:
        """The seeds that are still to be run."""
        done = {result.seed for result in self._read(row)}
        return [seed for seed in range(seeds) if seed not in done]

    def note(self, result: Result) -> None:
        """Written before the next piece begins."""
        with (self.folder / f"{result.row}.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(self._line(result) + "\n")

    def pieces(self, rows: Iterable[str]) -> str:
        """A line for each piece of these rows, to be committed beside the report."""
        return "".join(self._line(result) + "\n" for row in rows for result in self.results(row))

    def keep(self, folder: Path, result: Result) -> Path:
        """What a piece that failed leaves to look at: logs and acknowledgements, no secrets."""
        kept = self.folder / f"failed-{result.row}-{result.seed}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("secrets"))
        return kept

    def _line(self, result: Result) -> str:
        return json.dumps({"commit": self.commit, **asdict(result)})

    def _read(self, row: str) -> Iterator[Result]:
        kept = sorted(self._reports.glob(f"*-{self.commit}.jsonl"))
        for path in (*kept, self.folder / f"{row}.jsonl"):
            for line in path.read_text("utf-8").splitlines() if path.exists() else ():
                said = json.loads(line)
                if said.pop("commit") == self.commit and said["row"] == row:
                    yield Result(**said)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
