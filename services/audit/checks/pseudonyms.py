"""What an auditor sees instead of an id: the same one each time, and nothing to go back from.

A pseudonym is an HMAC of the id under a key that the auditor was given, so that
two audits under one key can be compared and two under different keys cannot be
joined. Without a key each run draws its own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from uuid import UUID

from shared.command_line import CannotRead

FILE = "pseudonym_key"
"""The name of the key's file among an auditor's secrets."""

_PURPOSE = b"sayso audit pseudonym 1"
_SHORTEST = 32


class Pseudonyms:
    """Ids to pseudonyms of 16 hexadecimal digits."""

    def __init__(self, key: bytes) -> None:
        """``ValueError`` for a key of less than 32 bytes."""
        if len(key) < _SHORTEST:
            raise ValueError("a pseudonym key has at least 32 bytes")
        self._key = key

    def of(self, id: UUID) -> str:
        """What stands for an id in whatever is shown."""
        return hmac.new(self._key, _PURPOSE + id.bytes, hashlib.sha256).hexdigest()[:16]


def pseudonyms(folder: Path, file: Path | None = None) -> Pseudonyms:
    """Under the key in ``file``, else that in the folder of secrets, else one of this run only.

    :class:`CannotRead` where the file is away or too short for a key.
    """
    path = file or folder / FILE
    if file is None and not path.exists():
        return Pseudonyms(secrets.token_bytes(_SHORTEST))
    try:
        return Pseudonyms(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CannotRead(f"The pseudonym key {path} cannot be used: {error}.") from None
