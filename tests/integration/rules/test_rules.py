"""Every mark is read, bites, and is carried by a test: planted ones first, then our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.rules import __main__ as rules
from infra.rules.catalogue import RULES
from infra.rules.mutating import NothingToBreak, mutants
from infra.rules.reading import Mark, Table, Unreadable, read

CODE = """\
def allowed(who: str) -> bool:
    if who == "parole":  # R03
        raise PermissionError
    # R21 R22: a base, and its notice.
    return who == "advocate"

# It says something of R05 on its way.
SIZE = 3
"""
POLICY = """\
// R71: trained.
permit (
  principal,
  action == Action::"confirm",
  resource
)
when { principal.trained };
"""
TEST = """\
import pytest
from services.door import allowed

@pytest.mark.rule("R03")
def test_parole_is_refused():
    with pytest.raises(PermissionError):
        allowed("parole")

@pytest.mark.rule("R21")
class TestBase:
    @pytest.mark.rule("R22")
    def test_nothing(self):
        assert True
"""


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    for path, text in {
        "services/__init__.py": "",
        "services/door.py": CODE,
        "shared/policies/door.cedar": POLICY,
        "tests/test_door.py": TEST,
        "infra/nothing.py": "x = 1  # R99",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def test_marks_and_tests_are_found_where_they_are(planted: Path) -> None:
    table = read(planted)

    found = {rule: [m.place for m in marks] for rule, marks in table.enforced.items() if marks}
    assert found == {
        "R03": ["services/door.py:2"],
        "R21": ["services/door.py:4"],
        "R22": ["services/door.py:4"],
        "R71": ["shared/policies/door.cedar:1"],
    }
    assert (
        table.tested["R22"] == table.tested["R21"] == ["tests/test_door.py::TestBase::test_nothing"]
    )
    assert table.gaps() == ["R71 is marked at shared/policies/door.cedar:1, and no test carries it"]


def test_a_rule_that_does_not_exist_is_told_with_its_place(planted: Path) -> None:
    (planted / "services" / "door.py").write_text("x = 1  # R99\n" + CODE, "utf-8")

    with pytest.raises(Unreadable, match=r"services/door\.py:1: there is no rule R99"):
        read(planted)


def test_what_a_mark_stands_at_is_broken_and_nothing_else(planted: Path) -> None:
    broken = {
        mark.rule: [text for _, text in mutants(planted, mark)]
        for marks in read(planted).enforced.values()
        for mark in marks
    }

    assert CODE.replace('who == "parole"', "False") in broken["R03"]
    assert CODE.replace('return who == "advocate"', "return None") in broken["R21"]
    assert any("principal.trained" not in text for text in broken["R71"])
    assert all("permit" in text or "R71" in text for text in broken["R71"])


def test_a_mark_at_nothing_is_a_defect(planted: Path) -> None:
    (planted / "services" / "door.py").write_text("def f() -> None:\n    # R03\n    x: int\n")

    with pytest.raises(NothingToBreak):
        list(mutants(planted, Mark("services/door.py", 2, "R03", True)))


def test_a_test_that_notices_and_one_that_does_not(planted: Path) -> None:
    table = read(planted)
    [noticed], [missed] = table.enforced["R03"], table.enforced["R21"]

    assert rules._bites(planted, noticed, table.tested["R03"]) == "the condition is False"
    assert rules._bites(planted, missed, table.tested["R21"]) is None
    assert (planted / "services" / "door.py").read_text("utf-8") == CODE


def test_the_catalogue_is_whole() -> None:
    assert list(RULES) == [*(f"R{n:02}" for n in range(1, 75)), *(f"I{n:02}" for n in range(1, 17))]


@pytest.fixture(scope="module")
def ours() -> Table:
    return read()


def test_every_rule_here_is_both_marked_and_tested_or_neither(ours: Table) -> None:
    assert ours.gaps() == []
    assert len([rule for rule in RULES if ours.enforced[rule]]) > 20


def test_the_file_has_every_rule_with_its_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: Table
) -> None:
    monkeypatch.setattr(rules, "read", lambda: ours)
    monkeypatch.setattr(rules, "WRITTEN", tmp_path / "rules.json")
    monkeypatch.setattr(rules, "ROOT", tmp_path)

    assert rules.main([]) == 0

    written = json.loads((tmp_path / "rules.json").read_text("utf-8"))
    assert list(written) == list(RULES)
    assert set(written["R71"]) == {"enforced", "tested", "audited"}
