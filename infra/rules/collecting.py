"""A pytest plugin: which test carries which rule, as pytest itself collects them.

``pytest -p infra.rules.collecting --collect-only`` writes JSON, (test, rule) pairs, to
the file that ``SAYSO_RULES_OF_TESTS`` names.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

WHERE = "SAYSO_RULES_OF_TESTS"


def pytest_collection_finish(session: Any) -> None:
    """Write what was collected; marks of functions, classes, modules and parameters alike."""
    found = {
        (item.nodeid, rule)
        for item in session.items
        for mark in item.iter_markers("rule")
        for rule in mark.args
    }
    Path(os.environ[WHERE]).write_text(json.dumps(sorted(found)), "utf-8")
