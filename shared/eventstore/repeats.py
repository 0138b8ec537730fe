"""Telling a repeated command from another one under the same key."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import rfc8785
from pydantic import BaseModel

from shared.contracts.base import Model, Request, personal_fields, shown_once_fields
from shared.contracts.refusal import Refused
from shared.identity.principal import Principal


def scope(principal: Principal) -> str:
    """Whose keys these are: nobody meets another's key."""
    return f"{principal.kind}:{principal.id}"


def fingerprint(key: bytes, request: Request) -> bytes:
    """HMAC of the method and of everything in it that is not a person's words."""
    plain = rfc8785.dumps([request.method(), _without_words(request)])
    return hmac.new(key, plain, hashlib.sha256).digest()


def stored_answer(result: Model) -> str:
    """The result as it is kept: without what is shown only once."""
    kept = json.loads(result.model_dump_json(exclude=set(shown_once_fields(type(result)))))
    return json.dumps({"ok": kept})


def stored_refusal(refusal: Refused) -> str:
    """A refusal that is itself on record, as it is kept."""
    return json.dumps({"refused": refusal.as_data()})


def answer_again(request: Request, kept: dict[str, Any]) -> Model:
    """The first answer again; raises the first refusal."""
    if "refused" in kept:
        raise Refused.from_data(kept["refused"])
    return type(request).returns.model_validate_json(json.dumps(kept["ok"]))


def _without_words(value: Any) -> Any:
    if isinstance(value, BaseModel):
        hidden = personal_fields(type(value))
        return {
            name: _without_words(getattr(value, name))
            for name in type(value).model_fields
            if name not in hidden
        }
    if isinstance(value, dict):
        return {str(key): _without_words(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_words(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(str(item) for item in value)
    if value is None or isinstance(value, bool | str):
        return value
    return str(value)
