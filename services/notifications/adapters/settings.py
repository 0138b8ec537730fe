"""Which relay a deployment sends by, and as whom."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from services.notifications.data import telling
from services.notifications.formats.address import sendable
from shared.settings import Secret, Secrets, SettingsError, Variable, load

SECURITIES = ("starttls", "implicit", "none")
PASSWORD = "smtp_password"  # noqa: S105 - the name of a file


@dataclass(frozen=True)
class RelaySettings:
    """Read by :func:`relay_settings`, which also checks them."""

    host: Annotated[str, Variable("SAYSO_SMTP_HOST", "the relay's host")]
    sender: Annotated[
        str, Variable("SAYSO_MAIL_FROM", "the neutral address that notices come from")
    ]
    sender_name: Annotated[str, Variable("SAYSO_MAIL_FROM_NAME", "a neutral name beside it")] = ""
    port: Annotated[int, Variable("SAYSO_SMTP_PORT", "the relay's port")] = 587
    security: Annotated[
        str, Variable("SAYSO_SMTP_SECURITY", "starttls, implicit, or none on loopback")
    ] = "starttls"
    user: Annotated[str, Variable("SAYSO_SMTP_USER", "who we are to the relay, if it asks")] = ""
    authority: Annotated[
        str, Variable("SAYSO_SMTP_CA", "certificates to trust instead of the system's (a file)")
    ] = ""
    password: Secret[str] | None = None

    @property
    def domain(self) -> str:
        """The sender's domain: how we introduce ourselves, and the place of message ids."""
        return self.sender.rpartition("@")[2]

    def tls(self) -> ssl.SSLContext:
        """TLS 1.2 or newer; certificate and host name are verified."""
        return ssl.create_default_context(cafile=self.authority or None)


def relay_settings(environ: Mapping[str, str]) -> RelaySettings | None:
    """The relay that is set, or None where no host is.

    ``SettingsError`` with all that is wrong: also with a sender that tells what
    a message may be about, and with a relay elsewhere without TLS.
    """
    if not environ.get("SAYSO_SMTP_HOST"):
        return None
    settings = load(RelaySettings, environ)
    problems = []
    if settings.security not in SECURITIES:
        problems.append(f"SAYSO_SMTP_SECURITY must be one of {', '.join(SECURITIES)}")
    if settings.security == "none" and not _is_loopback(settings.host):
        problems.append(
            "SAYSO_SMTP_SECURITY may be none on loopback only: elsewhere others could read"
        )
    if sendable(settings.sender) != settings.sender:
        problems.append("SAYSO_MAIL_FROM must be one plain e-mail address")
    if any(ord(c) < 32 for c in settings.sender_name):
        problems.append("SAYSO_MAIL_FROM_NAME must be one line")
    for variable, text in (
        ("SAYSO_MAIL_FROM", settings.sender),
        ("SAYSO_MAIL_FROM_NAME", settings.sender_name),
    ):
        for word in telling(text):
            problems.append(f"{variable} must be neutral: whoever sees it is told by {word!r}")
    try:
        settings.tls()
    except (OSError, ssl.SSLError):
        problems.append("SAYSO_SMTP_CA must be a readable file of certificates in PEM")
    if settings.user:
        try:
            settings = replace(settings, password=Secrets.of(environ).text(PASSWORD))
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return settings


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
