"""I15: nothing was taken out of a log, and nothing put in between.

Positions are dense from 1; the versions of a stream follow one another; and what
an entry says of the published one before it is so. That nothing was taken off
the end, and that no entry was changed, is for `sayso audit verify`, which holds
the logs against the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams


@dataclass(slots=True)
class _Last:
    version: int = 0
    place: tuple[str, int] | None = None


class Dense(Invariant):
    """Remembers: the last position and the last published one of each service; versions."""

    code = "I15"
    holds = "the positions of every service's log are dense from 1, and so are its streams"
    limits = "Whether each entry is in the ledger: `sayso audit verify`."
    rules = ()

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._positions: dict[str, int] = {}
        self._published: dict[str, int] = {}
        self._versions: Streams[_Last] = Streams(history, _Last, _remember, most, unreadable=True)

    @property
    def retained(self) -> int:
        """Streams."""
        return len(self._versions)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Any entry."""
        before = self._positions.get(entry.service, 0)
        self._positions[entry.service] = entry.position
        version = self._versions.before(entry)
        expected = version.version + 1
        if entry.position != before + 1:  # I15
            yield self.found(
                entry,
                f"positions {before + 1} to {entry.position - 1} are missing before it",
                (entry.service, before) if before else None,
            )
        elif entry.version != expected:
            yield self.found(
                entry,
                f"it is version {entry.version} of its stream, where {expected} comes next",
                version.place,
            )
        elif entry.previous not in (None, self._published.get(entry.service, 0)):
            yield self.found(
                entry,
                f"it names {entry.previous} as the last one published before it",
                (entry.service, self._published.get(entry.service, 0)),
            )
        if entry.previous is not None:
            self._published[entry.service] = entry.position
        self._versions.remember(entry)

    def see_unreadable(self, entry: Entry) -> Iterator[Finding]:
        """A place in the log is one whatever it holds."""
        return self.see(entry)


def _remember(last: _Last, entry: Entry) -> None:
    last.version = entry.version
    last.place = (entry.service, entry.position)
