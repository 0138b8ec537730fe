"""Every mark is read, bites, and is carried by a test: planted ones first, then our own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.rules import __main__ as rules
from infra.rules.catalogue import RULES
from infra.rules.mutating import NothingToBreak, mutant
from infra.rules.proving import NotGreen, Prover
from infra.rules.reading import Mark, Table, Unreadable, read

CODE = """\
def allowed(who: str) -> bool:
    if who == "parole":  # R03
        raise PermissionError("parole")
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


BEFORE_AND_AFTER = {
    "a refusal": ("    if wrong:  # R03\n        raise E", "    if False:  # R03\n        raise E"),
    "what is found": (
        "    for x in wrong(it):  # R03\n        yield x",
        "    for x in ():  # R03\n        yield x",
    ),
    "a step": ("    check(it)  # R03", "    pass  # R03"),
    "an answer": ("    return known == by  # R03", "    return True  # R03"),
    "one check of several": (
        "    return (\n        one(it)\n        or other(it)  # R03\n    )",
        "    return (\n        one(it)\n        or True  # R03\n    )",
    ),
    "a reason": (
        "    for x in (\n        ('late', now > end),  # R03\n    ):\n        pass",
        "    for x in (\n        ('late', None),  # R03\n    ):\n        pass",
    ),
    "what is set": ("    told = ask(by)  # R03", "    told = True  # R03"),
    "words": (
        "    x = None if w is None else Sealed.pending(id, NEEDS, w)  # R03",
        "    x = None if w is None else w  # R03",
    ),
    "a case": (
        "    match x:\n        case 1:  # R03\n            y",
        "    match x:\n        case 1 if False:  # R03\n            y",
    ),
}


@pytest.mark.parametrize("what", BEFORE_AND_AFTER)
def test_what_enforces_is_removed_and_nothing_else(tmp_path: Path, what: str) -> None:
    before, after = (f"def f() -> bool:\n{text}\n" for text in BEFORE_AND_AFTER[what])
    (tmp_path / "a.py").write_text(before, "utf-8")
    line = next(n for n, text in enumerate(before.splitlines(), 1) if "# R03" in text)

    assert mutant(tmp_path, Mark("a.py", line, "R03", False))[1] == after


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        (
            "permit (principal, action, resource)\nwhen { a };",
            "permit (principal, action, resource);",
        ),
        ("permit (principal, action, resource);", ""),
        ("forbid (principal, action, resource)\nwhen { a }\nunless { b };", ""),
    ],
)
def test_a_policy_lets_in_whom_it_kept_out(tmp_path: Path, policy: str, left: str) -> None:
    (tmp_path / "a.cedar").write_text(f"// R03: why\n{policy}\n", "utf-8")

    found = mutant(tmp_path, Mark("a.cedar", 1, "R03", True))[1]
    assert found == f"// R03: why\n{left}\n"


