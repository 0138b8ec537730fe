"""The only keys that a log line may have, each with the only form its value may have.

Whatever is not here is dropped, whoever logs it. Nothing here can hold a
person's words: ids, numbers, and words out of the code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

_CODE = re.compile(r"[a-z][a-z0-9_.:/*#\-]{0,120}")
_NAME = re.compile(r"[A-Za-z_<][A-Za-z0-9_.:/<>\-]{0,160}")
_PHRASE = re.compile(r"[A-Za-z][A-Za-z0-9 _.,;:'%()/\-]{0,159}")


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _phrase(value: object) -> str | None:
    return value if isinstance(value, str) and _PHRASE.fullmatch(value) else None


def _id(value: object) -> str | None:
    if isinstance(value, UUID):
        return str(value)
    if not isinstance(value, str):
        return None
    try:
        return str(UUID(value))
    except ValueError:
        return None


def _number(value: object) -> int | float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _time(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None


def _names(value: object) -> list[str] | None:
    if not isinstance(value, list | tuple) or len(value) > 60:
        return None
    found = [_name(item) for item in value]
    return [item for item in found if item is not None]


ALLOWED: dict[str, Callable[[Any], Any]] = {
    "event": _phrase,
    "level": _code,
    "logger": _name,
    # where it belongs
    "service": _code,
    "method": _code,
    "command": _code,
    "correlation_id": _id,
    "command_id": _id,
    "causation": _code,
    "principal_kind": _code,
    # the log and the bus
    "stream_id": _id,
    "position": _number,
    "previous": _number,
    "leaf": _number,
    "producer": _code,
    "consumer": _code,
    "queue": _code,
    "message_type": _code,
    "kind": _code,
    "erasure_id": _id,
    # outcomes
    "code": _code,
    "because": _code,
    "state": _code,
    "status": _number,
    "attempts": _number,
    "count": _number,
    "size": _number,
    "seconds": _number,
    "port": _number,
    "due_at": _time,
    # failures: types and places, never messages or values
    "error": _name,
    "reason": _name,
    "sqlstate": _code,
    "where": _names,
}
"""Key → what makes a value fit to be written, or ``None`` where it is not."""
