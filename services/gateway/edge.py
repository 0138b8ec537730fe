"""Around every request: a correlation id, headers that keep secrets, one log line, no traceback.

The log line and the metrics know a route's action, never its path: a path
holds ids.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import UUID

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway import problems
from shared.observability.logs import correlated
from shared.observability.metrics import Metrics

CORRELATION_HEADER = "X-Correlation-ID"
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Robots-Tag": "noindex",
}
UNROUTED = "unrouted"
LONGEST_ADDRESS = 4_096
LONGEST_HEADERS = 16_384

_log = structlog.get_logger(__name__)


class Edge:
    """ASGI middleware; ``new_id`` makes correlation ids."""

    def __init__(self, app: ASGIApp, metrics: Metrics, new_id: Callable[[], UUID]) -> None:
        self.app, self._metrics, self._new_id = app, metrics, new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send, self._new_id())
        state: dict[str, Any] = scope.setdefault("state", {})
        state.update(correlation_id=answer.correlation_id, action=UNROUTED, outcome="")
        started = perf_counter()
        with correlated(answer.correlation_id):
            try:
                _within_bounds(scope)
                await self.app(scope, receive, answer.send)
            except problems.Problem as problem:
                state["outcome"] = problem.code
                await problem.response(str(answer.correlation_id))(scope, receive, answer.send)
            except ClientDisconnect:
                state["outcome"] = "client_left"
            except Exception:
                _log.exception("a request failed", method=state["action"])
                state["outcome"] = "internal"
                if not answer.started:
                    failed = problems.internal().response(str(answer.correlation_id))
                    await failed(scope, receive, answer.send)
            self._tell(state, answer.status, perf_counter() - started)

    def _tell(self, state: dict[str, Any], status: int, seconds: float) -> None:
        outcome = state["outcome"] or ("ok" if status < 400 else f"status_{status}")
        self._metrics.answered(state["action"], outcome, seconds)
        _log.info(
            "answered",
            method=state["action"],
            status=status,
            code=outcome,
            seconds=round(seconds, 4),
            principal_kind=state.get("principal_kind"),
        )


def _within_bounds(scope: Scope) -> None:
    """Servers bound a header by what they have not read yet; this bounds what they have."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_ADDRESS:
        raise problems.address_too_long()
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEADERS:
        raise problems.headers_too_long()


class _Answer:
    """Adds the headers to what is sent, and remembers whether anything was."""

    def __init__(self, send: Send, correlation_id: UUID) -> None:
        self._send, self.correlation_id = send, correlation_id
        self.started, self.status = False, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers[CORRELATION_HEADER] = str(self.correlation_id)
        await self._send(message)
