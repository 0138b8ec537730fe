"""One stored event as an auditor reads it: its row, decoded by itself, its words left closed.

The stored format is read here without the code of any service: an auditor reads
what lies there, also what no service would have written. Nothing here trusts a
field to be there or to be of its kind: what is not is ``None``.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.sealing.padding import bucket_for

Item = tuple[str, str, UUID]
"""The service that owns a thing, its kind there, its id."""

_TOPIC = re.compile(r"[a-z_]+(?:\.[a-z_]+)*:[A-Z][A-Za-z]{0,40}\.[A-Z][A-Za-z]{0,40}")
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


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is of no kind that is stored, or not of the kind that it says: nobody knows what."""


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
    if not _TOPIC.fullmatch(known[4]):
        return Entry(*known, at=at, fields={}, unreadable="its topic names no event")
    return Entry(*known, at=at, fields=fields)


def _several(data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise TypeError("several things are stored as a list")
    return tuple(data)


def _fields_of(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise TypeError("a value of several fields is stored as an object")
    return data


def _seconds(data: Any) -> float:
    if not isinstance(data, int | float):
        raise TypeError("seconds are stored as a number")
    return float(data)


def _sealed(data: Any) -> Closed:
    """What is sealed, by its form: whose, its class, its key; a padded box; an HMAC."""
    box = b64decode(data["b"], validate=True)
    padded = len(box) - _NONCE_AND_TAG
    if (
        data.keys() != {"p", "c", "k", "b", "m"}
        or not all(_HEX.fullmatch(data[name]) for name in ("p", "k", "m"))
        or (len(data["p"]), len(data["k"]), len(data["m"])) != (32, 32, 64)
        or padded <= 0
        or bucket_for(padded) != padded
    ):
        raise ValueError("this is no sealed value")
    return Closed(data["c"])


_HEX = re.compile(r"[0-9a-f]+")
_NONCE_AND_TAG = 12 + 16
STRUCTURES = ("Decision", "RecordedBy", "SafeHours", "AddressMark")
"""The values of services that have fields of their own: read as the mappings that they are."""

_KNOWN: Mapping[str, Callable[[Any], Any]] = {
    "uuid_hex": lambda data: UUID(hex=data),
    "datetime_iso": datetime.fromisoformat,
    "date_iso": date.fromisoformat,
    "decimal_str": Decimal,
    "seconds": _seconds,
    "tuple": _several,
    "frozenset": _several,
    "sealed": _sealed,
    **dict.fromkeys(STRUCTURES, _fields_of),
}


def _decode(data: dict[str, Any]) -> Any:
    """Values of the stored format; :class:`Unknown` for what is none of them."""
    if "_type_" not in data:
        return data
    try:
        if data.keys() != {"_type_", "_data_"}:
            return Unknown()
        return _KNOWN[data["_type_"]](data["_data_"])
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
        return Unknown()


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
