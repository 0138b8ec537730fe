"""The import rules hold, and each would fail if somebody broke it: violations are planted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources alone: what import-linter reads."""
    copy = tmp_path_factory.mktemp("project")
    for package in ("shared", "services", "infra"):
        shutil.copytree(
            ROOT / package,
            copy / package,
            ignore=lambda folder, names: [
                n for n in names if not (n.endswith(".py") or (Path(folder) / n).is_dir())
            ],
        )
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def broken_rules(project: Path) -> str:
    """What import-linter says; empty where every rule is kept."""
    ended = subprocess.run(
        [str(LINT), "--no-cache"], cwd=project, capture_output=True, text=True, check=False
    )
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def broken_by(project: Path, file: str, line: str) -> str:
    """What import-linter says when ``line`` stands at the end of ``file``, which is put back."""
    path = project / file
    before = path.read_text("utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", "utf-8")
    try:
        return broken_rules(project)
    finally:
        path.unlink() if before is None else path.write_text(before, "utf-8")


def module_file(project: Path, module: str) -> str:
    """A module's file, whether it is one or a package."""
    package = f"{module}/__init__.py"
    return package if (project / package).exists() else f"{module}.py"


def test_the_sources_keep_every_rule(project: Path) -> None:
    assert broken_rules(project) == ""


INDEPENDENT = "Services never import one another"
INWARDS = "Inside a service imports point inwards"
PURE = "A domain imports values"
FAR = "Nothing that a domain imports reaches"
EDGE = "know neither nameko nor a broker"
NO_EVENTLET = "The gateway speaks AMQP without"
SHARED = "shared never imports a service"
SURROUNDINGS = "A service never imports infra"


@pytest.mark.parametrize(
    ("module", "line", "rule"),
    [
        ("services/consent/application", "import services.intake.domain", INDEPENDENT),
        ("services/gateway/routes", "import services.consent.contracts", INDEPENDENT),
        ("services/consent/domain", "import services.consent.tables", INWARDS),
        ("services/consent/tables", "import services.consent.application", INWARDS),
        ("services/consent/contracts", "import services.consent.tables", INWARDS),
        ("services/consent/application", "import services.consent.reactions", INWARDS),
        ("services/intake/reactions", "import services.intake.service", INWARDS),
        ("services/consent/utils", "", INWARDS),
        ("services/audit/application", "import services.audit.checks.tree", INWARDS),
        ("services/audit/checks/tree", "import services.audit.cli.verify", INWARDS),
        ("services/audit/service", "import services.audit.cli.verify", INWARDS),
        ("services/audit/checks/rows", "import services.intake.domain", INDEPENDENT),
        ("services/consent/domain", "import structlog", PURE),
        ("services/consent/domain", "import time", PURE),
        ("services/consent/domain", "import random", PURE),
        ("services/consent/domain", "import socket", PURE),
        ("services/consent/domain", "import shared.settings", PURE),
        ("services/consent/domain", "import shared.contracts.consent", PURE),
        ("services/consent/domain", "import shared.contracts.registry", PURE),
        ("shared/eventstore/aggregate", "import psycopg2", FAR),
        ("shared/sealing/sealed", "import kombu", FAR),
        ("services/consent/application", "import nameko.rpc", EDGE),
        ("services/consent/contracts", "import kombu", EDGE),
        ("services/consent/tables", "import nameko", EDGE),
        ("services/gateway/app", "import nameko.standalone.rpc", NO_EVENTLET),
        ("services/gateway/app", "import eventlet", NO_EVENTLET),
        ("shared/settings", "import services.consent.domain", SHARED),
        ("shared/settings", "import infra.secrets", SHARED),
        ("services/consent/application", "import infra.secrets", SURROUNDINGS),
    ],
)
def test_a_planted_violation_is_found(project: Path, module: str, line: str, rule: str) -> None:
    said = broken_by(project, module_file(project, module), line)
    assert rule in said.partition("Broken contracts")[2], said


def test_a_new_service_is_held_to_the_pattern_unasked(project: Path) -> None:
    shutil.copytree(project / "services/consent", project / "services/circles")
    try:
        for file in (project / "services/circles").rglob("*.py"):
            text = file.read_text("utf-8").replace("services.consent", "services.circles")
            file.write_text(text, "utf-8")
        assert broken_rules(project) == ""
        said = broken_by(project, "services/circles/helpers.py", "")
        assert "services.circles.helpers" in said
    finally:
        shutil.rmtree(project / "services/circles")
