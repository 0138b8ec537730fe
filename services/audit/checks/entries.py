"""One stored event as an auditor reads it: its row, decoded by itself, its words left closed.

The stored format is read here without the code of any service: an auditor reads
what lies there, also what no service would have written. Nothing here trusts a
field to be there or to be of its kind: what is not is ``None``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

Item = tuple[str, str, UUID]
"""The service that owns a thing, its kind there, its id."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,127}")
_NEVER = datetime.min.replace(tzinfo=UTC)
PARTIES = frozenset(
    (
        "harmed_party",
        "responsible_party",
        "support_person",
        "surrogate",
        "community_member",
        "child",
        "guardian",
        "observer",
    )
)


@dataclass(frozen=True, slots=True)
class Closed:
    """A person's words, sealed: the audit has no key, and asks for none."""

    record_class: str

    def __str__(self) -> str:
        return f"sealed ({self.record_class})"


@dataclass(frozen=True, slots=True)
class Said:
    """The header of a decision, as far as it is there."""

    decided_by: str | None
    participation: UUID | None
    actor: UUID | None
    role: str | None
    base: str | None
    agency: UUID | None
    on_behalf_of: UUID | None
    how: str | None
    language: str | None
    interpreter: UUID | None
    notice_version: str | None
    options_version: str | None
    decided_at: datetime | None
    recorded_at: datetime | None

    @property
    def as_own(self) -> bool:
        """Whether it is written down as a party's own word: by a party, and for nobody else.

        Whether it is, is for :meth:`Entry.own`.
        """
        return self.role in PARTIES and self.on_behalf_of is None

    def heard_for(self, person: UUID | None) -> bool:
        """Whether staff wrote it down for this person: nobody's party, and not themselves (R71)."""
        return (
            self.role not in (None, "system", *PARTIES)
            and self.actor not in (None, person)
            and self.participation == self.on_behalf_of == person
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of one service's log. ``at`` is when it was stored, by that service's clock.

    ``unreadable`` says why where the row cannot be read; then there are no fields.
    """

    service: str
    position: int
    stream: UUID
    version: int
    topic: str
    previous: int | None
    at: datetime
    fields: Mapping[str, Any] = field(repr=False)
    unreadable: str | None = None

    @property
    def place(self) -> str:
        """``consent/41``."""
        return f"{self.service}/{self.position}"

    @property
    def name(self) -> str:
        """``GrantGiven``."""
        return self.topic.rpartition(":")[2].rpartition(".")[2]

    @property
    def aggregate(self) -> str:
        """``Grant``."""
        return self.topic.rpartition(":")[2].rpartition(".")[0]

    @property
    def causation(self) -> str:
        """``command/<id>``, ``<service>/<position>`` or ``due/<kind>/<key>``; empty if unknown."""
        return self._meta("causation") or ""

    @property
    def cause(self) -> tuple[str, int] | None:
        """The stored event that this one reacts to, if it reacts to one."""
        service, _, position = self.causation.partition("/")
        return (service, int(position)) if position.isdecimal() and position.isascii() else None

    @property
    def actor(self) -> str | None:
        """Who was admitted when this was stored: an id, or a service's name."""
        return self._meta("actor_id")

    @property
    def said(self) -> Said | None:
        """The decision's header; of whoever assigned, where an assignment has no other."""
        given = self.fields.get("decision")
        return _said(given) if isinstance(given, Mapping) else None

    @property
    def participation(self) -> UUID | None:
        """Whom it is about, where it says so itself; a participation is the stream that it is."""
        if self.aggregate == "Participation":
            return self.stream
        said = self.said
        return self.id("participation_id") or (said.participation if said else None)

    def own(self, person: UUID | None = None) -> bool:
        """Whether the harmed party whose participation it is decided it and wrote it down.

        Header and admission name that very participation: neither another survivor nor
        another party passes for them. ``person``: whose the stream is, where that is
        known better than from the entry itself.
        """
        person, said = person or self.participation, self.said
        return (
            person is not None
            and said is not None
            and said.on_behalf_of is None
            and said.decided_by == said.role == "harmed_party"
            and said.participation == said.actor == person
            and self.actor == str(person)
        )

    def id(self, name: str) -> UUID | None:
        """A field that is an id."""
        value = self.fields.get(name)
        return value if isinstance(value, UUID) else None

    def text(self, name: str) -> str | None:
        """A field that is a code, a state or a version."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    def time(self, name: str) -> datetime | None:
        """A field that is an instant."""
        return _instant(self.fields.get(name))

    def day(self, name: str) -> date | None:
        """A field that is a date."""
        value = self.fields.get(name)
        return value if isinstance(value, date) and not isinstance(value, datetime) else None

    def number(self, name: str) -> int | None:
        """A field that is a count."""
        value = self.fields.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def item(self) -> Item | None:
        """The one thing that it is about."""
        return _item(self.fields.get("item"))

    def items(self) -> frozenset[Item]:
        """The things that it is about."""
        value = self.fields.get("items")
        found = map(_item, value) if isinstance(value, list | tuple) else ()
        return frozenset(item for item in found if item is not None)

    def _meta(self, name: str) -> str | None:
        meta = self.fields.get("meta")
        value = meta.get(name) if isinstance(meta, Mapping) else None
        return value if isinstance(value, str) else None


def entry_of(service: str, row: tuple[Any, ...]) -> Entry:
    """From a row: position, originator_id, originator_version, topic, state, previous."""
    position, stream, version, topic, state, previous = row
    known = (service, int(position), UUID(str(stream)), int(version), str(topic), previous)
    try:
        fields = json.loads(bytes(state), object_hook=_decode)
    except (ValueError, TypeError, RecursionError, ArithmeticError):
        return Entry(*known, at=_NEVER, fields={}, unreadable="its state is no JSON of events")
    at = _instant(fields.get("timestamp")) if isinstance(fields, dict) else None
    if at is None:
        return Entry(*known, at=_NEVER, fields={}, unreadable="it does not say when it was stored")
    if not known[4].rpartition(":")[2].count("."):
        return Entry(*known, at=at, fields={}, unreadable="its topic names no event")
    return Entry(*known, at=at, fields=fields)


def is_code(text: str) -> bool:
    """Whether a text is a code, a version, a time zone or an id, and not words."""
    return not text or _CODE.fullmatch(text) is not None


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside a value, with the path to it."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from walk(inside, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple | frozenset):
        for inside in value:
            yield from walk(inside, path)
    else:
        yield path, value


_KNOWN: Mapping[str, Callable[[Any], Any]] = {
    "uuid_hex": lambda data: UUID(hex=data),
    "datetime_iso": datetime.fromisoformat,
    "date_iso": date.fromisoformat,
    "decimal_str": str,
    "seconds": float,
    "tuple": tuple,
    "frozenset": tuple,
    "sealed": lambda data: Closed(str(data["c"])),
}


def _decode(data: dict[str, Any]) -> Any:
    """Values of the stored format; a service's own ones are read as the mappings that they are."""
    if data.keys() != {"_type_", "_data_"}:
        return data
    try:
        known = _KNOWN.get(data["_type_"])
        return known(data["_data_"]) if known else data["_data_"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _said(given: Mapping[str, Any]) -> Said:
    by = given.get("recorded_by")
    recorder = by if isinstance(by, Mapping) else {}

    def an_id(of: Mapping[str, Any], name: str) -> UUID | None:
        value = of.get(name)
        return value if isinstance(value, UUID) else None

    def text(of: Mapping[str, Any], name: str) -> str | None:
        value = of.get(name)
        return value if isinstance(value, str) and value else None

    return Said(
        decided_by=text(given, "decided_by"),
        participation=an_id(given, "participation_id"),
        actor=an_id(recorder, "actor_id"),
        role=text(recorder, "role"),
        base=text(recorder, "base"),
        agency=an_id(recorder, "agency_id"),
        on_behalf_of=an_id(given, "on_behalf_of"),
        how=text(given, "how"),
        language=text(given, "language"),
        interpreter=an_id(given, "interpreter"),
        notice_version=text(given, "notice_version"),
        options_version=text(given, "options_version"),
        decided_at=_instant(given.get("decided_at")),
        recorded_at=_instant(given.get("recorded_at")),
    )


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value.astimezone(UTC)


def _item(value: Any) -> Item | None:
    match value:
        case [str(service), str(kind), UUID() as item_id]:
            return service, kind, item_id
    return None
