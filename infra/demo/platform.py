"""The embedded platform with its gateway: one process, no broker, nothing else to install."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from infra.demo.credentials import Held
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.staff import read_issuers
from shared.identity.tokens import GATEWAY
from shared.run import embedded


class DidNotStart(Exception):
    """The gateway did not answer in time; usually its port is taken."""


@contextmanager
def running(
    folder: Path, held: Held, host: str, port: int, limits: Limits | None = None
) -> Iterator[str]:
    """Start everything in ``folder`` and yield the address; stop everything at the end."""
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
        server = uvicorn.Server(
            uvicorn.Config(
                app, host=host, port=port, access_log=False, log_config=None, server_header=False
            )
        )
        thread = threading.Thread(target=server.run, name="gateway", daemon=True)
        thread.start()
        try:
            yield _address(server, thread, host)
        finally:
            server.should_exit = True
            thread.join(10)
    finally:
        platform.stop()


def _address(server: uvicorn.Server, thread: threading.Thread, host: str) -> str:
    until = time.monotonic() + 20
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise DidNotStart("The gateway did not start; is its port in use? Say another: PORT=…")
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    return f"http://{host}:{port}"
