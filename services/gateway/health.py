"""Is what answering needs there."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping

import structlog

Check = Callable[[], bool | Awaitable[bool]]
"""Whether one thing that answering needs is there; a plain function runs in a thread."""

_PATIENCE = 3.0
_log = structlog.get_logger(__name__)


async def readiness(checks: Mapping[str, Check]) -> dict[str, bool]:
    """Each check's answer; raising, or taking longer than three seconds, counts as no."""
    answers = await asyncio.gather(*(_holds(name, check) for name, check in checks.items()))
    return dict(zip(checks, answers, strict=True))


async def _holds(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            if inspect.iscoroutinefunction(check):
                return bool(await check())
            return bool(await asyncio.to_thread(check))
    except Exception as error:
        _log.warning("a readiness check failed", kind=name, error=type(error).__name__)
        return False
