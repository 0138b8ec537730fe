"""Data keys under a key-encryption key: AES Key Wrap with Padding (RFC 5649)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

NAME = re.compile(r"kek(?:_([2-9]|[1-9][0-9]+))?")
"""The secrets ``kek`` (version 1), ``kek_2``, ``kek_3`` …; the highest one wraps."""


class NoWrappingKey(Exception):
    """The key-encryption key that this needs is not among the secret files."""


class WrapBroken(Exception):
    """A wrapped key was altered, or belongs to another key-encryption key."""


class WrappingKeys:
    """The key-encryption keys by version; old versions only unwrap."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        """``secrets``: name → key; names that are no version's are passed over."""
        self._keys = {
            int(version[1] or 1): key
            for name, key in secrets.items()
            if (version := NAME.fullmatch(name))
        }
        if not self._keys:
            raise NoWrappingKey("there is no secret named kek")
        self.current = max(self._keys)
        """The version that wraps."""

    def wrap(self, secret: bytes) -> bytes:
        """``secret`` under the current version."""
        return aes_key_wrap_with_padding(self._keys[self.current], secret)

    def unwrap(self, wrapped: bytes, version: int) -> bytes:
        """The secret again; ``NoWrappingKey`` or ``WrapBroken`` where that cannot be."""
        if version not in self._keys:
            raise NoWrappingKey(f"the secret kek of version {version} is needed and not there")
        try:
            return aes_key_unwrap_with_padding(self._keys[version], wrapped)
        except InvalidUnwrap as error:
            raise WrapBroken("a wrapped key cannot be opened") from error
