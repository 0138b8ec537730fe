"""Telling a repeated command from another one under the same key."""

from __future__ import annotations

import hmac
import json
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_json

from shared.contracts.base import Model, Request, personal_fields, shown_once_fields
from shared.contracts.refusal import Refused
from shared.identity.principal import Principal
from shared.sealing.canonical import canonical_json
from shared.sealing.keys import DataKey, KeyDestroyed, KeySource
from shared.sealing.marks import mark

Words = list[tuple[str, str]]
"""(field, words), in the order of the fields."""

_AS_IT_IS = frozenset((type(None), bool, str))
_HOLDS_NO_WORDS = _AS_IT_IS | {int, float, UUID, datetime, date}
"""Types of values that hold no others; that a text is somebody's words says its field."""


def scope(principal: Principal) -> str:
    """Whose keys these are: nobody meets another's key."""
    return f"{principal.kind}:{principal.id_text}"


def fingerprint(key: bytes, request: Request) -> bytes:
    """HMAC of the method and of everything in it that is not a person's words."""
    plain = canonical_json([request.method(), _without_words(request)])
    return hmac.new(key, plain, "sha256").digest()


def marks(keys: KeySource, request: Request) -> str | None:
    """What is kept of a command's words: for each record class a mark, and under which key it is.

    None for a command without any. May raise what ``keys`` raises.
    """
    said = _words_by_class(request)
    if not said:
        return None
    whose: UUID = request.participation_id  # type: ignore[attr-defined]
    kept = {}
    for record_class, words in said.items():
        key = keys.current(whose, record_class)
        kept[record_class] = {"k": str(key.key_id), "m": mark(key, words).hex()}
    return to_json(kept).decode()


def same_words(keys: KeySource, request: Request, kept: dict[str, dict[str, str]] | None) -> bool:
    """Whether these are the words that ``kept`` marks.

    Of words whose key an erasure destroyed nobody can tell any more: they pass for the
    same, so that a repeat is answered after an erasure too. ``Unavailable`` where
    the keyring is away.
    """
    said, kept = _words_by_class(request), kept or {}
    if said.keys() != kept.keys():
        return False
    for record_class, words in said.items():
        try:
            key: DataKey = keys.by_id(UUID(kept[record_class]["k"]))
        except KeyDestroyed:
            continue
        if not hmac.compare_digest(mark(key, words), bytes.fromhex(kept[record_class]["m"])):
            return False
    return True


def stored_answer(result: Model) -> str:
    """The result as it is kept: without what is shown only once."""
    kept = result.model_dump_json(exclude=set(shown_once_fields(type(result))))
    return f'{{"ok":{kept}}}'


def stored_refusal(refusal: Refused) -> str:
    """A refusal that is itself on record, as it is kept."""
    return json.dumps({"refused": refusal.as_data()})


def answer_again(request: Request, kept: dict[str, Any]) -> Model:
    """The first answer again; raises the first refusal."""
    if "refused" in kept:
        raise Refused.from_data(kept["refused"])
    return type(request).returns.model_validate_json(json.dumps(kept["ok"]))


def _words_by_class(request: Request) -> dict[str, Words]:
    found: dict[str, Words] = {}
    _collect(request, "", found)
    return dict(sorted(found.items())) if len(found) > 1 else found


def _collect(value: Any, name: str, found: dict[str, Words]) -> None:
    if isinstance(value, BaseModel):
        for field, record_class in _fields(type(value)):
            inner = getattr(value, field)
            if record_class is not None:
                if inner is not None:
                    found.setdefault(record_class, []).append((f"{name}.{field}", str(inner)))
            elif type(inner) not in _HOLDS_NO_WORDS:
                _collect(inner, f"{name}.{field}", found)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _collect(inner, f"{name}.{number}", found)


@cache
def _fields(model: type[BaseModel]) -> tuple[tuple[str, str | None], ...]:
    """Each field, and the record class of those that hold words."""
    hidden = personal_fields(model)
    return tuple((field, hidden.get(field)) for field in model.model_fields)


@cache
def _plain_fields(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that hold no words, in RFC 8785's order: a field's name is ASCII."""
    return tuple(sorted(field for field, hidden in _fields(model) if hidden is None))


def _without_words(value: Any) -> Any:
    kind = type(value)
    if kind in _HOLDS_NO_WORDS:
        return value if kind in _AS_IT_IS else str(value)
    if isinstance(value, BaseModel):
        return {name: _without_words(getattr(value, name)) for name in _plain_fields(type(value))}
    if isinstance(value, dict):
        texts = {str(key): item for key, item in value.items()}
        return {key: _without_words(texts[key]) for key in sorted(texts, key=_utf16)}
    if isinstance(value, list | tuple):
        return [_without_words(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    return value if isinstance(value, str) else str(value)


def _utf16(key: str) -> bytes:
    """By which RFC 8785 orders keys."""
    return key.encode("utf-16-be")
