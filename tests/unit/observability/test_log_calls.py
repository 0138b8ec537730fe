"""Every log call in the code says a fixed sentence and uses keys that are on the list."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.observability.allowed import ALLOWED, _phrase

ROOT = Path(__file__).parents[3]
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
LOGGERS = {"_log", "log", "logger", "_logger"}


def faults(source: str) -> Iterator[str]:
    """What is wrong with the log calls of a module."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
        if node.func.attr not in LEVELS or name not in LOGGERS:
            continue
        said = node.args[0] if node.args else None
        if not (isinstance(said, ast.Constant) and _phrase(said.value)):
            yield f"line {node.lineno}: the first argument is not a plain fixed sentence"
        for keyword in node.keywords:
            if keyword.arg is None:
                yield f"line {node.lineno}: keys are named, not unpacked"
            elif keyword.arg not in ALLOWED and keyword.arg != "exc_info":
                yield f"line {node.lineno}: {keyword.arg} is not on the list and would be dropped"


def modules() -> list[Path]:
    return sorted(
        path for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py")
    )


def test_all_modules_log_by_the_list() -> None:
    found = [
        f"{path.relative_to(ROOT)} {f}" for path in modules() for f in faults(path.read_text())
    ]
    assert found == []
    assert len(modules()) > 10


@pytest.mark.parametrize(
    "planted",
    [
        '_log.info(f"need of {name}")',
        '_log.info("need", words=words)',
        '_log.error("need", **row)',
        "self._log.warning(words)",
        "_log.info()",
    ],
)
def test_a_planted_violation_is_found(planted: str) -> None:
    assert list(faults(planted))


def test_a_proper_call_is_not_complained_of() -> None:
    assert not list(faults('_log.info("a stream was parked", position=7, exc_info=True)'))
