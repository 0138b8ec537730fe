"""How long a notice may wait, and in which words it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """``lapses_after``: a notice older than that surprises, and is not sent any more.

    A relay that is away, or refuses for now, is asked again after ``first_wait``,
    each time twice as long, at most ``longest_wait``.
    """

    version: str
    lapses_after: timedelta
    first_wait: timedelta
    longest_wait: timedelta

    def wait(self, tries: int) -> timedelta:
        """How long to wait after so many tries, the first being 1."""
        return min(self.longest_wait, self.first_wait * int(2 ** min(tries - 1, 20)))


@dataclass(frozen=True, slots=True)
class Wording:
    """What a notice says in one language; ``{name}`` stands in ``greeting_by_name`` alone."""

    version: str
    language: str
    subject: str
    greeting: str
    greeting_by_name: str
    lines: tuple[str, ...]
