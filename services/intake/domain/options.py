"""What can be offered, as far as a decision depends on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NOTHING_NOW = "nothing_now"
"""To choose nothing is a choice too; it is always there, and no offer counts it."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the catalogue; wording and language are kept beside the decision."""

    key: str
    programme_type: str


def real_choices(options: Iterable[Option]) -> set[str]:
    """The different programme types besides "nothing now"."""
    return {option.programme_type for option in options} - {NOTHING_NOW}
