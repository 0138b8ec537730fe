"""The audit's closed lists are those of the services: no word less, and none more."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import get_args

from services.audit.checks.entries import PARTIES
from services.audit.checks.lists import (
    AGGREGATES,
    DUE,
    EVENTS,
    OPTIONS,
    PROGRAMME_TYPES,
    REASONS,
    ROLES,
    TOPICS,
    WORDINGS,
)
from services.notifications.domain.notice import Failed, PutOff
from services.notifications.domain.preference import Suppressed
from tests.unit.audit.test_known_events import event_classes

SERVICES = Path("services")
LAWFUL = {"DisclosureCompelled", "MandatedReportMade"}
"""The rules name them, and no service stores them yet."""


def test_of_every_event_it_is_known_that_there_is_one() -> None:
    classes = event_classes()
    assert {cls.__name__ for cls in classes} == EVENTS - LAWFUL
    streams = {(cls.__module__, cls.__qualname__.partition(".")[0]) for cls in classes}
    assert {name for _, name in streams} == AGGREGATES
    assert {f"{module}:{name}" for module, name in streams} == TOPICS


def test_the_options_are_those_of_every_catalogue() -> None:
    options = [
        option
        for path in (SERVICES / "intake/data/options").glob("*.json")
        for option in json.loads(path.read_text("utf-8"))["options"]
    ]
    assert {option["key"] for option in options} == OPTIONS
    assert {option["programme_type"] for option in options} == PROGRAMME_TYPES


def test_the_reasons_are_those_of_notices_and_of_what_consent_does_not_release() -> None:
    of_notices = {*get_args(Suppressed), *get_args(PutOff), *get_args(Failed)}
    text = (SERVICES / "consent/domain/grant.py").read_text("utf-8")
    text += (SERVICES / "consent/application.py").read_text("utf-8")
    of_releases = set(re.findall(r'NotReleased\("([a-z_]+)"\)', text))
    [why] = [
        node.iter
        for node in ast.walk(ast.parse((SERVICES / "consent/domain/grant.py").read_text("utf-8")))
        if isinstance(node, ast.For) and ast.unparse(node.target) == "(reason, wrong)"
    ]
    of_releases |= {row.elts[0].value for row in why.elts}  # type: ignore[attr-defined]
    assert len(of_releases) > 8
    assert of_notices | of_releases == REASONS


def test_who_records_is_a_party_or_somebody_whom_a_policy_lets() -> None:
    named: set[str] = set()
    for path in Path("shared/contracts/policies").glob("*.cedar"):
        for policy in re.findall(r"permit\b.*?;", path.read_text("utf-8"), re.DOTALL):
            named |= set(re.findall(r'principal\.role == "([a-z_]+)"', policy))
            for roles in re.findall(r"\[([^\]]*)\]\s*\.contains\(principal\.role\)", policy):
                named |= set(re.findall(r'"([a-z_]+)"', roles))
    assert {"advocate", "coordinator"} <= named
    assert named | PARTIES | {"agency", "service", "system"} == ROLES


def test_what_falls_due_is_what_services_schedule() -> None:
    kinds: set[str] = set()
    for service in SERVICES.iterdir():
        text = "\n".join(path.read_text("utf-8") for path in service.glob("*.py"))
        for name in re.findall(r"\.schedule\(\s*(\w+)", text):
            [kind] = re.findall(rf'^{name} = "(\w+)"', text, re.MULTILINE)
            kinds.add(kind)
    assert kinds == DUE


def test_wordings_are_named_as_those_that_lie_beside_the_services() -> None:
    named = set()
    for path in SERVICES.glob("*/data/**/*.json"):
        data = json.loads(path.read_text("utf-8"))
        version = data.get("notice_version") or data.get("version", "")
        named.add(version.rpartition("-")[0])
    # What the gateway shows and what mail must not say is named by no event.
    assert named - {"", "crisis-help", "rights", "telling"} == WORDINGS
