"""From the bytes of a request to a request model, and back to words where that fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, get_args
from uuid import UUID

from pydantic import BaseModel, ValidationError, create_model
from starlette.datastructures import Headers
from starlette.requests import Request as HttpRequest

from services.gateway import problems
from shared.contracts.base import Model, Request

_NIL = UUID(int=0)
_SAID = {
    "missing": "is required",
    "extra_forbidden": "is not a field here",
    "json_invalid": "is not JSON",
    "model_type": "has to be an object",
    "string_type": "has to be a text",
    "string_too_long": "is too long",
    "string_too_short": "is too short",
    "string_pattern_mismatch": "is not of the expected form",
    "int_type": "has to be a whole number",
    "bool_type": "has to be true or false",
    "uuid_type": "has to be a UUID",
    "uuid_parsing": "has to be a UUID",
    "literal_error": "is not one of the values allowed",
    "tuple_type": "has to be a list",
    "too_long": "has too many entries",
    "too_short": "has too few entries",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "too_far_away": "is too far away",
    "not_a_moment": "has to be a date-time with its offset, as 2026-11-21T10:00:00Z (RFC 3339)",
    "not_a_day": "has to be a date, as 2026-11-21",
}
_OTHERWISE = "is not of the expected form"

M = TypeVar("M", bound=BaseModel)


@cache
def part_of(request: type[Request], names: frozenset[str]) -> type[Model]:
    """A model of only these fields of ``request``: its path part, or its body."""
    fields: dict[str, Any] = {
        name: (info.annotation, info)
        for name, info in request.model_fields.items()
        if name in names
    }
    return create_model(f"{request.__name__}Body", __base__=Model, **fields)


def body_model(request: type[Request], path_fields: Iterable[str]) -> type[Model]:
    """What remains for the body, or the query, once the path carries its fields."""
    return part_of(request, frozenset(request.model_fields) - frozenset(path_fields))


def read_path(request: type[Request], values: Mapping[str, str]) -> dict[str, Any]:
    """The path's fields as JSON data; 404 where one cannot be an id."""
    model = part_of(request, frozenset(values))
    try:
        found = model.model_validate_json(json.dumps(dict(values)))
    except (ValidationError, UnicodeError):
        raise problems.not_found() from None
    return found.model_dump(mode="json")


def read_query(request: type[Request], path_fields: Iterable[str], http: HttpRequest) -> Model:
    """The query's fields; a field given twice or unknown is refused."""
    given = http.query_params.multi_items()
    if len({name for name, _ in given}) != len(given):
        raise problems.bad_request(
            "repeated_parameter", "A parameter was given twice.", "Give it once."
        )
    return _parsed(body_model(request, path_fields), json.dumps(dict(given)).encode())


def read_fields(request: type[Request], path_fields: Iterable[str], raw: bytes) -> Model:
    """The body's fields; an empty body is an object without fields, one given twice is refused."""
    found = _parsed(body_model(request, path_fields), raw or b"{}")
    # Afterwards: what was parsed is UTF-8 and not deep.
    if raw and _repeats_a_field(raw.decode()):
        raise problems.bad_request(
            "repeated_field",
            "A field was given twice; nothing was stored.",
            "Give each field once.",
        )
    return found


class _RepeatedError(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _RepeatedError


def _repeats_a_field(text: str) -> bool:
    """Readers differ in which of two they believe; pydantic takes the last and says nothing."""
    try:
        json.loads(text, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except _RepeatedError:
        return True
    return False


def whole(request: type[Request], path: Mapping[str, Any], rest: Model) -> Request:
    """The request, put together from its parts and checked as one."""
    data = {**rest.model_dump(mode="json", exclude_unset=True), **path}
    return _parsed(request, json.dumps(data).encode())


def _parsed(model: type[M], raw: bytes) -> M:
    try:
        return model.model_validate_json(raw)
    except ValidationError as wrong:
        found = wrong.errors(include_url=False, include_context=False, include_input=False)
        if found[0]["type"] == "json_invalid":
            raise problems.bad_request(
                "malformed_json",
                "The body is not well-formed JSON in UTF-8; nothing was stored.",
                "Send one JSON object.",
            ) from None
        raise problems.invalid(_errors(model, found)) from None


def _errors(model: type[BaseModel], found: Iterable[Any]) -> list[dict[str, str]]:
    """At most 20, each a path of our own field names and our own words."""
    known = _names(model)
    errors: list[dict[str, str]] = []
    for error in list(found)[:20]:
        where = ".".join(_name(part, known) for part in error["loc"])
        said = {
            "field": where or "(the whole body)",
            "problem": _SAID.get(error["type"], _OTHERWISE),
        }
        if said not in errors:
            errors.append(said)
    return errors


def _name(part: int | str, known: frozenset[str]) -> str:
    if isinstance(part, int):
        return str(part)
    return part if part in known else "(unknown field)"


@cache
def _names(model: type[BaseModel]) -> frozenset[str]:
    names: set[str] = set()
    for name, info in model.model_fields.items():
        names.add(name)
        for nested in _models(info.annotation):
            names |= _names(nested)
    return frozenset(names)


def _models(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


async def read_body(http: HttpRequest, limit: int, seconds: float) -> bytes:
    """The raw body, never more than ``limit`` bytes of it, within ``seconds``."""
    length = http.headers.get("content-length")
    if length is not None and (not length.isdecimal() or len(length) > 12 or int(length) > limit):
        raise problems.too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in http.stream():
                body += piece
                if len(body) > limit:
                    raise problems.too_large(limit)
    except TimeoutError:
        raise problems.too_slow() from None
    if body:
        _must_be_json(http.headers)
    return bytes(body)


def _must_be_json(headers: Headers) -> None:
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise problems.wrong_media_type()
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise problems.wrong_media_type()


def idempotency_key(headers: Headers) -> UUID:
    """The UUID that makes a repeat harmless (architecture, 7)."""
    given = headers.getlist("idempotency-key")
    if not given:
        raise problems.bad_request(
            "idempotency_key_required",
            "A command needs an Idempotency-Key; nothing was stored.",
            "Send a fresh UUID in the Idempotency-Key header, and the same one when you repeat.",
        )
    try:
        if len(given) > 1:
            raise ValueError
        key = UUID(given[0])
        if str(key) != given[0].lower():  # other ways of writing it, which a client may not repeat
            raise ValueError
        if key == _NIL:  # what a client sends that forgot to make one
            raise ValueError
        return key
    except ValueError:
        raise problems.bad_request(
            "idempotency_key_invalid",
            "The Idempotency-Key is not one fresh UUID; nothing was stored.",
            "Send one UUID, written with hyphens and not all zeros, in the Idempotency-Key header.",
        ) from None
