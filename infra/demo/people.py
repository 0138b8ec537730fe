"""The people of the journey: each speaks HTTP with what they hold, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx

Answer = httpx.Response
T = TypeVar("T")


class JourneyFailed(Exception):
    """The platform did not do what the journey says it must."""


@dataclass
class Person:
    """One caller. ``headers`` is what identifies them; an empty one is anybody."""

    http: httpx.AsyncClient
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    seen: int = 0

    async def get(self, path: str) -> Answer:
        """Read."""
        return self._count(await self._send("GET", path, None, None))

    async def do(self, path: str, key: UUID | None = None, /, **body: Any) -> Answer:
        """Send one command under one Idempotency-Key; repeat it while the platform says 503."""
        return self._count(await self._send("POST", path, body, key or uuid4()))

    async def must(self, path: str, /, **body: Any) -> dict[str, Any]:
        """Send a command that has to be accepted; its answer."""
        return accepted(await self.do(path, **body))

    async def read(self, path: str) -> dict[str, Any]:
        """Read what has to be readable; the answer."""
        return accepted(await self.get(path))

    async def _send(
        self, verb: str, path: str, body: dict[str, Any] | None, key: UUID | None
    ) -> Answer:
        headers = dict(self.headers)
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        for wait in (0.2, 0.5, 1, 2, 4, 0):
            answer = await self.http.request(verb, path, json=body, headers=headers)
            if answer.status_code != 503 or not wait:
                break
            await asyncio.sleep(wait)
        return answer

    def _count(self, answer: Answer) -> Answer:
        self.asked += 1
        if answer.is_success:
            self.seen += 1
        return answer


def accepted(answer: Answer) -> dict[str, Any]:
    """The answer's body, or an error that shows the problem document."""
    if not answer.is_success:
        raise JourneyFailed(
            f"{answer.request.method} {answer.request.url.path} answered "
            f"{answer.status_code}: {answer.text[:400]}"
        )
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: Answer, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer that has to be a refusal."""
    if answer.is_success or answer.status_code >= 500:
        raise JourneyFailed(
            f"{answer.request.method} {answer.request.url.path} should have been refused, "
            f"answered {answer.status_code}: {answer.text[:200]}"
        )
    problem: dict[str, Any] = answer.json()
    if code is not None and problem.get("code") != code:
        raise JourneyFailed(f"expected refusal {code!r}, got {answer.text[:300]}")
    return problem


def nothing_there(answer: Answer) -> tuple[int, str]:
    """What a refused asker can see: status and words, without the ids of the request."""
    problem = refused(answer)
    return answer.status_code, "|".join(
        str(problem.get(name)) for name in ("type", "title", "code", "detail", "what_to_do")
    )


async def eventually(what: str, look: Callable[[], Awaitable[T | None]], within: float = 20) -> T:
    """Ask again until there is something; the platform's parts learn of each other by messages."""
    until = time.monotonic() + within
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > until:
            raise JourneyFailed(f"after {within:g} s still not: {what}")
        await asyncio.sleep(0.05)
