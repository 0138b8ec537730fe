"""The embedded platform with its gateway: one process, no broker, nothing else to install."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.demo.credentials import Held
from services.gateway import serve
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.staff import read_issuers
from shared.identity.tokens import GATEWAY
from shared.run import embedded


@contextmanager
def running(
    folder: Path, held: Held, host: str, port: int, limits: Limits | None = None
) -> Iterator[str]:
    """Start everything in ``folder`` and yield the address; stop everything at the end.

    ``OSError`` where the port is taken, ``RuntimeError`` where the gateway does not start.
    """
    platform = embedded(folder)
    try:
        pepper = secrets.token_bytes(32)
        settings = GatewaySettings(
            key=platform.key(GATEWAY),
            staff_issuers=read_issuers(held.issuer.pinned()),
            agency_keys=held.keys(pepper),
            agency_pepper=pepper,
            limits=limits or Limits(),
        )
        checks = {name: service.app.is_ready for name, service in platform.services.items()}
        app = create_app(platform.transport, settings, checks=checks)
        with serve.running(app, host, port) as address:
            yield address
    finally:
        platform.stop()
