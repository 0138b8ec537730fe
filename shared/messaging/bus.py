"""What a caller may rely on, whichever way the platform runs."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from shared.contracts.base import Model, Request


class ServiceCaller(Protocol):
    """Asks another service something, and waits."""

    def call(
        self,
        service: str,
        method: str,
        request: Request,
        ctx: Any,
        command_id: UUID | None = None,
    ) -> Model:
        """The answer, as ``request.returns``.

        ``ctx`` is the edge context (or just the principal) on whose behalf the
        call is made; the calling service signs for itself. Raises the
        ``Refused`` that the other service answered, or ``Unavailable`` when it
        is away or too slow: then nothing is known, and a repeat with the same
        ``command_id`` is safe.
        """


class AsyncBus(Protocol):
    """The gateway's way in: the envelope goes and comes back as JSON data."""

    async def call(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        """``{"ok": …}`` or ``{"refused": …}``; ``Unavailable`` if nobody answers."""
