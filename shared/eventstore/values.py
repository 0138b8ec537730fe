"""How the values inside events become JSON, and come back as what they were.

A value that JSON does not know is ``{"_type_": name, "_data_": …}``. Names are
stored for ever; a class may move, its registered name stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from math import isfinite
from types import MemberDescriptorType
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Transcoder
from pydantic_core import from_json, to_json

from shared.contracts.decision import Decision, RecordedBy
from shared.sealing.sealed import Binding, Sealed

_Encode = Callable[[Any], Any]
_SEALED = "sealed"
_AS_IT_IS = frozenset((str, int, bool, type(None)))
_ATOMS = _AS_IT_IS | {float}

Path = tuple[Any, ...]
"""Where a value stands inside its event: ``()``, or the path of its holder and its name there."""

Standing = tuple[str, UUID, int, str]
"""Where an event stands: service, stream, version and topic as stored."""


class EventTranscoder(Transcoder):
    """Values of events to bytes and back.

    ``values`` are the frozen dataclasses and enums of a service, stored under
    their class names. ``TypeError`` on anything unknown: an event keeps nothing
    by accident.
    """

    def __init__(self, values: Iterable[type] = ()) -> None:
        self._names: dict[type, str] = {}
        self._encode: dict[type, _Encode] = {}
        self._decode: dict[str, _Encode] = {}
        self._register(UUID, "uuid_hex", lambda v: v.hex, _uuid)
        self._register(datetime, "datetime_iso", datetime.isoformat, datetime.fromisoformat)
        self._register(date, "date_iso", date.isoformat, date.fromisoformat)
        self._register(Decimal, "decimal_str", str, Decimal)
        self._register(timedelta, "seconds", timedelta.total_seconds, _seconds)
        self._register(tuple, "tuple", self._each, tuple)
        self._register(frozenset, "frozenset", lambda v: self._each(_sorted(v)), frozenset)
        self._register(Sealed, _SEALED, Sealed.as_data, Sealed.from_data)
        for value in (Decision, RecordedBy, *values):
            self.register(value)

    def register(self, cls: type) -> None:
        """Let events hold ``cls``, a frozen dataclass or an enum, under its class name."""
        if issubclass(cls, Enum):
            self._register(cls, cls.__name__, lambda v: self._to_json(v.value), cls)
        elif dataclasses.is_dataclass(cls):
            names = tuple(sorted(f.name for f in dataclasses.fields(cls)))
            self._register(
                cls,
                cls.__name__,
                lambda v: {name: self._to_json(getattr(v, name)) for name in names},
                _maker(cls),
            )
        else:
            raise TypeError(f"{cls.__name__} is neither a frozen dataclass nor an enum")

    def encode(self, obj: Any) -> bytes:
        """Canonical enough to compare: sorted keys, no spaces, UTF-8."""
        return to_json(self._to_json(obj))

    def decode(self, data: bytes) -> Any:
        """What was encoded; a sealed value in it does not say where it stands."""
        return self._restored(from_json(data, cache_strings="keys"), (), None)

    def decode_at(self, data: bytes, at: Standing) -> Any:
        """What was encoded, each sealed value bound to its place in the event that stands there."""
        return self._restored(from_json(data, cache_strings="keys"), (), at)

    def _register(self, cls: type, name: str, encode: _Encode, decode: _Encode) -> None:
        if self._decode.get(name) is not None and self._names.get(cls) != name:
            raise TypeError(f"two kinds of values are called {name}")
        self._names[cls], self._decode[name] = name, decode
        self._encode[cls] = lambda value: {"_data_": encode(value), "_type_": name}

    def _to_json(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_IT_IS:
            return value
        encode = self._encode.get(kind)
        if encode is not None:
            return encode(value)
        if kind is dict:
            return {
                key: item if type(item := value[key]) in _AS_IT_IS else self._to_json(item)
                for key in _in_order(tuple(value))
            }
        if kind is list:
            return self._each(value)
        if kind is float:
            if not isfinite(value):
                raise ValueError("an event holds finite numbers only")
            return value
        raise TypeError(f"an event cannot hold a {kind.__module__}.{kind.__qualname__}")

    def _each(self, values: Iterable[Any]) -> list[Any]:
        return [self._to_json(item) for item in values]

    def _restored(self, value: Any, path: Path, at: Standing | None) -> Any:
        # Runs for each value of each event of a replay, and changes in place what the parser made:
        # no call and no copy for what stands for itself.
        decode = self._decode
        if type(value) is dict:
            if len(value) == 2 and "_type_" in value and "_data_" in value:
                name, data = value["_type_"], value["_data_"]
                if name == _SEALED and at is not None:
                    return Sealed.from_data(data, Binding(*at, dotted(path)))
                return decode[name](data if type(data) is str else self._restored(data, path, at))
            for key, item in value.items():
                kind = type(item)
                if kind in _ATOMS:
                    continue
                if kind is dict and len(item) == 2 and "_type_" in item and "_data_" in item:
                    name, data = item["_type_"], item["_data_"]
                    if type(data) is str:
                        value[key] = decode[name](data)
                    elif name == _SEALED and at is not None:
                        value[key] = Sealed.from_data(data, Binding(*at, dotted((path, key))))
                    else:
                        value[key] = decode[name](self._restored(data, (path, key), at))
                    continue
                value[key] = self._restored(item, (path, key), at)
        elif type(value) is list:
            for i, item in enumerate(value):
                if type(item) not in _ATOMS:
                    value[i] = self._restored(item, (path, i), at)
        return value


def dotted(path: Path) -> str:
    """A path as it is written: ``lines.0.text``."""
    if path and not path[0]:
        return str(path[1])
    parts: list[str] = []
    while path:
        path, last = path
        parts.append(str(last))
    return ".".join(reversed(parts))


def _maker(cls: Any) -> Callable[[dict[str, Any]], Any]:
    """Makes a frozen dataclass of its fields by name, as ``cls(**data)`` does.

    Where every field is given and nothing else happens in ``__init__``, past it: a frozen one
    takes three times as long.
    """
    names = frozenset(f.name for f in dataclasses.fields(cls))
    members = [getattr(cls, name, None) for name in names]
    slots = [
        (member.__set__, member.__name__)
        for member in members
        if isinstance(member, MemberDescriptorType)
    ]
    plain = not slots and not hasattr(cls, "__slots__")
    if hasattr(cls, "__post_init__") or not (plain or len(slots) == len(names)):
        return lambda data: cls(**data)
    new, put = object.__new__, object.__setattr__

    def make(data: dict[str, Any]) -> Any:
        if data.keys() != names:
            return cls(**data)
        made = new(cls)
        if plain:
            put(made, "__dict__", data)
        for into, name in slots:
            into(made, data[name])
        return made

    return make


@lru_cache(maxsize=1_024)
def _in_order(keys: tuple[Any, ...]) -> tuple[str, ...]:
    """Sorted; every event of a class has the same ones."""
    if not all(isinstance(key, str) for key in keys):
        raise TypeError("the keys of a dict in an event are text")
    return tuple(sorted(keys))


def _sorted(value: frozenset[Any]) -> list[Any]:
    return sorted(value, key=str)


@lru_cache(maxsize=16_384)
def _uuid(text: str) -> UUID:
    """The same people and streams stand in event after event."""
    return UUID(text)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)
