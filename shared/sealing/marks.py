"""Marks by which the same words are known again, for as long as their data key lives.

Erasure destroys the key, and with it every way to test a guess against a mark.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.sealing.canonical import canonical_json
from shared.sealing.keys import DataKey

_PURPOSE = b"sayso words of a repeated command 1"


def mark(key: DataKey, words: Iterable[tuple[str, str]]) -> bytes:
    """HMAC-SHA-256 of (field, words), in order, under a key derived from ``key`` for this alone."""
    told = canonical_json([[name, text] for name, text in words])
    return hmac.new(key.for_marks(_derived), told, "sha256").digest()


def likeness(key: DataKey, purpose: str, text: str) -> UUID:
    """128 bits by which equal texts under one key and purpose are known, as an id (RFC 9562, 8).

    HMAC-SHA-256 under a key derived from ``key`` for this purpose alone: under another key,
    another participation's for instance, the same text comes to something else.
    """
    derived = key.expanded(f"sayso likeness 1 {purpose}".encode())
    digest = hmac.new(derived, canonical_json(text), "sha256").digest()
    bits = int.from_bytes(digest[:16]) & ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=bits | 8 << 76 | 2 << 62)


def _derived(secret: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
