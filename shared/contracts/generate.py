"""JSON Schemas of everything that crosses a boundary: ``python -m shared.contracts.generate``.

Written from the types, committed beside them. ``--check`` fails where they have
drifted. ``--release`` also enters new published messages in ``released.lock``;
what is entered there never changes: a change is a new version beside it, and
this tool refuses to write anything else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.contracts.base import Message, ServiceContract, personal_fields, shown_once_fields
from shared.contracts.registry import services

HERE = Path(__file__).parent
SCHEMAS = HERE / "schemas"
LOCK = HERE / "released.lock"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PROSE = frozenset(("$id", "$schema", "title", "description", "examples"))

CLOUD_EVENT: dict[str, Any] = {
    "$schema": DIALECT,
    "$id": "urn:sayso:cloudevent",
    "title": "A published message on its way",
    "description": "CloudEvents 1.0, structured JSON; `data` is described by the schema of `type`.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "pattern": "^[a-z][a-z_]*/[1-9][0-9]*$"},
        "source": {"type": "string", "pattern": "^/sayso/[a-z][a-z_]*$"},
        "type": {"type": "string", "pattern": r"^[a-z_]+\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$"},
        "time": {
            "type": "string",
            "format": "date-time",
            "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$",
        },
        "datacontenttype": {"const": "application/json"},
        "position": {"type": "integer", "minimum": 1},
        "previous": {"type": "integer", "minimum": 0},
        "streamid": {"type": "string", "minLength": 1},
        "correlationid": {"type": "string", "format": "uuid"},
        "data": {"type": "object"},
    },
    "required": [
        "specversion", "id", "source", "type", "time", "datacontenttype",
        "position", "previous", "streamid", "correlationid", "data",
    ],
}  # fmt: skip


class ReleasedChanged(Exception):
    """A released message was changed or taken away; ``problems`` names each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "\n".join(problems)
            + "\nReleased versions never change: add the next version beside it."
        )


def generate(contracts: Iterable[ServiceContract]) -> dict[str, str]:
    """Path below ``schemas/`` → text, of every schema there should be."""
    files = {"cloudevent.json": _text(CLOUD_EVENT)}
    for service in contracts:
        for name, schema in _of_service(service):
            files[f"{service.name}/{name}.json"] = _text(schema)
    return files


def fingerprint(message: type[Message]) -> str:
    """What a reader may rely on: the hash of the schema without its prose."""
    rules = _without_prose(_schema(message, message.type, "serialization"))
    text = json.dumps(rules, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def released(published: Mapping[str, type[Message]], lock: Mapping[str, str]) -> dict[str, str]:
    """The lock with what is new; :class:`ReleasedChanged` if what it holds is not as it was."""
    now = {name: fingerprint(message) for name, message in published.items()}
    problems = [
        f"{name}: was released and is {'changed' if name in now else 'gone'}."
        for name, was in sorted(lock.items())
        if now.get(name) != was
    ]
    if problems:
        raise ReleasedChanged(problems)
    return dict(sorted(now.items()))


def drift(files: Mapping[str, str], folder: Path) -> list[str]:
    """What differs between ``files`` and ``folder``, in words; empty where nothing does."""
    there = {str(p.relative_to(folder)): p for p in folder.rglob("*.json")}
    found = [f"{name} is missing" for name in files if name not in there]
    found += [f"{name} belongs to nothing" for name in there if name not in files]
    found += [
        f"{name} is not what the types say"
        for name, text in files.items()
        if name in there and there[name].read_text("utf-8") != text
    ]
    return sorted(found)


def write(files: Mapping[str, str], folder: Path) -> None:
    """Make ``folder`` hold exactly ``files``."""
    for path in folder.rglob("*.json"):
        if str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def main(arguments: list[str] | None = None) -> int:
    """0 if all is well or was written, 1 with what is wrong on stderr."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.generate")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--check", action="store_true", help="change nothing; fail on drift")
    only.add_argument("--release", action="store_true", help="also lock what is new")
    asked = parser.parse_args(arguments)
    contracts = services().values()
    files = generate(contracts)
    published = {m.type: m for s in contracts for m in s.publishes}
    try:
        locked = released(published, json.loads(LOCK.read_text("utf-8")) if LOCK.exists() else {})
    except ReleasedChanged as changed:
        print(changed, file=sys.stderr)
        return 1
    if asked.check:
        found = drift(files, SCHEMAS)
        for line in found:
            print(line, file=sys.stderr)
        if found:
            print("Write them again: make contracts", file=sys.stderr)
        return 1 if found else 0
    write(files, SCHEMAS)
    if asked.release:
        LOCK.write_text(_text(locked), "utf-8")
    return 0


def _of_service(service: ServiceContract) -> Iterator[tuple[str, dict[str, Any]]]:
    for request in service.requests:
        name = request.method()
        address = f"{service.name}:{name}"
        yield f"{name}.request", _schema(request, f"{address}:request", "validation")
        yield f"{name}.answer", _schema(request.returns, f"{address}:answer", "serialization")
    for message in service.publishes:
        yield message.type, _schema(message, message.type, "serialization")


def _schema(model: type[BaseModel], address: str, mode: Any) -> dict[str, Any]:
    schema = model.model_json_schema(mode=mode)
    for name, record_class in personal_fields(model).items():
        schema["properties"][name]["x-sealed-under"] = record_class
    for name in shown_once_fields(model):
        schema["properties"][name]["x-shown-once"] = True
    return {"$schema": DIALECT, "$id": f"urn:sayso:{address}", **schema}


def _without_prose(schema: Any, names: bool = False) -> Any:
    """Rules only. ``names``: the keys of this object are fields, not keywords."""
    if isinstance(schema, dict):
        return {
            key: _without_prose(value, names=not names and key in ("properties", "$defs"))
            for key, value in schema.items()
            if names or key not in _PROSE
        }
    if isinstance(schema, list):
        return [_without_prose(value) for value in schema]
    return schema


def _text(data: Any) -> str:
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
