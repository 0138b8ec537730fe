"""What a deployment may change without a change of code; a new content is a new version."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.notifications.domain.policy import NoticePolicy, Wording

_HERE = Path(__file__).parent


def notice_policy() -> NoticePolicy:
    """How long a notice may wait."""
    policy = _read("policy.json")
    return NoticePolicy(
        version=policy["version"],
        lapses_after=timedelta(days=policy["lapses_after_days"]),
        first_wait=timedelta(seconds=policy["first_wait_seconds"]),
        longest_wait=timedelta(seconds=policy["longest_wait_seconds"]),
    )


def wordings() -> dict[str, Wording]:
    """The words in force by language. Fails at start where they tell, or English is missing."""
    version = _read("policy.json")["wording_in_force"]
    file = _read(f"wording-{version}.json")
    found = {
        language: Wording(version, language, **{**words, "lines": tuple(words["lines"])})
        for language, words in file["wording"].items()
    }
    for wording in found.values():
        greetings = (wording.greeting, wording.greeting_by_name)
        told = telling("\n".join((wording.subject, *greetings, *wording.lines)))
        if told:
            raise ValueError(f"wording {version}/{wording.language} tells: {', '.join(told)}")
    if "en" not in found or file["version"] != version:
        raise ValueError(f"wording {version} has no English, or is another version")
    return found


def nearest(wordings: dict[str, Wording], language: str) -> Wording:
    """The wording in a language, else in the one it is a kind of, else in English (R64)."""
    tags = (language, language.partition("-")[0], "en")
    return next(wordings[tag] for tag in tags if tag in wordings)


def telling(text: str) -> list[str]:
    """The words in it that would tell a stranger what a message may be about."""
    lower = text.lower()
    return [word for word in _read("telling_words.json")["words"] if word in lower]


def _read(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_HERE / name).read_text("utf-8"))
    return read
