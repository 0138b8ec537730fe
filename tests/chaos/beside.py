"""Rows that are tests of their own elsewhere: the same tests, more of them, a seed a piece."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass

from tests.chaos.rows import Result
from tests.support.piece import VARIABLE
from tests.support.processes import ROOT


@dataclass(frozen=True)
class Tests:
    """Which tests, and how many tries are a piece."""

    path: str
    count: int


BESIDE = {
    "malformed": Tests("tests/integration/gateway/test_hostile.py", 350),
    "mutations": Tests("tests/integration/ledger/test_mutations.py", 500),
    "proofs": Tests("tests/unit/audit/test_merkle.py", 50_000),
}
"""Row → its tests. A try of ``malformed`` is sixteen requests or more."""


def run(row: str, seed: int) -> Result:
    """One piece, by pytest; what failed is its finding."""
    tests = BESIDE[row]
    words = ["-q", "-x", "--no-header", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", tests.path, *words],
        cwd=ROOT,
        env={**os.environ, VARIABLE: f"{seed}:{tests.count}"},
        capture_output=True,
        text=True,
        check=False,
    )
    findings = [] if done.returncode == 0 else [done.stdout[-2_000:]]
    return Result(row, seed, faults=tests.count, findings=findings)
