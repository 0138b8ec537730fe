"""What stands in front of every method of every service, in both forms.

A refusal leaves as data; nothing else that went wrong leaves at all: not an
exception's text, not what was sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import structlog
from pydantic import ValidationError

from shared.contracts.base import Command, Request
from shared.contracts.refusal import Because, Refused, Unavailable
from shared.eventstore.work import Context
from shared.identity.authorise import authorise
from shared.identity.keys import Issuers
from shared.identity.tokens import fingerprint, verify
from shared.messaging.pages import DigestsAfter, MessagesAfter

_FIELDS = {"request", "command_id", "token", "correlation_id"}
STORE_AWAY = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""What psycopg2 raises when PostgreSQL is away, or goes away."""

_log = structlog.get_logger(__name__)


class Invalid(Refused):
    """What was sent is not what this method takes. Names our fields, repeats nothing of theirs."""

    code = "invalid"
    because: Because = "invalid"
    detail = "The request is not as described."
    what_to_do = "Compare it with the API description, and send it again."


class Internal(Refused):
    """Something is broken here. What, is in the log under the correlation id."""

    code = "internal"
    because: Because = "unavailable"
    detail = "Something is broken here; nothing is known to be stored."
    what_to_do = "Repeat the same request with the same Idempotency-Key later, or call us."


class ServiceGate:
    """The gate of one service."""

    def __init__(
        self,
        service: str,
        app: Any,
        issuers: Issuers,
        clock: Callable[[], datetime],
        *,
        measure: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        """``measure(method)`` is entered around every request."""
        self._service = service
        self._app = app
        self._issuers = issuers
        self._clock = clock
        self._measure = measure

    def answer(
        self, request: type[Request], handler: Callable[[Any, Any], Any], envelope: Any
    ) -> dict[str, Any]:
        """``{"ok": …}`` or ``{"refused": …}``, whatever was sent and whatever happens."""
        correlation_id = _uuid(envelope, "correlation_id") or uuid4()
        with _logged(self._service, request.method(), correlation_id):
            try:
                with self._measure(request.method()):
                    return {"ok": self._run(request, handler, envelope, correlation_id)}
            except Refused as refused:
                _log.info("refused", code=refused.code)
                return {"refused": refused.as_data()}
            except STORE_AWAY as away:
                _log.warning("store away", error=type(away).__name__)
                return {"refused": Unavailable().as_data()}
            except Exception:
                _log.exception("internal error")
                return {"refused": Internal().as_data()}

    def _run(
        self,
        request: type[Request],
        handler: Callable[[Any, Any], Any],
        envelope: Any,
        correlation_id: UUID,
    ) -> Any:
        if not isinstance(envelope, dict) or set(envelope) != _FIELDS:
            raise Invalid()
        principal = verify(
            envelope["token"],
            self._service,
            self._issuers,
            self._clock(),
            req=_fingerprint(request, envelope),
        )
        asked = _parse(request, envelope["request"])
        command_id = _uuid(envelope, "command_id")
        if isinstance(asked, Command) and command_id is None:
            raise Invalid("A command needs a command_id.", "Send an Idempotency-Key.")
        ctx = Context(
            principal=principal,
            command_id=command_id,
            correlation_id=correlation_id,
            causation=f"command/{command_id}" if command_id else f"query/{request.method()}",
            now=self._clock(),
        )
        # Decided again here, where the participation and its assignments are known.
        of_no_record = request in (MessagesAfter, DigestsAfter)
        resource = {} if of_no_record else dict(self._app.resource(asked, ctx))
        authorise(
            principal,
            request.method(),
            {**resource, "at": "service", "service": self._service},
        )
        return json.loads(handler(asked, ctx).model_dump_json())


@contextmanager
def _logged(service: str, method: str, correlation_id: UUID) -> Iterator[None]:
    with structlog.contextvars.bound_contextvars(
        service=service, method=method, correlation_id=str(correlation_id)
    ):
        yield


def _fingerprint(request: type[Request], envelope: dict[str, Any]) -> str:
    try:
        return fingerprint(request.method(), envelope["command_id"], envelope["request"])
    except (TypeError, ValueError, RecursionError):
        raise Invalid() from None


def _uuid(envelope: Any, name: str) -> UUID | None:
    value = envelope.get(name) if isinstance(envelope, dict) else None
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _parse(request: type[Request], data: Any) -> Request:
    try:
        return request.model_validate_json(json.dumps(data))
    except ValidationError as wrong:
        ours = {str(e["loc"][0]) for e in wrong.errors(include_input=False) if e["loc"]}
        named = ", ".join(sorted(ours & set(request.model_fields)))
        raise Invalid(f"Not as described: {named}." if named else None) from None
    except (TypeError, ValueError, RecursionError):
        raise Invalid() from None
