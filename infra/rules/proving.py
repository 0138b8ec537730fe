"""Does each mark stand at what enforces? Its enforcement is removed, and a test must notice.

Before anything is broken the tests of the rule are green, or nothing is proven. A test
notices by saying so (:mod:`infra.rules.noticing`): an assertion, an exception that did
not come, a refusal. What cannot run, hangs, or breaks down on its way notices nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.rules import noticing
from infra.rules.mutating import mutant
from infra.rules.reading import ROOT, Mark

LONGEST = 600
"""Seconds for the tests of one rule."""

_STORES = "tests/integration/"
_FAULTS = "tests/chaos/"

_PLUGINS = ("-p", "no:cacheprovider", "-p", noticing.__name__)


class NotGreen(Exception):
    """The rule's tests fail, or do not run, with the code as it is: nothing can be proven."""


@dataclass(frozen=True)
class Bite:
    """How the enforcement was removed, and the test that said so."""

    how: str
    test: str

    def __str__(self) -> str:
        return f"{self.how}: {self.test}"


class Prover:
    """Breaks a copy of the code, one mark at a time. ``copy`` holds the files as they are."""

    def __init__(self, copy: Path, longest: float = LONGEST) -> None:
        self._copy = copy
        self._longest = longest
        self._green: dict[tuple[str, ...], str] = {}

    def prove(self, mark: Mark, tests: Sequence[str]) -> Bite | None:
        """The bite, or nothing. ``NothingToBreak``; ``NotGreen`` where the tests prove nothing."""
        how, text = mutant(self._copy, mark)
        for chosen in _in_turn(mark, tests):
            self._must_be_green(chosen)
            path = self._copy / mark.path
            whole = path.read_text("utf-8")
            path.write_text(text, "utf-8")
            try:
                _, noticed, _ = self._run(chosen)
            finally:
                path.write_text(whole, "utf-8")
            if noticed:
                return Bite(how, noticed)
        return None

    def _must_be_green(self, tests: tuple[str, ...]) -> None:
        """Once for the same tests."""
        if tests not in self._green:
            status, _, said = self._run(tests)
            self._green[tests] = "" if status == 0 else said
        if self._green[tests]:
            raise NotGreen(self._green[tests])

    def _run(self, tests: tuple[str, ...]) -> tuple[int | None, str, str]:
        """(pytest's status, the test that noticed, the end of what pytest said)."""
        with tempfile.NamedTemporaryFile(suffix=".noticed") as answer:
            environment = os.environ | {
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": f"{self._copy}:{ROOT}",
                noticing.WHERE: answer.name,
            }
            try:
                ran = subprocess.run(
                    [sys.executable, "-m", "pytest", "-q", "--tb=short", *_PLUGINS, *tests],
                    cwd=self._copy, env=environment, timeout=self._longest,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return None, "", f"longer than {self._longest:.0f} s"
            return ran.returncode, answer.read().decode(), ran.stdout.decode()[-2000:]


def _in_turn(mark: Mark, tests: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Those without stores first, then those of the marked service, then each other folder, then
    those that kill whole platforms.

    The whole journeys take too long to be of use here.
    """
    folders: dict[str, list[str]] = {}
    for test in tests:
        if not test.startswith("tests/e2e/"):
            slow = test.startswith((_STORES, _FAULTS))
            folders.setdefault("/".join(test.split("/")[:3]) if slow else "", []).append(test)
    own = _STORES + mark.path.split("/")[1]
    for folder in sorted(folders, key=lambda f: (f != "", f != own, f.startswith(_FAULTS), f)):
        yield tuple(folders[folder])


def commit() -> str:
    """The commit that is checked out; says so where something is not committed."""
    head = _git("rev-parse", "--short", "HEAD").strip()
    return f"{head}-changed" if _git("status", "--porcelain") else head


@contextmanager
def copied() -> Iterator[Path]:
    """The files as they are, somewhere else."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    with tempfile.TemporaryDirectory(prefix="sayso-rules-") as folder:
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, target)
        yield Path(folder)


def _git(*words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=ROOT, text=True)
