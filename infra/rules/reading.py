"""Reads from the code which rule is enforced, tested and audited where.

A mark is a comment that begins with rules: ``# R21 R22`` or ``# R71: why``; in a
Cedar policy ``// R23: why``. It stands at the end of the line that enforces, or
on a line of its own above it. A comment that mentions a rule on its way is none.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.rules import collecting
from infra.rules.catalogue import RULES

ROOT = Path(__file__).parents[2]
CODE = ("services", "shared")
AUDIT = "services/audit"

_RULE = r"[RI]\d\d"
_MARK = re.compile(rf"^(?:#|//)\s*({_RULE}(?:[ ,]+{_RULE})*)\s*(?::|$)")


class Unreadable(Exception):
    """A mark names a rule that does not exist, or the tests cannot be collected; says where."""


@dataclass(frozen=True, order=True)
class Mark:
    """One rule marked at one line; ``alone``: the comment has the line to itself."""

    path: str
    line: int
    rule: str
    alone: bool

    @property
    def place(self) -> str:
        """``services/consent/domain/grant.py:163``."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Table:
    """Rule → where."""

    enforced: dict[str, list[Mark]]
    tested: dict[str, list[str]]
    audited: dict[str, list[Mark]]

    def as_data(self) -> dict[str, dict[str, list[str]]]:
        """What ``build/rules.json`` holds: every rule, with its places."""
        return {
            rule: {
                "enforced": [mark.place for mark in self.enforced[rule]],
                "tested": self.tested[rule],
                "audited": [mark.place for mark in self.audited[rule]],
            }
            for rule in RULES
        }

    def gaps(self) -> list[str]:
        """What is wrong with the marks, in words: a rule is both marked and tested, or neither.

        An invariant of histories may be held by the shape of the code, so it may be
        tested without a mark.
        """
        found = []
        for rule in RULES:
            enforced, tested = self.enforced[rule], self.tested[rule]
            audited = self.audited[rule]
            if enforced and not tested:
                found.append(f"{rule} is marked at {enforced[0].place}, and no test carries it")
            if tested and not (enforced or audited) and rule.startswith("R"):
                found.append(f"{rule} is carried by {tested[0]}, and no code is marked with it")
            if audited and not tested:
                found.append(f"{rule} is audited at {audited[0].place}, and not tested")
        return found


def read(root: Path = ROOT) -> Table:
    """The table of the code below ``root``. :class:`Unreadable` names a rule that is none."""
    marks = sorted(_marks(root, (root / folder for folder in CODE)))
    audit = [mark for mark in marks if mark.path.startswith(f"{AUDIT}/checks/")]
    tests = sorted(_tests(root))
    for place, rule in [*((m.place, m.rule) for m in marks), *tests]:
        if rule not in RULES:
            raise Unreadable(f"{place}: there is no rule {rule}")
    return Table(
        enforced={r: [m for m in marks if m.rule == r and m not in audit] for r in RULES},
        tested={r: [place for place, rule in tests if rule == r] for r in RULES},
        audited={r: [m for m in audit if m.rule == r] for r in RULES},
    )


def _marks(root: Path, folders: Iterable[Path]) -> Iterator[Mark]:
    for folder in folders:
        for path in folder.rglob("*"):
            comments = {".py": _python, ".cedar": _cedar}.get(path.suffix)
            if comments is None:
                continue
            for line, text, alone in comments(path.read_text("utf-8")):
                found = _MARK.match(text)
                for rule in re.findall(_RULE, found[1]) if found else ():
                    yield Mark(str(path.relative_to(root)), line, rule, alone)


def _python(source: str) -> Iterator[tuple[int, str, bool]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, not token.line[: token.start[1]].strip()


def _cedar(source: str) -> Iterator[tuple[int, str, bool]]:
    for number, line in enumerate(source.splitlines(), start=1):
        before, slashes, comment = line.partition("//")
        if slashes:
            yield number, slashes + comment, not before.strip()


def _tests(root: Path) -> list[tuple[str, str]]:
    """(test, rule) of every test that carries one, as pytest collects them."""
    with tempfile.NamedTemporaryFile(suffix=".json") as answer:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", collecting.__name__, "--collect-only", "-q"],
            cwd=root,
            env=os.environ | {collecting.WHERE: answer.name, "PYTHONPATH": f"{root}:{ROOT}"},
            capture_output=True,
            check=False,
        )
        written = answer.read()
    if ran.returncode or not written:
        raise Unreadable(f"pytest cannot collect the tests:\n{ran.stdout.decode()[-2000:]}")
    return [(test, rule) for test, rule in json.loads(written)]
