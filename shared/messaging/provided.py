"""A dependency of a service class that ``shared/run.py`` builds and binds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nameko.extensions import DependencyProvider

PROVIDED = "SAYSO_PROVIDED"
"""Where a container's configuration holds the built dependencies by key."""


class Unbound(RuntimeError):
    """A service class declares a dependency that nobody built; nothing was started."""


class Provided(DependencyProvider):
    """Declares ``app = Provided("app")``; the value is what ``build(edge)["app"]`` returned.

    Under nameko the container injects it into each worker; in the local form
    :func:`bind` sets it on the one instance. Either fails when it was not built:
    a nameko class used directly would silently keep this object instead.
    """

    def __init__(self, key: str) -> None:
        self.key = key

    def setup(self) -> None:
        """Fail at start, not at the first call."""
        container: Any = self.container
        value_of(self.key, container.config.get(PROVIDED, {}), container.service_name)

    def get_dependency(self, worker_ctx: Any) -> object:
        """The built value, the same for every worker."""
        config = worker_ctx.container.config
        return value_of(self.key, config.get(PROVIDED, {}), worker_ctx.service_name)


def value_of(key: str, built: Mapping[str, object], service: str) -> object:
    """The dependency built under ``key``; :class:`Unbound` if there is none."""
    if key not in built:
        raise Unbound(f"{service} needs {key!r}, which its build() does not return")
    return built[key]


def declared(service_class: type) -> dict[str, Provided]:
    """Attribute name → declaration, of a service class and its bases."""
    found: dict[str, Provided] = {}
    for cls in reversed(service_class.__mro__):
        found.update({n: v for n, v in vars(cls).items() if isinstance(v, Provided)})
    return found


def bind(service_class: type, built: Mapping[str, object]) -> Any:
    """An instance for the local form with every declared dependency set; or :class:`Unbound`."""
    service = service_class()
    name = str(getattr(service_class, "name", service_class.__name__))
    for attribute, provided in declared(service_class).items():
        setattr(service, attribute, value_of(provided.key, built, name))
    return service
