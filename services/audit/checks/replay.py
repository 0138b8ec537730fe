"""The state of everything as of a moment, folded again from the events stored by then.

A moment is a prefix of every log. For a date: each log up to the last entry
that was stored by then, by its service's clock. For a place (``consent/41``):
everything that comes before it in the history, and it itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from uuid import UUID

from services.audit.checks.entries import Entry
from services.audit.checks.history import PAGE, History
from services.audit.checks.states import ENDS_BY_ITSELF, PERIOD_OVER, after

Place = tuple[str, int]
"""A service and a position in its log."""


class NotAMoment(ValueError):
    """Neither a date, nor a time with its offset, nor a place in a log."""


class NothingThere(LookupError):
    """No service of that name, or no entry at that position."""


class Progress(Protocol):
    """Where to say how far it is."""

    def at(self, what: str, done: int, total: int | None = None) -> None:
        """``done`` of ``total`` are done."""
        ...


@dataclass(frozen=True)
class Moment:
    """``upto``: the last position of each service that counts; ``at``: the instant, if known."""

    upto: Mapping[str, int]
    at: datetime | None

    def holds(self, entry: Entry) -> bool:
        """Whether an entry had been stored."""
        return entry.position <= self.upto.get(entry.service, 0)


@dataclass
class Standing:
    """A stream as it stood: its kind, its state, whose it is, and its last entry."""

    first: Entry
    last: Entry
    state: str
    participation: UUID | None
    expires_at: datetime | None

    def take(self, entry: Entry) -> None:
        """One more event of the stream."""
        self.last, self.state = entry, after(self.state, entry)
        self.participation = self.participation or entry.participation
        self.expires_at = self.expires_at or entry.time("expires_at")

    def state_at(self, moment: datetime | None) -> str:
        """The state, as the clock gives it: a period ends whether or not that is on record."""
        ends = self.state in ENDS_BY_ITSELF.get(self.first.aggregate, ())
        if ends and moment is not None and self.expires_at is not None:
            return PERIOD_OVER if self.expires_at <= moment else self.state
        return self.state


def named(text: str) -> datetime | Place:
    """The instant or the place that a text names; a date is all of that day, in UTC.

    Raises :class:`NotAMoment`.
    """
    service, slash, position = text.partition("/")
    if slash:
        if not (position.isdecimal() and position.isascii()):
            raise NotAMoment(text)
        return service, int(position)
    with suppress(ValueError):
        return _end_of(date.fromisoformat(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise NotAMoment(text) from None
    if at.tzinfo is None:
        raise NotAMoment(f"{text}, without its offset")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise NotAMoment(f"{text}, outside the years 1 to 9999 of UTC,") from None


def moment(history: History, at: datetime | Place | None) -> Moment:
    """What of a history had been stored by then; all of it where no moment is named.

    Raises :class:`NothingThere`.
    """
    if at is None:
        return Moment(history.lasts, None)
    if isinstance(at, tuple):
        return _place(history, *at)
    upto = dict.fromkeys(history.services, 0)
    for entry in history.entries():
        if entry.unreadable is None and entry.at <= at:
            upto[entry.service] = entry.position
    return Moment(upto, at)


def standings(
    history: History, when: Moment, progress: Progress, service: str | None = None
) -> Iterator[Standing]:
    """Every stream as it stood, service by service; one at a time."""
    for name, log in history.logs.items():
        if service not in (None, name):
            continue
        current: Standing | None = None
        for done, entry in enumerate(log.streams(), 1):
            if done % PAGE == 0:
                progress.at(name, done, history.lasts[name])
            if not when.holds(entry):
                continue
            if current is None or current.first.stream != entry.stream:
                if current is not None:
                    yield current
                current = Standing(entry, entry, "unknown", None, None)
            current.take(entry)
        if current is not None:
            yield current


def entries(history: History, when: Moment) -> Iterator[Entry]:
    """Every entry that had been stored, in the history's order."""
    left = sum(when.upto.values())
    for entry in history.entries():
        if left == 0:
            return
        if when.holds(entry):
            left -= 1
            yield entry


def _place(history: History, service: str, position: int) -> Moment:
    if history.at(service, position) is None:
        raise NothingThere(f"{service}/{position}")
    for entry in history.entries():
        if (entry.service, entry.position) == (service, position):
            upto = {name: history.come(name) for name in history.services}
            return Moment(upto, entry.at if entry.unreadable is None else None)
    raise NothingThere(f"{service}/{position}")


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC) + timedelta(days=1, microseconds=-1)
