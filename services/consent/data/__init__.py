"""What a jurisdiction may change without a change of code; a new content is a new version."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.consent.domain.policy import ReleasePolicy

_HERE = Path(__file__).parent


def release_policy() -> ReleasePolicy:
    """The policy in force. Fails at start where an explanation it names has no wording."""
    policy = _read("policy.json")
    for version in policy["explanations"]:
        wording = _read(f"explanation-{version}.json")
        if wording["version"] != version or not wording["wording"]:
            raise ValueError(f"explanation {version} has no wording")
    return ReleasePolicy(
        version=policy["version"],
        longest_period=timedelta(days=policy["longest_period_days"]),
        explanations=frozenset(policy["explanations"]),
    )


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_HERE / name).read_text("utf-8"))
    return read
