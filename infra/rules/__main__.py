"""``make rules``: the table, ``build/rules.json``, and with ``--mutate`` whether marks bite.

Exit status 0 where every rule is both marked and tested, or neither, and every
mark bit; 1 with what is wrong on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.rules.catalogue import RULES
from infra.rules.mutating import NothingToBreak, mutants
from infra.rules.reading import ROOT, Mark, Table, Unreadable, read

WRITTEN = ROOT / "build" / "rules.json"
LONGEST = 600
"""Seconds for the tests of one rule; who breaks the code so that they hang is noticed too."""


def main(arguments: list[str] | None = None) -> int:
    """0 if all is well."""
    parser = argparse.ArgumentParser(prog="make rules", description=__doc__)
    parser.add_argument("--mutate", action="store_true", help="break what each mark stands at")
    parser.add_argument("--rule", action="append", help="only this one, with --mutate; repeatable")
    asked = parser.parse_args(arguments)
    try:
        table = read()
    except Unreadable as unreadable:
        print(unreadable, file=sys.stderr)
        return 1
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(json.dumps(table.as_data(), indent=1) + "\n", "utf-8")
    _print(table)
    wrong = table.gaps()
    if asked.mutate:
        wrong += list(_toothless(table, asked.rule or list(RULES)))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _print(table: Table) -> None:
    print(f"{'':4} {'enforced':>8} {'tested':>6} {'audited':>7}")
    for rule, text in RULES.items():
        counts = [len(where[rule]) for where in (table.enforced, table.tested, table.audited)]
        shown = [str(count) if count else "·" for count in counts]
        print(f"{rule:4} {shown[0]:>8} {shown[1]:>6} {shown[2]:>7}  {text}")
    there = sum(bool(table.enforced[rule] or table.audited[rule]) for rule in RULES)
    print(f"\n{there} of {len(RULES)} are enforced or audited; the others wait for their services.")
    print(f"Where each is: {WRITTEN.relative_to(ROOT)}")


def _toothless(table: Table, rules: list[str]) -> Iterator[str]:
    """In words: every mark that no test of its rule misses when what it stands at is broken."""
    marks = [mark for rule in rules for mark in (*table.enforced[rule], *table.audited[rule])]
    with _copy() as copy:
        for number, mark in enumerate(marks, start=1):
            print(f"[{number}/{len(marks)}] {mark.rule} {mark.place} ...", end=" ", flush=True)
            try:
                bites = _bites(copy, mark, table.tested[mark.rule])
            except NothingToBreak as nothing:
                bites = None
                yield str(nothing)
            else:
                if bites is None:
                    yield f"{mark.place}: no test of {mark.rule} fails when this is broken"
            print(bites or "SURVIVES")


def _bites(copy: Path, mark: Mark, tests: list[str]) -> str | None:
    """How it was broken so that a test failed, or nothing."""
    for how, text in mutants(copy, mark):
        whole = (copy / mark.path).read_text("utf-8")
        (copy / mark.path).write_text(text, "utf-8")
        try:
            if _fails(copy, tests):
                return how
        finally:
            (copy / mark.path).write_text(whole, "utf-8")
    return None


def _fails(copy: Path, tests: list[str]) -> bool:
    """Whether one of them fails; those without services first."""
    fast = [test for test in tests if not test.startswith(("tests/integration", "tests/e2e"))]
    slow = [test for test in tests if test.startswith("tests/integration")]
    return any(chosen and _run(copy, chosen) for chosen in (fast, slow))


def _run(copy: Path, tests: list[str]) -> bool:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
            cwd=copy, env=environment, capture_output=True, timeout=LONGEST, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    if ran.returncode not in (0, 1, 2):
        raise RuntimeError(f"the tests did not run:\n{ran.stdout.decode()[-2000:]}")
    return ran.returncode != 0


@contextmanager
def _copy() -> Iterator[Path]:
    """The files as they are, somewhere else."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="sayso-rules-") as folder:
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
