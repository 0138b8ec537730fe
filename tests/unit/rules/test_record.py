"""What was proven is kept: a run goes on where it was, and the table says what is not proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.rules import __main__ as rules
from infra.rules.catalogue import RULES
from infra.rules.proving import Bite, NotGreen
from infra.rules.reading import Mark, Table
from infra.rules.record import Record, written

DOOR = Mark("services/door.py", 2, "R03", False)
SAME_LINE = Mark("services/door.py", 2, "I03", False)
AUDITED = Mark("services/audit/checks/doors.py", 7, "I03", False)
BIT = Bite("never taken", "tests/test_door.py::test_parole_is_refused")
TEST_FILE = "tests/test_door.py"
TESTED = {rule: [BIT.test] if rule in ("R03", "I03") else [] for rule in RULES}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in (DOOR.path, AUDITED.path, TEST_FILE):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("# as it was\n")
    for path, helper in ((DOOR.path, "services.hinge"), (TEST_FILE, "tests.support.keys")):
        (tmp_path / path).write_text(f"import {helper}\n")
        file = tmp_path / f"{helper.replace('.', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# as it was\n")
    return tmp_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "build" / "rules-proof.jsonl"


def test_a_proof_stands_as_long_as_what_is_marked_its_test_and_what_they_lead_to_are_as_they_were(
    root: Path, file: Path
) -> None:
    Record(file, root, "aaa").note(DOOR, BIT)
    again = Record(file, root, "bbb")
    proof = again.of([DOOR, SAME_LINE], TESTED)[DOOR]
    assert (proof.commit, proof.how, proof.test) == ("aaa", BIT.how, BIT.test)
    assert SAME_LINE not in again.of([DOOR, SAME_LINE], TESTED), "of another rule nothing is known"

    for changed in (DOOR.path, TEST_FILE, "services/hinge.py", "tests/support/keys.py"):
        before = (root / changed).read_text()
        (root / changed).write_text(f"{before}# otherwise\n")
        assert again.of([DOOR], TESTED) == {}, changed
        (root / changed).write_text(before)
        assert DOOR in again.of([DOOR], TESTED)
    assert again.of([DOOR], TESTED | {"R03": ["tests/test_door.py::test_another"]}) == {}
    (root / TEST_FILE).unlink()
    assert again.of([DOOR], TESTED) == {}


def test_what_was_found_last_counts(root: Path, file: Path) -> None:
    record = Record(file, root, "aaa")
    record.note(DOOR, None, instead="nothing noticed")
    assert record.of([DOOR], TESTED)[DOOR].test == ""
    record.note(DOOR, BIT)
    assert record.of([DOOR], TESTED)[DOOR].test == BIT.test


def test_the_table_says_what_bit_what_did_not_and_what_was_not_run(root: Path, file: Path) -> None:
    record = Record(file, root, "aaa")
    record.note(DOOR, BIT)
    record.note(AUDITED, None, instead="no test notices\nand more")
    marks = [DOOR, SAME_LINE, AUDITED]
    table = written(marks, record.of(marks, TESTED)).splitlines()
    date = record.of(marks, TESTED)[DOOR].date
    assert "1 of 3 marks bite. Run: 2 at aaa." in table
    assert f"| R03 | {DOOR.place} | never taken | `{BIT.test}` | aaa | {date} |" in table
    assert f"| I03 | {DOOR.place} | – | **not run as it is now** | – | – |" in table
    assert f"| I03 | {AUDITED.place} | no test notices | **nothing** | aaa | {date} |" in table


class Stopped(Exception):
    """Somebody ended the run."""


class FakeProver:
    """Bites everywhere but where it is told otherwise, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.instead: dict[str, Exception | None] = {}

    def prove(self, mark: Mark, tests: Sequence[str]) -> Bite | None:
        self.asked.append((mark.rule, mark.place))
        what = self.instead.get(mark.place, BIT)
        if isinstance(what, Exception):
            raise what
        return what


@pytest.fixture
def prover(root: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProver:
    def of(*marks: Mark) -> dict[str, list[Mark]]:
        return {rule: [mark for mark in marks if mark.rule == rule] for rule in RULES}

    table = Table(of(DOOR, SAME_LINE), TESTED, of(AUDITED))
    fake = FakeProver()

    @contextmanager
    def copied() -> Iterator[Path]:
        yield root

    (root / "docs").mkdir()
    for name, value in {
        "read": lambda: table,
        "ROOT": root,
        "WRITTEN": root / "build" / "rules.json",
        "PROVEN": file,
        "REPORTED": root / "docs" / "rules.md",
        "commit": lambda: "aaa",
        "copied": copied,
        "Prover": lambda _copy: fake,
    }.items():
        monkeypatch.setattr(rules, name, value)
    return fake


def test_a_run_that_was_broken_off_goes_on_where_it_was(root: Path, prover: FakeProver) -> None:
    prover.instead[AUDITED.place] = Stopped()
    with pytest.raises(Stopped):
        rules.main(["--mutate"])
    assert prover.asked == [
        ("R03", DOOR.place),
        ("I03", DOOR.place),
        ("I03", AUDITED.place),
    ]

    prover.asked.clear()
    prover.instead.clear()
    assert rules.main(["--mutate", "--report"]) == 0
    assert prover.asked == [("I03", AUDITED.place)]
    assert "3 of 3 marks bite" in (root / "docs" / "rules.md").read_text("utf-8")


def test_a_piece_is_some_rules_or_what_is_below_a_folder(prover: FakeProver) -> None:
    assert rules.main(["--mutate", "--rule", "R03"]) == 0
    assert prover.asked == [("R03", DOOR.place)]
    prover.asked.clear()
    assert rules.main(["--mutate", "--rule", "R03,I03", "--below", "services/audit"]) == 0
    assert prover.asked == [("I03", AUDITED.place)]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (None, "no test of I03 notices that this is gone"),
        (NotGreen("1 failed"), "the tests of I03 fail with nothing broken"),
    ],
    ids=["survives", "not green"],
)
def test_a_mark_that_did_not_bite_is_told_and_run_again_the_next_time(
    root: Path,
    prover: FakeProver,
    capsys: pytest.CaptureFixture[str],
    what: Exception | None,
    said: str,
) -> None:
    prover.instead[AUDITED.place] = what
    assert rules.main(["--mutate", "--report"]) == 1
    assert said in capsys.readouterr().err
    assert said in (root / "docs" / "rules.md").read_text("utf-8")
    prover.asked.clear()
    assert rules.main(["--mutate"]) == 1
    assert prover.asked == [("I03", AUDITED.place)]
