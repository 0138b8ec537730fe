"""Finding the sealed values inside an event, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from shared.sealing.sealed import Sealed


def map_sealed(value: Any, change: Callable[[str, Sealed], Sealed], path: str = "") -> Any:
    """``value`` with every ``Sealed`` in it replaced by ``change(path, sealed)``.

    Goes into mappings, lists, tuples and dataclasses; everything else is
    handed back as it is. The path (``words``, ``notes.0``, ``plan.contact``)
    is the field of the value's binding: it is the same before storing and
    after reading, whether a sequence came back as a list or a tuple.
    """
    if isinstance(value, Sealed):
        return change(path, value)
    if isinstance(value, dict):
        return {k: map_sealed(v, change, _join(path, k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        items = [map_sealed(v, change, _join(path, i)) for i, v in enumerate(value)]
        if isinstance(value, list):
            return items
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if is_dataclass(value) and not isinstance(value, type):
        return _map_dataclass(value, change, path)
    return value


def sealed_in(value: Any) -> dict[str, Sealed]:
    """Path → sealed value, in the order in which they stand."""
    found: dict[str, Sealed] = {}

    def note(path: str, sealed: Sealed) -> Sealed:
        found[path] = sealed
        return sealed

    map_sealed(value, note)
    return found


def _map_dataclass(value: Any, change: Callable[[str, Sealed], Sealed], path: str) -> Any:
    old = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
    new = {name: map_sealed(item, change, _join(path, name)) for name, item in old.items()}
    changed = {name: item for name, item in new.items() if item is not old[name]}
    return cast(Any, replace(value, **changed)) if changed else value


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)
