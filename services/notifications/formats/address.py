"""An e-mail address that can be sent to."""

from __future__ import annotations

import re

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
LONGEST, LONGEST_LOCAL, LONGEST_LABEL = 254, 64, 63


def sendable(address: str) -> str | None:
    """The address as SMTP takes it (RFC 5321, the domain in ASCII), or None if it takes it not.

    One plain address: no name, list, comment or quotes, and nothing before the
    ``@`` that only some relays can carry (RFC 6531).
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or len(local) > LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        return None
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        return None
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(_is_label(label) for label in labels):
        return None
    found = f"{local}@{ascii_domain}"
    return found if len(found) <= LONGEST else None


def _is_label(label: str) -> bool:
    return len(label) <= LONGEST_LABEL and bool(_LABEL.fullmatch(label))
