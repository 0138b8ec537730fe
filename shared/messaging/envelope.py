"""What goes over the wire with a request, and what comes back: JSON data, on any transport."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

from pydantic import ValidationError

from shared.contracts.base import Model, Request
from shared.contracts.refusal import Refused, Unavailable
from shared.identity.keys import SigningKey
from shared.identity.principal import Principal
from shared.identity.tokens import GATEWAY, fingerprint, sign

PATIENCE = 10.0
"""Seconds a caller waits for an answer."""


class Transport(Protocol):
    """Carries an envelope to a service and its answer back."""

    def send(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        """The answer; raises ``Unavailable`` when nobody answers in time."""


class SigningCaller:
    """The :class:`~shared.messaging.bus.ServiceCaller` of one service, over any transport."""

    def __init__(
        self,
        key: SigningKey,
        transport: Transport,
        clock: Callable[[], datetime],
        patience: float = PATIENCE,
    ) -> None:
        """``key`` signs every call: the gateway speaks for people, a service for itself."""
        self._key = key
        self._transport = transport
        self._clock = clock
        self._patience = patience

    def call(
        self,
        service: str,
        method: str,
        request: Request,
        ctx: Any = None,
        command_id: UUID | None = None,
    ) -> Model:
        """The answer as ``request.returns``; ``Refused`` or ``Unavailable``."""
        envelope = seal_request(
            self._key, self._clock(), service, request, ctx=ctx, command_id=command_id
        )
        answer = self._transport.send(service, method, envelope, self._patience)
        return open_answer(request, answer)


def seal_request(
    key: SigningKey,
    now: datetime,
    service: str,
    request: Request,
    *,
    ctx: Any = None,
    command_id: UUID | None = None,
) -> dict[str, Any]:
    """The envelope of one call. ``ctx`` may be a context, a principal or None."""
    asker = getattr(ctx, "principal", ctx)
    if key.issuer != GATEWAY or not isinstance(asker, Principal):
        asker = Principal.service(key.issuer)
    correlation_id = getattr(ctx, "correlation_id", None) or uuid4()
    data = json.loads(request.model_dump_json())
    command = str(command_id) if command_id else None
    return {
        "request": data,
        "command_id": command,
        "token": sign(asker, service, key, now, req=fingerprint(request.method(), command, data)),
        "correlation_id": str(correlation_id),
    }


def open_answer(request: Request, answer: Any) -> Model:
    """The result in an answer; raises the refusal in it, ``Unavailable`` if it is neither."""
    if isinstance(answer, dict) and "refused" in answer:
        try:
            raise Refused.from_data(answer["refused"])
        except (KeyError, TypeError):
            raise Unavailable() from None
    try:
        return request.returns.model_validate_json(json.dumps(answer["ok"]))
    except (KeyError, TypeError, ValidationError):
        raise Unavailable() from None
