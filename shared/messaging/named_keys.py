"""A service's own keys by name: each from its file, else derived from the service's own secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NEVER_DERIVED = frozenset({"kek", "ledger"})
"""Keys with a life of their own: one that is not there is an error, not another key."""


def derive(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose; nobody gets from one purpose to another, or back to the secret."""
    return HKDF(SHA256(), 32, salt=None, info=b"sayso/" + purpose.encode()).derive(secret)


class NamedKeys(Mapping[str, bytes]):
    """Name → 32 bytes. Asking for a name that was not given derives it, the same each time."""

    def __init__(self, service: str, secret: bytes, given: Mapping[str, bytes]) -> None:
        """``given``: what the deployment set by itself, by name."""
        self._service = service
        self._secret = secret
        self._given = dict(given)

    def __getitem__(self, name: str) -> bytes:
        if name in self._given:
            return self._given[name]
        if name in NEVER_DERIVED:
            raise KeyError(name)
        return derive(self._secret, f"{self._service}/{name}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)

    def __repr__(self) -> str:
        return f"NamedKeys({self._service}: {', '.join(sorted(self._given))})"
