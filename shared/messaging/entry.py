"""The edge of a service: one decorated method per request.

Whoever calls arrives as a signed token and JSON; what leaves is an answer or a
refusal, as data. Domain and application never import this.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

from shared.contracts.base import Request
from shared.messaging.amqp.server import SealedRpc

F = TypeVar("F", bound=Callable[..., Any])

REQUEST = "sayso_request"
"""The attribute of a decorated method that names its request class."""


class Gate(Protocol):
    """What stands in front of every method; ``shared/run.py`` binds it as ``service.gate``."""

    def answer(
        self, request: type[Request], handler: Callable[[Any, Any], Any], envelope: dict[str, Any]
    ) -> dict[str, Any]:
        """Check, decide, run ``handler(request, ctx)``; always data, never an exception."""


def entry(request: type[Request]) -> Callable[[F], Callable[..., dict[str, Any]]]:
    """Expose ``def method(self, request, ctx)`` as the RPC method of ``request``.

    The method's name must be the request's name in snake case.
    """

    def decorate(method: F) -> Callable[..., dict[str, Any]]:
        if method.__name__ != request.method():
            raise TypeError(f"{method.__name__} must be called {request.method()}")

        @wraps(method)
        def entered(self: Any, envelope: dict[str, Any]) -> dict[str, Any]:
            gate: Gate = self.gate
            return gate.answer(request, lambda asked, ctx: method(self, asked, ctx), envelope)

        setattr(entered, REQUEST, request)
        decorator: Any = SealedRpc.decorator
        exposed: Callable[..., dict[str, Any]] = decorator(entered)
        return exposed

    return decorate
