"""A notice as an e-mail (RFC 5322): the words in force, and nothing that tells.

No header but those that a plain message needs. Neither ids of ours, nor topic,
agency or programme stand anywhere in it, nor a link.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from services.notifications.domain.policy import Wording


def compose(
    wording: Wording,
    *,
    sender: str,
    sender_name: str,
    to: str,
    name: str | None,
    message_id: str,
    at: datetime,
) -> bytes:
    """The message with CRLF line ends, ready for DATA but for the dots.

    ``name``: what the person wishes to be called, if they said so. ``to`` and
    ``sender`` are plain addresses in ASCII.
    """
    greeting = wording.greeting
    if name is not None:
        greeting = wording.greeting_by_name.format(name=" ".join(name.split()))
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name=sender_name, addr_spec=sender)
    message["To"] = Address(addr_spec=to)
    message["Subject"] = wording.subject
    message["Date"] = format_datetime(at.astimezone(UTC).replace(microsecond=0))
    message["Message-ID"] = message_id
    # RFC 3834: nobody's out-of-office answers it, and shows where it came from.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        "\n\n".join((greeting, *wording.lines)) + "\n", charset="utf-8", cte="quoted-printable"
    )
    return message.as_bytes()


def message_id(notice_id: UUID, key: bytes, domain: str) -> str:
    """The same for every attempt of a notice, so that a relay can tell a second one.

    Keyed: whoever holds the message and our log cannot join them by it.
    """
    digest = hmac.new(key, notice_id.bytes, hashlib.sha256).digest()[:20]
    return f"<{base64.b32encode(digest).decode().lower()}@{domain}>"
