"""A proof rests on all that the marked code and its test lead to, and on nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.rules.depending import PROVING, Project
from infra.rules.reading import ROOT

MARKED = "services/mail/domain/notice.py"
TEST = "tests/unit/mail/test_notice.py"
FILES = {
    MARKED: "from services.mail.domain.hours import safe\n",
    TEST: "from tests.support import mail\nfrom services.mail import domain\n",
    "services/mail/__init__.py": "",
    "services/mail/domain/__init__.py": "",
    "services/mail/domain/hours.py": "if True:\n    from shared.clock import now as safe\n",
    "services/mail/data/policy.json": "{}",
    "services/mail/README.md": "Told to people.",
    "services/mail/service.py": "",
    "services/post/service.py": "import services.post.letter\n",
    "services/post/letter.py": "",
    "services/post/data/words.txt": "",
    "shared/clock/__init__.py": "from . import ticking\nNAME = 'now'\n",
    "shared/clock/ticking.py": "",
    "shared/other.py": "import json\n",
    "tests/conftest.py": "import tests.support.names\n",
    "tests/unit/mail/conftest.py": "",
    "tests/unit/post/conftest.py": "",
    "tests/support/mail.py": "def sent(): ...\n",
    "tests/support/names.py": "",
    "tests/support/processes.py": "",
    **dict.fromkeys(PROVING, ""),
}
RESTS_ON = (
    set(FILES)
    - {"services/mail/README.md", "services/mail/service.py", "shared/other.py"}
    - {path for path in FILES if "post" in path or path.endswith("processes.py")}
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def digest(root: Path) -> str:
    return Project(root).digest(MARKED, TEST)


@pytest.mark.parametrize("path", sorted(FILES))
def test_it_changes_with_whatever_it_rests_on_and_with_nothing_else(root: Path, path: str) -> None:
    before = digest(root)
    assert digest(root) == before
    with (root / path).open("a", encoding="utf-8") as file:
        file.write("# otherwise\n")
    assert (digest(root) != before) == (path in RESTS_ON)


@pytest.mark.parametrize("path", [MARKED, TEST, "services/mail/domain/hours.py"])
def test_it_changes_where_one_of_them_is_gone(root: Path, path: str) -> None:
    before = digest(root)
    (root / path).unlink()
    assert digest(root) != before


@pytest.mark.parametrize(
    ("line", "also"),
    [
        ("import importlib; importlib.import_module('services.post.letter')", "letter"),
        ("import importlib; importlib.import_module(f'services.{NAME}.service')", "service"),
        ("from importlib import import_module; import_module(NAME)", "service"),
        ("COMMAND = ['python', '-m', 'services.post.service']", "service"),
        ("from services.post import letter", "letter"),
        ("def later():\n    import services.post.letter\n", "letter"),
        ("if TYPE_CHECKING:\n    from services.post.letter import Letter\n", "letter"),
    ],
)
def test_however_a_module_is_named_it_is_followed(root: Path, line: str, also: str) -> None:
    with (root / "tests/support/mail.py").open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    found = Project(root).reached([MARKED, TEST])
    assert {f"services/post/{also}.py", "services/post/data/words.txt"} <= found


def test_a_module_that_comes_in_a_followed_form_is_rested_on_too(root: Path) -> None:
    with (root / MARKED).open("a", encoding="utf-8") as file:
        file.write("import importlib; importlib.import_module(f'services.{1}.service')\n")
    before = digest(root)
    (root / "services/claims").mkdir()
    (root / "services/claims/service.py").write_text("", "utf-8")
    assert digest(root) != before


@pytest.mark.parametrize(
    ("marked", "test", "rests_on"),
    [
        (
            "services/notifications/domain/notice.py",
            "tests/unit/notifications/test_what_is_decided.py",
            "services/notifications/domain/hours.py",
        ),
        (
            "shared/contracts/policies/platform.cedar",
            "tests/unit/consent/test_consent_permissions.py",
            "shared/identity/authorise.py",
        ),
        (
            "services/audit/checks/invariants/i03_disclosures.py",
            "tests/integration/audit/test_invariants.py",
            "tests/integration/audit/plants/releases.py",
        ),
    ],
)
def test_so_it_is_with_our_own(marked: str, test: str, rests_on: str) -> None:
    assert rests_on in Project(ROOT).reached([marked, test])
