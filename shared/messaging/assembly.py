"""A service put together from its files: the same for both forms, and complete or not at all."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import ServiceContract
from shared.contracts.registry import services
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.edge import Edge
from shared.identity.keys import Issuers
from shared.messaging.entry import REQUEST
from shared.messaging.gate import ServiceGate
from shared.messaging.pages import Paged
from shared.messaging.provided import Provided, declared, value_of
from shared.messaging.turns import TURNS, Turn

PAPERS = "papers"
"""The key under which a service's ``build(edge)`` returns them."""

CHECKS = "checks"
"""The key under which ``build(edge)`` returns what else a service must hold to be ready."""


class Incomplete(RuntimeError):
    """The contract promises a request that the service class does not answer; nothing started."""


@dataclass(frozen=True)
class Assembled:
    """One service, ready for either form."""

    contract: ServiceContract
    app: EventSourcedApplication
    service_class: type
    provided: dict[str, object]

    @property
    def name(self) -> str:
        """The service's name."""
        return self.contract.name

    @property
    def papers(self) -> dict[str, str]:
        """File name → text of what the service gives to whoever checks it; nothing secret."""
        found: Any = self.provided.get(PAPERS, {})
        return dict(found)

    @property
    def checks(self) -> dict[str, Callable[[], bool]]:
        """Name → whether it holds: what readiness asks beside database and broker."""
        found: Any = self.provided.get(CHECKS, {})
        return dict(found)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """What the service does again and again by itself."""
        found: Any = self.provided.get(TURNS, ())
        return tuple(found)


def written() -> tuple[str, ...]:
    """The services of the registry that have a ``service.py``."""
    return tuple(name for name in services() if _has_service_module(name))


def assemble(
    name: str,
    edge: Edge,
    issuers: Issuers,
    *,
    measure: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Assembled:
    """Build the dependencies of ``services/<name>/service.py`` and bind what it declares.

    Raises ``Unbound`` or :class:`Incomplete` before anything is started.
    """
    module = importlib.import_module(f"services.{name}.service")
    contract = services()[name]
    provided: dict[str, object] = dict(module.build(edge))
    app: Any = provided["app"]
    provided["gate"] = ServiceGate(name, app, issuers, edge.clock, measure=measure)
    service_class = exposed(module.SERVICE_CLASS)
    for declaration in declared(service_class).values():
        value_of(declaration.key, provided, name)
    _complete(contract, service_class)
    return Assembled(contract, app, service_class, provided)


def exposed(service_class: type, **extensions: Any) -> type:
    """The service class with a gate before its methods, its log open to followers and ledger."""
    members = {"gate": Provided("gate"), "__module__": service_class.__module__, **extensions}
    return type(service_class.__name__, (service_class, Paged), members)


def _complete(contract: ServiceContract, service_class: type) -> None:
    missing = [
        request.method()
        for request in contract.requests
        if getattr(getattr(service_class, request.method(), None), REQUEST, None) is not request
    ]
    if missing:
        raise Incomplete(f"{contract.name} does not answer {', '.join(missing)}")


def _has_service_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(f"services.{name}.service") is not None
    except ModuleNotFoundError:
        return False
