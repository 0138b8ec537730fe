"""What stands in the log: 32 bytes that say nothing to anybody who holds them alone."""

from __future__ import annotations

from hashlib import sha256

RANDOM_BYTES = 32


def entry_of(random: bytes, record: bytes) -> bytes:
    """The public bytes of a leaf: SHA-256(32 random bytes ‖ digest record).

    A dummy leaf is 32 random bytes themselves. ``ValueError`` for other lengths.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a leaf is blinded by {RANDOM_BYTES} random bytes")
    return sha256(random + record).digest()


def padded(size: int, signed: int, quantum: int) -> int:
    """The size of the next checkpoint, for ``size`` leaves, the first ``signed`` of them signed.

    The next multiple of ``quantum``, and always more than before: a tick
    without decisions must look like any other.
    """
    if size < signed or quantum < 1:
        raise ValueError(f"{size} leaves after a checkpoint of {signed}, padded to {quantum}")
    return quantum * -(-max(size, signed + 1) // quantum)
