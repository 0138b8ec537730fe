"""The rows of a history as lists, to be changed at will and stored again below the services."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
from psycopg2.extras import execute_values

from services.audit.checks.entries import Entry, entry_of
from services.audit.checks.history import History
from tests.support.postgres import Databases

State = dict[str, Any]


@dataclass(eq=False)
class Row:
    """One stored event. ``cause`` and ``cites`` follow what they point at wherever it is put."""

    service: str
    position: int
    stream: UUID
    version: int
    topic: str
    state: State
    published: bool
    previous: int | None = None
    cause: Row | None = None
    cites: Row | None = None

    @property
    def name(self) -> str:
        return self.topic.rpartition(".")[2]

    def set(self, **fields: Any) -> Row:
        """Change fields of the event."""
        self.state.update({name: stored(value) for name, value in fields.items()})
        return self

    def said(self, **fields: Any) -> Row:
        """Change fields of the decision's header; ``actor`` and ``role`` are the recorder's."""
        header = self.state["decision"]["_data_"]
        recorder = header["recorded_by"]["_data_"]
        for name, value in fields.items():
            if name in ("actor_id", "role", "agency_id"):
                recorder[name] = stored(value)
            else:
                header[name] = stored(value)
        return self

    def as_if_by(self, person: UUID, role: str = "harmed_party") -> Row:
        """As if that person had been admitted, and had recorded it as their own word."""
        self.said(actor_id=person, role=role, agency_id=None, on_behalf_of=None)
        self.state["meta"]["actor_id"] = str(person)
        return self

    def by(self, other: Row) -> Row:
        """As if whoever recorded the other had recorded this."""
        self.state["decision"] = copy.deepcopy(other.state["decision"])
        self.state["meta"]["actor_id"] = other.state["meta"]["actor_id"]
        return self

    def at(self, moment: datetime, *names: str) -> Row:
        """Stored at another moment; so say also the fields named."""
        return self.set(timestamp=moment, **dict.fromkeys(names, moment))

    @property
    def stored_at(self) -> datetime:
        return datetime.fromisoformat(self.state["timestamp"]["_data_"])

    def later(self, *names: str, **by: float) -> Row:
        return self.at(self.stored_at + timedelta(**by), *names)

    def caused_by(self, cause: Row | str) -> Row:
        if isinstance(cause, Row):
            self.cause = cause
        else:
            self.cause, self.state["meta"]["causation"] = None, cause
        return self

    def plain(self) -> tuple[Any, ...]:
        state = json.dumps(self.state, sort_keys=True, ensure_ascii=False).encode()
        return self.position, str(self.stream), self.version, self.topic, state, self.previous


@dataclass
class Books:
    """Every service's rows, in order."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    def copied(self) -> Books:
        return copy.deepcopy(self)

    def all(self, name: str | None = None) -> list[Row]:
        return [r for rows in self.rows.values() for r in rows if name in (None, r.name)]

    def first(self, name: str, **fields: Any) -> Row:
        return self.find(name, **fields)[0]

    def find(self, name: str, **fields: Any) -> list[Row]:
        wanted = {field: stored(value) for field, value in fields.items()}
        return [r for r in self.all(name) if all(r.state.get(f) == v for f, v in wanted.items())]

    def in_stream(self, row: Row, name: str) -> Row:
        """The event of that name in the same stream."""
        return next(r for r in self.rows[row.service] if (r.stream, r.name) == (row.stream, name))

    def again(self, row: Row, *, after: Row | None = None, new_stream: bool = False) -> Row:
        """A copy of a row, put after another one of its service, or at the end."""
        twin = copy.copy(row)
        twin.state = copy.deepcopy(row.state)
        if new_stream:
            twin.stream = uuid4()
        self.put(twin, after=after)
        return twin

    def put(self, row: Row, *, after: Row | None = None, before: Row | None = None) -> Row:
        rows = self.rows[row.service]
        if row in rows:
            rows.remove(row)
        if before is not None:
            rows.insert(rows.index(before), row)
        else:
            rows.insert(len(rows) if after is None else rows.index(after) + 1, row)
        return row

    def drop(self, *rows: Row) -> None:
        for row in rows:
            self.rows[row.service].remove(row)

    def renumber(self) -> Books:
        """Make every log whole again: as if the services had stored it so."""
        for rows in self.rows.values():
            published, versions = 0, dict[UUID, int]()
            for position, row in enumerate(rows, 1):
                row.position = position
                row.version = versions[row.stream] = versions.get(row.stream, 0) + 1
                row.previous = published if row.published else None
                published = position if row.published else published
        for row in self.all():
            if row.cause is not None:
                row.state["meta"]["causation"] = f"{row.cause.service}/{row.cause.position}"
            if row.cites is not None:
                row.set(preference_version=row.cites.version)
        return self

    # -- in memory, and in PostgreSQL ---------------------------------------------------------

    def history(self) -> History:
        return History({name: KeptLog(name, rows) for name, rows in self.rows.items()})

    def store(self, databases: Databases) -> None:
        """Below the services, as the owner of each database, who can take the trigger off."""
        for service, rows in self.rows.items():
            with (
                closing(psycopg2.connect(databases.dsn(service, "owner"))) as connection,
                connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("ALTER TABLE events DISABLE TRIGGER no_change; DELETE FROM events")
                execute_values(
                    cursor,
                    "INSERT INTO events (position, originator_id, originator_version, topic,"
                    " state, previous) VALUES %s",
                    [row.plain() for row in rows],
                )
                cursor.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER no_change")


class KeptLog:
    """A log that is a list."""

    def __init__(self, service: str, rows: list[Row]) -> None:
        self.service = service
        self._entries = [entry_of(service, row.plain()) for row in rows]

    def last(self) -> int:
        return self._entries[-1].position if self._entries else 0

    def entries(self, name: str | None = None) -> Iterator[Entry]:
        return (e for e in self._entries if name in (None, e.name))

    def streams(self) -> Iterator[Entry]:
        return iter(sorted(self._entries, key=lambda e: (str(e.stream), e.version)))

    def stream(self, stream: UUID, before: int) -> Iterator[Entry]:
        return (e for e in self._entries if e.stream == stream and e.position < before)

    def at(self, position: int) -> Entry | None:
        return next((e for e in self._entries if e.position == position), None)


def read_books(databases: Databases) -> Books:
    """What the services stored."""
    books = Books()
    for service in databases.names:
        with (
            closing(psycopg2.connect(databases.dsn(service, "audit"))) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT position, originator_id, originator_version, topic, state, previous"
                " FROM events ORDER BY position"
            )
            books.rows[service] = [
                Row(
                    service,
                    position,
                    UUID(str(stream)),
                    version,
                    topic,
                    json.loads(bytes(state)),
                    previous is not None,
                    previous,
                )
                for position, stream, version, topic, state, previous in cursor
            ]
    _follow(books)
    return books


def _follow(books: Books) -> None:
    places = {(r.service, str(r.position)): r for r in books.all()}
    versions = {(r.stream.hex, r.version): r for r in books.all()}
    for row in books.all():
        service, _, position = row.state["meta"]["causation"].partition("/")
        row.cause = places.get((service, position))
        if "preference_version" in row.state:
            stream = row.state["preference_id"]["_data_"]
            row.cites = versions[stream, row.state["preference_version"]]


def stored(value: Any) -> Any:
    """A value in the stored format."""
    match value:
        case UUID():
            return {"_type_": "uuid_hex", "_data_": value.hex}
        case datetime():
            return {"_type_": "datetime_iso", "_data_": value.isoformat()}
        case tuple():
            return {"_type_": "tuple", "_data_": [stored(inside) for inside in value]}
    return value
