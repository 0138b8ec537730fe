"""What was proven so far: a line for each mark in ``build/rules-proof.jsonl``, a table in ``docs``.

A proof stands as long as the file that is marked, the file of the test that noticed, and all
that the two lead to within the project (:mod:`infra.rules.depending`) are what they were, and
that test is there and carries the rule: so a run goes on where it was broken off, and may be
made in pieces.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.rules.depending import Project
from infra.rules.proving import Bite
from infra.rules.reading import Mark


@dataclass(frozen=True)
class Proof:
    """What came of one mark, at which commit."""

    rule: str
    path: str
    line: int
    how: str
    """How the enforcement was removed; why not, where nothing came of that."""
    test: str
    """The test that noticed; empty where none did."""
    commit: str
    date: str
    of: str
    """SHA-256 over the two files and all that they lead to."""


class Record:
    """The proofs in one file, of the code below ``root`` as it is when they are asked for."""

    def __init__(self, file: Path, root: Path, commit: str) -> None:
        self._file, self._root, self._commit = file, root, commit

    def note(self, mark: Mark, bite: Bite | None, instead: str = "") -> None:
        """Written before the next mark is broken. ``instead``: what came where nothing bit."""
        proof = Proof(
            rule=mark.rule,
            path=mark.path,
            line=mark.line,
            how=bite.how if bite else instead,
            test=bite.test if bite else "",
            commit=self._commit,
            date=datetime.now(UTC).date().isoformat(),
            of=_rests_on(Project(self._root), mark.path, bite.test if bite else ""),
        )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(proof)) + "\n")

    def of(self, marks: Iterable[Mark], tested: Mapping[str, list[str]]) -> dict[Mark, Proof]:
        """The last that was found of each mark, as far as that still stands.

        ``tested``: rule → the tests that carry it.
        """
        last = {(proof.rule, proof.path, proof.line): proof for proof in self._read()}
        found = {mark: last.get((mark.rule, mark.path, mark.line)) for mark in marks}
        project = Project(self._root)
        return {
            mark: proof
            for mark, proof in found.items()
            if proof
            and proof.of == _rests_on(project, proof.path, proof.test)
            and proof.test in ("", *tested[mark.rule])
        }

    def _read(self) -> Iterable[Proof]:
        if self._file.exists():
            for line in self._file.read_text("utf-8").splitlines():
                yield Proof(**json.loads(line))


def _rests_on(project: Project, marked: str, test: str) -> str:
    return project.digest(*filter(None, (marked, test.partition("::")[0])))


def written(marks: Sequence[Mark], proofs: dict[Mark, Proof]) -> str:
    """The table, in Markdown: every mark, whatever is known of it."""
    bitten = sum(bool(proof.test) for proof in proofs.values())
    commits = Counter(proof.commit for proof in proofs.values())
    runs = "; ".join(f"{count} at {commit}" for commit, count in commits.most_common())
    lines = [
        "# Which marks bite",
        "",
        "What each mark of a rule stands at was removed from a copy of the code, and a test of",
        "the rule, green before, said so: `make rules MUTATE=1`, written by `make rules REPORT=1`.",
        "A proof stands as long as the marked file, the file of that test and all that the two",
        "lead to within the project are what they were; what is installed is not looked at.",
        "",
        f"{bitten} of {len(marks)} marks bite. Run: {runs or 'none'}.",
        "",
        "| Rule | Mark | Removed | Noticed by | Commit | Date |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_line(mark, proofs.get(mark)) for mark in marks),
    ]
    return "\n".join(lines) + "\n"


def _line(mark: Mark, proof: Proof | None) -> str:
    if proof is None:
        return f"| {mark.rule} | {mark.place} | – | **not run as it is now** | – | – |"
    test = f"`{proof.test}`" if proof.test else "**nothing**"
    how = proof.how.partition("\n")[0].replace("|", "\\|")
    return f"| {mark.rule} | {mark.place} | {how} | {test} | {proof.commit} | {proof.date} |"
