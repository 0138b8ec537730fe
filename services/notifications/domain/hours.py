"""When a way of contact is safe, in the person's own time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.contracts.refusal import Because, Refused


class UnknownTimeZone(Refused):
    """Hours in a zone that nobody knows would be hours in a wrong zone."""

    code = "unknown_time_zone"
    because: Because = "invalid"
    detail = "There is no time zone of that name."
    what_to_do = "Send an IANA name, such as America/Chicago."


class EmptyHours(Refused):
    """Safe hours that hold no moment."""

    code = "empty_hours"
    because: Because = "invalid"
    detail = "These hours begin and end at the same moment."
    what_to_do = "Send an end after the start; an end before it means the next morning."


_NO_PLACE = re.compile(r"(?:localtime|Factory|posixrules)\Z|(?:posix|right)/")
"""Files beside the zones: the server's own clock, none, and the same zones in other seconds."""


@dataclass(frozen=True, slots=True)
class SafeHours:
    """Weekdays (0 is Monday), from and to, on the clock of ``time_zone``.

    An end before the start is on the following day. Where a clock change makes
    an hour happen twice or never, the shorter window counts.
    """

    weekdays: tuple[int, ...]
    start: str
    end: str
    time_zone: str

    @classmethod
    def of(cls, weekdays: Sequence[int], start: str, end: str, time_zone: str) -> SafeHours:
        """Hours that can be kept; refuses with UnknownTimeZone or EmptyHours."""
        if _NO_PLACE.match(time_zone):
            raise UnknownTimeZone()
        try:
            ZoneInfo(time_zone)
        # A name can also be a folder of the zone data, or leave it.
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UnknownTimeZone() from None
        if start == end:
            raise EmptyHours()
        return cls(tuple(sorted(set(weekdays))), start, end, time_zone)

    def date_at(self, at: datetime) -> date:
        """The day it is for the person."""
        return at.astimezone(ZoneInfo(self.time_zone)).date()

    def next_opening(self, at: datetime) -> datetime:
        """``at`` itself inside safe hours, else the moment when they next begin, in UTC."""
        return self.next_window(at)[0]

    def next_window(self, at: datetime) -> tuple[datetime, datetime]:
        """The same, and the moment when those hours end."""
        return min((max(opens, at), closes) for opens, closes in self._windows(at) if at < closes)

    def _windows(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.time_zone)
        starts, ends = time.fromisoformat(self.start), time.fromisoformat(self.end)
        overnight = timedelta(days=1 if ends < starts else 0)
        today = self.date_at(at)
        # Two weeks and a day on either side: a clock change can swallow one week's only window.
        for days in range(-1, 16):
            day = today + timedelta(days=days)
            if day.weekday() not in self.weekdays:
                continue
            opens = max(_both(datetime.combine(day, starts, zone)))
            closes = min(_both(datetime.combine(day + overnight, ends, zone)))
            if opens < closes:
                yield opens, closes


def _both(local: datetime) -> tuple[datetime, datetime]:
    """Both readings of a local time; they differ only around a clock change."""
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)
