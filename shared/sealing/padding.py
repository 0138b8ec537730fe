"""Size buckets: the length of a sealed value tells its bucket and nothing finer."""

from __future__ import annotations

BUCKETS = (256, 1_024, 4_096, 16_384, 65_536)
"""Payload sizes in bytes; past the last one, multiples of it."""

_LENGTH_BYTES = 4


def bucket_for(size: int) -> int:
    """The smallest bucket that holds ``size`` bytes."""
    for bucket in BUCKETS:
        if size <= bucket:
            return bucket
    return -(-size // BUCKETS[-1]) * BUCKETS[-1]


def pad(head: bytes, body: bytes) -> bytes:
    """``head``, the length of ``body``, ``body``, and zeros up to the bucket."""
    filled = head + len(body).to_bytes(_LENGTH_BYTES, "big") + body
    return filled.ljust(bucket_for(len(filled)), b"\x00")


def unpad(padded: bytes, head_length: int) -> tuple[bytes, bytes]:
    """``head`` and ``body`` again; ``ValueError`` where the padding is not ours."""
    start = head_length + _LENGTH_BYTES
    length = int.from_bytes(padded[head_length:start], "big")
    body, rest = padded[start : start + length], padded[start + length :]
    if len(padded) < start or len(body) != length or any(rest):
        raise ValueError("the padding of a sealed value is broken")
    return padded[:head_length], body
