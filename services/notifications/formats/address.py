"""Addresses: what can be sent to, and which of them lead to the same place."""

from __future__ import annotations

import re
import unicodedata

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


_DOTLESS = ("gmail.com", "googlemail.com")
"""Where dots before the ``@`` make no difference."""
_TELEPHONE = re.compile(r"(?:(?:tel|sms):)?([0-9+()\[\]./\-–— ]+)(?:(?:;|ext|x|#).*)?", re.DOTALL)
LOCAL_DIGITS = 7
"""By so many last digits a number is known with and without its prefixes (E.164)."""
FEWEST_DIGITS = 5
"""What begins with fewer is no telephone number."""


def comparable(address: str) -> str:
    """What is the same of two ways to write one address: equal where they may lead to one place.

    Whatever it is declared as. It errs towards the same, because a no that reaches one way
    too many does less harm than one that misses: letter case, width and accents count for
    nothing; nor does what is added to a mailbox after ``+``, nor the prefixes of a telephone
    number; of a postal address only its letters and digits count.
    """
    shown = _shown(address)
    if "@" in shown:
        return _mailbox(shown)
    text = _bare(shown)
    telephone = _TELEPHONE.fullmatch(text)
    digits = "".join(filter(str.isdecimal, telephone[1])) if telephone else ""
    if len(digits) >= FEWEST_DIGITS:
        return f"tel:{digits[-LOCAL_DIGITS:]}"
    return "".join(filter(str.isalnum, text)) or text


def _shown(text: str) -> str:
    """In one width and one case, and nothing in it that is not seen."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(c for c in folded if unicodedata.category(c) not in ("Cc", "Cf")).strip()


def _bare(shown: str) -> str:
    """Without accents; decimal digits of every script as ASCII."""
    apart = unicodedata.normalize("NFKD", shown)
    bare = (c for c in apart if unicodedata.category(c) not in ("Mn", "Me"))
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in bare)


def _mailbox(shown: str) -> str:
    local, _, domain = "".join(shown.split()).rpartition("@")
    try:
        domain = domain.strip(".").encode("idna").decode()
    except UnicodeError:
        domain = domain.strip(".")
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), _DOTLESS[0]
    bare = _bare(local.removeprefix("mailto:"))
    return f"{bare.partition('+')[0] or bare}@{domain}"
