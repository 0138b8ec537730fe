"""What a jurisdiction decides about releases: data with a version, never a constant in a rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """``explanations``: the versions of the explanation that may be given before a yes."""

    version: str
    longest_period: timedelta
    explanations: frozenset[str]
