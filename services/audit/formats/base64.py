"""Base64 as RFC 4648 writes it, in its one canonical form."""

from __future__ import annotations

import base64


def encoded(data: bytes) -> str:
    """The standard alphabet, with padding."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """The bytes; ``ValueError`` also where other text stands for the same ones.

    The last character can hold bits that no byte gets (RFC 4648, 3.5): a signature
    of which such a bit was changed would still be taken.
    """
    data = base64.b64decode(text, validate=True)
    if encoded(data) != text:
        raise ValueError("not the canonical form")
    return data
