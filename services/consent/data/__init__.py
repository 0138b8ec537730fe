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
    if policy["explanation_in_force"] not in policy["explanations"]:
        raise ValueError("the explanation in force is none of those that may be given")
    for version in policy["explanations"]:
        wording = _read(f"explanation-{version}.json")
        if wording["version"] != version or not wording["wording"]:
            raise ValueError(f"explanation {version} has no wording")
    return ReleasePolicy(
        version=policy["version"],
        longest_period=timedelta(days=policy["longest_period_days"]),
        explanations=frozenset(policy["explanations"]),
    )


def explanation(language: str) -> tuple[str, str, dict[str, str]]:
    """The version in force, the nearest language there is (else English), and its wording (R64)."""
    version = _read("policy.json")["explanation_in_force"]
    wording: dict[str, dict[str, str]] = _read(f"explanation-{version}.json")["wording"]
    nearest = next((t for t in (language, language.partition("-")[0]) if t in wording), "en")
    return version, nearest, wording[nearest]


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_HERE / name).read_text("utf-8"))
    return read
