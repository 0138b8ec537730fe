"""All services, found by looking: one module of this package each."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import shared.contracts
from shared.contracts.base import Message, ServiceContract


@cache
def services() -> dict[str, ServiceContract]:
    """Service name → its contract, for every module here that defines ``SERVICE``."""
    found: dict[str, ServiceContract] = {}
    for module in pkgutil.iter_modules(shared.contracts.__path__):
        contract = getattr(
            importlib.import_module(f"shared.contracts.{module.name}"), "SERVICE", None
        )
        if isinstance(contract, ServiceContract):
            found[contract.name] = contract
    return dict(sorted(found.items()))


@cache
def messages() -> dict[str, type[Message]]:
    """Message type → class, for every published message of every service."""
    return {m.type: m for s in services().values() for m in s.publishes}


@cache
def keepers_of_the_ledger() -> tuple[str, ...]:
    """The services that may ask every log for its digest records."""
    return tuple(name for name, s in services().items() if s.keeps_the_ledger)


@cache
def logged() -> tuple[str, ...]:
    """The services with a log of their own."""
    return tuple(name for name, s in services().items() if s.database)


def followers_of(producer: str) -> tuple[str, ...]:
    """The services that follow ``producer``."""
    return tuple(name for name, s in services().items() if producer in s.follows)
