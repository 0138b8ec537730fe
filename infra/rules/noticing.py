"""A pytest plugin: did a test *say* that something is not as it should be?

``pytest -p infra.rules.noticing`` ends with the first test that does, and writes its id to
the file that ``SAYSO_RULES_NOTICED`` names. A test that breaks down on its way (a name that
is not there, a broker that is away, a fixture that fails) says nothing of the rule.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

WHERE = "SAYSO_RULES_NOTICED"

_SAYS = frozenset(("AssertionError", "Failed", "Refused", "ValidationError"))
"""By name, with what is derived from them: an assertion, an exception that was expected and did
not come, and a refusal of what the rule asks for."""


def says(raised: BaseException) -> bool:
    """Whether this exception is a test's own word and no accident."""
    return any(kind.__name__ in _SAYS for one in _leaves(raised) for kind in type(one).__mro__)


def _leaves(raised: BaseException) -> Iterator[BaseException]:
    if isinstance(raised, BaseExceptionGroup):
        for inner in raised.exceptions:
            yield from _leaves(inner)
    else:
        yield raised


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Generator[None, Any, Any]:
    """Stop at the first test that says so."""
    report = yield
    if report.when == "call" and report.failed and call.excinfo and says(call.excinfo.value):
        Path(os.environ[WHERE]).write_text(item.nodeid, "utf-8")
        item.session.shouldfail = "noticed"
    return report
