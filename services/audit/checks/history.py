"""What the services stored, read as one history: streaming, in order, from their own databases.

Each log is read under its service's audit role, which may read the events and
nothing else, in one snapshot. Within a service the position is the order.
Across services it is the time of storing, by the services' own clocks, with two
corrections: a clock that was set back does not move an event before its
predecessor, and what an event reacts to comes before it. Ties go by service.

Services are read one after the other, so the last moments of one log may cite
what another's snapshot does not hold yet. So each service's end is looked up
first, before any snapshot is taken: up to there entries are judged; what was
stored since is read, because it may be the cause that is missing, and not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Protocol
from uuid import UUID

from services.audit.checks.entries import Entry, entry_of

PAGE = 1_000
_EVENTS = (
    "SELECT position, originator_id, originator_version, topic, state, previous"
    " FROM ONLY public.events"
)


class Log(Protocol):
    """One service's log."""

    service: str

    def last(self) -> int:
        """The last position; 0 where nothing is stored."""
        ...

    def entries(self, name: str | None = None) -> Iterator[Entry]:
        """All of it in order, or the events of one name; streamed."""
        ...

    def streams(self) -> Iterator[Entry]:
        """All of it stream by stream, each in the order of its versions; streamed."""
        ...

    def stream(self, stream: UUID, before: int) -> Iterator[Entry]:
        """The events of one stream at positions below ``before``, in order."""
        ...

    def at(self, position: int) -> Entry | None:
        """One entry."""
        ...


class StoredLog:
    """A service's log in PostgreSQL, over one connection in one snapshot."""

    def __init__(self, service: str, connection: Any) -> None:
        self.service = service
        self._connection = connection
        self._cursors = 0

    def last(self) -> int:
        """The last position; 0 where nothing is stored."""
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(position), 0) FROM ONLY public.events")
            return int(cursor.fetchone()[0])

    def entries(self, name: str | None = None) -> Iterator[Entry]:
        """All of it in order, or the events of one name."""
        if name is None:
            return self._streamed(_EVENTS + " ORDER BY position")
        return self._streamed(
            _EVENTS + " WHERE right(topic, %s) = %s ORDER BY position",
            (len(name) + 1, f".{name}"),
        )

    def streams(self) -> Iterator[Entry]:
        """All of it stream by stream."""
        return self._streamed(_EVENTS + " ORDER BY originator_id, originator_version")

    def stream(self, stream: UUID, before: int) -> Iterator[Entry]:
        """The events of one stream below a position."""
        return self._streamed(
            _EVENTS + " WHERE originator_id = %s AND position < %s ORDER BY originator_version",
            (str(stream), before),
        )

    def at(self, position: int) -> Entry | None:
        """One entry."""
        with self._connection.cursor() as cursor:
            cursor.execute(_EVENTS + " WHERE position = %s", (position,))
            row = cursor.fetchone()
        return entry_of(self.service, row) if row else None

    def _streamed(self, sql: str, params: tuple[Any, ...] = ()) -> Iterator[Entry]:
        self._cursors += 1
        with self._connection.cursor(f"audit_{self._cursors}") as cursor:
            cursor.itersize = PAGE
            cursor.execute(sql, params)
            for row in cursor:
                yield entry_of(self.service, row)


class History:
    """All logs as one. ``judged``: up to which position of each service there are findings."""

    def __init__(
        self,
        logs: Mapping[str, Log],
        judged: Mapping[str, int] | None = None,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self.logs = dict(sorted(logs.items()))
        self.lasts = {name: log.last() for name, log in self.logs.items()}
        self.judged = dict(self.lasts if judged is None else judged)
        self._progress = progress
        self._come: dict[str, int] = {}

    @property
    def services(self) -> tuple[str, ...]:
        """Whose logs these are."""
        return tuple(self.logs)

    def is_judged(self, service: str, position: int) -> bool:
        """Whether everything that this entry may cite is in the history."""
        return position <= self.judged.get(service, 0)

    def entries(self) -> Iterator[Entry]:
        """Every entry of every service, in the history's order; one pass at a time."""
        total = sum(self.lasts.values())
        self._come = dict.fromkeys(self.logs, 0)
        for done, entry in enumerate(_merged(self.logs, self.lasts), 1):
            self._come[entry.service] = entry.position
            yield entry
            if done % PAGE == 0:
                self._progress(done, total)

    def come(self, service: str) -> int:
        """The position of a service that the pass has reached."""
        return self._come.get(service, 0)

    def earlier(self, service: str, stream: UUID, before: int) -> Iterator[Entry]:
        """A stream's events below a position, in order."""
        log = self.logs.get(service)
        if log is not None:
            yield from log.stream(stream, before)

    def at(self, service: str, position: int) -> Entry | None:
        """The entry at a place, or nothing."""
        log = self.logs.get(service)
        return log.at(position) if log is not None else None

    def named(self, name: str) -> Iterator[Entry]:
        """Every event of a name, service by service: one more pass over the logs."""
        for log in self.logs.values():
            yield from log.entries(name)

    def causes(self, entry: Entry) -> Iterator[Entry]:
        """What led to an entry, from the nearest back to where somebody or something began it."""
        been = {(entry.service, entry.position)}
        while entry.cause is not None and entry.cause not in been:
            been.add(entry.cause)
            found = self.at(*entry.cause)
            if found is None:
                return
            yield found
            entry = found


class Readable(Protocol):
    """The part of ``shared.command_line.Reading`` that is needed here."""

    @property
    def services(self) -> tuple[str, ...]:
        """The services with a database."""
        ...

    def connection(self, service: str) -> AbstractContextManager[Any]:
        """One snapshot of a service's database, under its audit role."""
        ...


@contextmanager
def opened(
    reading: Readable, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Iterator[History]:
    """The history in the databases; closed at the end."""
    judged = {}
    for service in reading.services:
        with reading.connection(service) as connection:
            judged[service] = StoredLog(service, connection).last()
    with ExitStack() as stack:
        logs: dict[str, Log] = {
            service: StoredLog(service, stack.enter_context(reading.connection(service)))
            for service in reading.services
        }
        yield History(logs, judged, progress)


class _Ahead:
    """A log with its next entry in sight, and a clock that only goes forward."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self._clock: Any = None
        self.next: Entry | None = None
        self.step()

    def step(self) -> None:
        self.next = next(self._entries, None)
        if self.next is not None:
            at = self.next.at
            self._clock = at if self._clock is None else max(self._clock, at)

    @property
    def key(self) -> Any:
        return self._clock


def _merged(logs: Mapping[str, Log], lasts: Mapping[str, int]) -> Iterator[Entry]:
    ahead = {name: _Ahead(log.entries()) for name, log in logs.items()}
    while waiting := {name: each for name, each in ahead.items() if each.next is not None}:
        first = min(waiting, key=lambda name: (waiting[name].key, name))
        chosen = waiting[_cause_first(first, waiting, lasts)]
        assert chosen.next is not None
        yield chosen.next
        chosen.step()


def _cause_first(service: str, waiting: Mapping[str, _Ahead], lasts: Mapping[str, int]) -> str:
    """The service whose turn it is, once what its next entry reacts to has come."""
    been = {service}
    while True:
        entry = waiting[service].next
        cause = entry.cause if entry is not None else None
        if cause is None or cause[0] in been or cause[0] not in waiting:
            return service
        standing = waiting[cause[0]].next
        if standing is None or not standing.position <= cause[1] <= lasts[cause[0]]:
            return service
        service = cause[0]
        been.add(service)