def test_a_contract_asks_what_it_must_not_ask(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('class Begin(Command):  # R74\n    language: str = "en"\n')

    text = mutant(tmp_path, Mark("a.py", 1, "R74", False))[1]
    assert text.endswith('    language: str = "en"\n    name: str | None = None\n')


@pytest.mark.parametrize(
    "code",
    ["def f() -> None:\n    # R03\n    x: int\n", "def f() -> str:\n    # R03\n    return x\n"],
)
def test_a_mark_at_nothing_that_enforces_is_a_defect(tmp_path: Path, code: str) -> None:
    (tmp_path / "a.py").write_text(code)

    with pytest.raises(NothingToBreak, match=r"a\.py:2 \(R03\) stands at nothing"):
        mutant(tmp_path, Mark("a.py", 2, "R03", True))


def test_a_test_that_notices_and_one_that_does_not(planted: Path) -> None:
    table = read(planted)
    [noticed], [missed] = table.enforced["R03"], table.enforced["R21"]
    prover = Prover(planted)

    bite = prover.prove(noticed, table.tested["R03"])
    assert str(bite) == "never taken: tests/test_door.py::test_parole_is_refused"
    assert prover.prove(missed, table.tested["R21"]) is None
    assert (planted / "services" / "door.py").read_text("utf-8") == CODE


def test_what_needs_least_is_asked_first_and_whole_journeys_never(planted: Path) -> None:
    asked: list[str] = []

    class Green(Prover):
        def _run(self, tests: tuple[str, ...]) -> tuple[int | None, str, str]:
            asked.extend(tests)
            return 0, "", ""

    (planted / "services" / "door").mkdir()
    mark = Mark("services/door/it.py", 2, "R03", False)
    (planted / mark.path).write_text("def f() -> bool:\n    return x  # R03\n")
    there = [
        f"tests/{where}.py::test_it"
        for where in ("unit/a", "integration/door/b", "integration/apse/c", "chaos/d")
    ]

    assert Green(planted).prove(mark, ["tests/e2e/e.py::test_it", *reversed(there)]) is None
    assert asked == [test for test in there for _ in ("green before", "broken")]


PROVES_NOTHING = {
    "an ordinary day": "assert not allowed('somebody') and allowed('advocate')",
    "breaks down on its way": (
        "try:\n        allowed('parole')\n    except PermissionError:\n        return\n"
        "    raise ConnectionError('no broker')"
    ),
    "hangs": (
        "try:\n        allowed('parole')\n    except PermissionError:\n        return\n"
        "    __import__('time').sleep(60)"
    ),
}


@pytest.mark.parametrize("what", PROVES_NOTHING)
def test_what_says_nothing_of_the_rule_is_no_bite(planted: Path, what: str) -> None:
    test = f"from services.door import allowed\n\ndef test_it():\n    {PROVES_NOTHING[what]}\n"
    (planted / "tests" / "test_door.py").write_text(test)

    mark = Mark("services/door.py", 2, "R03", False)
    assert Prover(planted, longest=10).prove(mark, ["tests/test_door.py::test_it"]) is None


@pytest.mark.parametrize(
    "test",
    [
        "def test_it():\n    assert False\n",
        "import no_such_module\n\ndef test_it():\n    pass\n",
        "def test_it(no_such_fixture):\n    pass\n",
        "def test_other():\n    pass\n",
    ],
    ids=["always red", "not collected", "no infrastructure", "not there"],
)
def test_tests_that_are_not_green_before_prove_nothing(planted: Path, test: str) -> None:
    (planted / "tests" / "test_door.py").write_text(test)

    with pytest.raises(NotGreen):
        Prover(planted).prove(
            Mark("services/door.py", 2, "R03", False), ["tests/test_door.py::test_it"]
        )


def test_a_rule_that_there_is_not_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        rules.main(["--mutate", "--rule", "R99"])

    assert ended.value.code == 2
    assert "there is no rule R99; there are R01 to R74 and I01 to I16" in capsys.readouterr().err


def test_the_catalogue_is_whole() -> None:
    assert list(RULES) == [*(f"R{n:02}" for n in range(1, 75)), *(f"I{n:02}" for n in range(1, 17))]


@pytest.fixture(scope="module")
def ours() -> Table:
    return read()


def test_every_rule_here_is_both_marked_and_tested_or_neither(ours: Table) -> None:
    assert ours.gaps() == []
    assert len([rule for rule in RULES if ours.enforced[rule]]) > 20


def test_the_file_has_every_rule_and_one_without_a_mark_is_not_proven(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ours: Table,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(rules, "read", lambda: ours)
    monkeypatch.setattr(rules, "WRITTEN", tmp_path / "rules.json")
    monkeypatch.setattr(rules, "ROOT", tmp_path)

    assert rules.main([]) == 0
    assert rules.main(["--mutate", "--rule", "R01"]) == 1
    assert "R01 is marked nowhere" in capsys.readouterr().err

    written = json.loads((tmp_path / "rules.json").read_text("utf-8"))
    assert list(written) == list(RULES)
    assert set(written["R71"]) == {"enforced", "tested", "audited"}
