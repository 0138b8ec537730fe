"""Keys that sign, and keys that are pinned.

Everything is read once, at start, from secret files; nothing is ever fetched
from an address that a token names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

Issuers = Mapping[str, Mapping[str, Ed25519PublicKey]]
"""Issuer → key id → public key. An issuer or a key that is not here does not exist."""


def key_id(public: Ed25519PublicKey) -> str:
    """The name of a key: the beginning of its SHA-256."""
    return hashlib.sha256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


@dataclass(frozen=True)
class SigningKey:
    """One part of the platform's own Ed25519 key."""

    issuer: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_pem(cls, issuer: str, pem: bytes) -> SigningKey:
        """Read an unencrypted PKCS 8 key; ValueError if it is no Ed25519 key."""
        key = load_pem_private_key(pem, None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"the key of {issuer} is not an Ed25519 key")
        return cls(issuer, key)

    @classmethod
    def from_seed(cls, issuer: str, seed: bytes) -> SigningKey:
        """The key of 32 secret bytes."""
        return cls(issuer, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> Ed25519PublicKey:
        """What others pin."""
        return self.private.public_key()

    @property
    def key_id(self) -> str:
        """The name of the public key."""
        return key_id(self.public)

    def pem(self) -> bytes:
        """The private key as PKCS 8, for the secret file."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """The public key, for those who pin it."""
        return self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_from_pem(pem: bytes) -> Ed25519PublicKey:
    """Read a public key; ValueError if it is no Ed25519 key."""
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("not an Ed25519 key")
    return key


def issuers(keys: Mapping[str, Ed25519PublicKey | tuple[Ed25519PublicKey, ...]]) -> Issuers:
    """Pin keys: issuer → its key, or its keys while one replaces another."""
    pinned: dict[str, dict[str, Ed25519PublicKey]] = {}
    for issuer, given in keys.items():
        several = given if isinstance(given, tuple) else (given,)
        pinned[issuer] = {key_id(key): key for key in several}
    return pinned
