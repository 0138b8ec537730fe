"""The embedded platform with its gateway: one process, no broker, nothing else to install."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.demo.credentials import Held
from infra.demo.mailbox import Mailbox
from services.gateway import serve
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.staff import read_issuers
from shared.identity.tokens import GATEWAY
from shared.run import embedded


def relayed_by(mailbox: Mailbox) -> dict[str, str]:
    """The settings of a deployment whose relay is this mailbox, on loopback."""
    return {
        "SAYSO_SMTP_HOST": mailbox.host,
        "SAYSO_SMTP_PORT": str(mailbox.port),
        "SAYSO_SMTP_SECURITY": "none",
        "SAYSO_MAIL_FROM": "notes@mail.example.org",
        "SAYSO_MAIL_FROM_NAME": "Notes",
    }


LEDGER = {"SAYSO_LEDGER_TICK": "1"}
"""A checkpoint each second, instead of each hour: nobody waits for an hour here."""


@contextmanager
def running(
    folder: Path,
    held: Held,
    host: str,
    port: int,
    limits: Limits | None = None,
    *,
    mailbox: Mailbox,
) -> Iterator[str]:
    """Start everything in ``folder`` and yield the address; stop everything at the end.

    ``mailbox``, which runs already, takes the notices.

    ``OSError`` where the port is taken, ``RuntimeError`` where the gateway does not start.
    """
    platform = embedded(folder, settings={**relayed_by(mailbox), **LEDGER})
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
