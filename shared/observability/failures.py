"""What may be told of an exception: its type and where it was raised.

Its message, its arguments and the locals of its frames may hold a person's
words (a database repeats the row that it refuses), so they are never read.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

from shared.contracts.refusal import Refused

_FRAMES = 40
_CAUSES = 4


def told(error: BaseException) -> dict[str, Any]:
    """The log keys that describe ``error`` and what caused it."""
    found: dict[str, Any] = {"error": _name(error), "where": _where(error)}
    for cause in _chain(error):
        if isinstance(cause, Refused):
            found.setdefault("code", cause.code)
        sqlstate = getattr(cause, "pgcode", None)
        if isinstance(sqlstate, str):
            found.setdefault("sqlstate", sqlstate)
    return found


def _where(error: BaseException) -> list[str]:
    lines: list[str] = []
    for cause in _chain(error):
        if cause is not error:
            lines.append(f"caused-by:{_name(cause)}")
        lines += _frames(cause.__traceback__)
    return lines[-_FRAMES:]


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and len(chain) <= _CAUSES:
        chain.append(following)
        cause = following.__cause__
        if cause is None and not following.__suppress_context__:
            cause = following.__context__
        following = cause if cause not in chain else None
    return chain


def _frames(traceback: TracebackType | None) -> list[str]:
    lines = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        folder, file = os.path.split(code.co_filename)
        place = f"{os.path.basename(folder)}/{file}"
        lines.append(f"{place}:{traceback.tb_lineno}:{code.co_name}")
        traceback = traceback.tb_next
    return lines[-10:]


def _name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"
