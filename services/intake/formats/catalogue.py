"""The options that can be offered, in a version that every decision names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.intake.domain.options import Option

_FOLDER = Path(__file__).parent.parent / "data" / "options"
CURRENT = "2026-11.1"
"""The version in use. A change of wording is a new file beside the old one: decisions name it."""

FALLBACK = "en"

NEVER_MISSING = frozenset(("community_crisis_team", "trauma_recovery_centre"))
"""Help without the police, and help that asks for no report: no catalogue leaves them out."""

AFFECTS_THE_CASE = "diversion_circle"


@dataclass(frozen=True)
class Entry:
    """One option; ``case_effect`` is ``disposition`` for the diversion circle alone (R10)."""

    option: Option
    sector: str
    case_effect: str
    texts: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class OptionCatalogue:
    """All options of one version."""

    version: str
    entries: tuple[Entry, ...]

    def find(self, key: str) -> Option | None:
        """The option of this key."""
        return next((e.option for e in self.entries if e.option.key == key), None)

    def language(self, wanted: str) -> str:
        """The nearest language there is: the tag, its language, or English (R64)."""
        there = self.entries[0].texts
        return next((t for t in (wanted, wanted.partition("-")[0]) if t in there), FALLBACK)


@cache
def catalogue(version: str = CURRENT) -> OptionCatalogue:
    """The catalogue of a version; ``FileNotFoundError`` if there never was one."""
    return parse(json.loads((_FOLDER / f"{version}.json").read_text("utf-8")))


def parse(data: dict[str, Any]) -> OptionCatalogue:
    """Read a catalogue.

    ``ValueError`` where a key is double, a language is missing, a type that no catalogue
    leaves out is missing, or a programme that may not touches the case.
    """
    entries = tuple(
        Entry(
            Option(row["key"], row["programme_type"]),
            row["sector"],
            row["case_effect"],
            row["texts"],
        )
        for row in data["options"]
    )
    if len({e.option.key for e in entries}) != len(entries):
        raise ValueError("two options of one key")
    if len({frozenset(e.texts) for e in entries}) != 1:  # R64
        raise ValueError("an option is missing in one of the languages")
    if not {e.option.key for e in entries} >= NEVER_MISSING:  # R63 R65
        raise ValueError(f"one of {sorted(NEVER_MISSING)} is missing")
    touching = {e.option.programme_type for e in entries if e.case_effect != "none"}
    if touching - {AFFECTS_THE_CASE}:  # R10
        raise ValueError(f"{sorted(touching)}: a programme touches the case that may not")
    return OptionCatalogue(data["options_version"], entries)
