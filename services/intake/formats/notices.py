"""The confidentiality notices: one for each base, in versions that every decision names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent.parent / "data" / "notices"
IN_FORCE: Mapping[str, str] = {
    "alone": "alone-1",
    "community": "community-1",
    "systems": "systems-1",
}
"""Base → version. A change of wording is a new file beside the old one, and a new line here."""

FALLBACK = "en"


@dataclass(frozen=True)
class Notice:
    """One version of one base's notice; ``texts`` holds its sentences by language."""

    base: str
    version: str
    texts: Mapping[str, tuple[str, ...]]

    def language(self, wanted: str) -> str:
        """The nearest language there is: the tag, its language, or English (R64)."""
        return next((t for t in (wanted, wanted.partition("-")[0]) if t in self.texts), FALLBACK)


@cache
def notices() -> Mapping[tuple[str, str], Notice]:
    """(base, version) → notice, of every version there ever was."""
    found: dict[tuple[str, str], Notice] = {}
    for file in sorted(_FOLDER.glob("*.json")):
        row = json.loads(file.read_text("utf-8"))
        texts = {language: tuple(said) for language, said in row["texts"].items()}
        found[row["base"], row["notice_version"]] = Notice(
            row["base"], row["notice_version"], texts
        )
    return found


def in_force(base: str) -> Notice:
    """The notice to give today; ``KeyError`` where a base has none."""
    return notices()[base, IN_FORCE[base]]
