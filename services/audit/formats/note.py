"""Signed notes of c2sp.org/signed-note, with Ed25519, and their verifier keys."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.audit.formats import base64

VERIFIER_FILE = "ledger.vkey"
"""The file in which an auditor is given the log's verifier key."""

_ED25519 = b"\x01"
_MOST_SIGNATURES = 16
_LONGEST = 100_000


class BadNote(ValueError):
    """Not a note, or not one that the given key has signed. Says which."""


@dataclass(frozen=True)
class Verifier:
    """Whose signature counts: a name and an Ed25519 key, together a ``vkey``."""

    name: str
    public: Ed25519PublicKey

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(c.isspace() for c in self.name):
            raise BadNote("a key's name is a word without spaces or plus signs")

    @classmethod
    def from_vkey(cls, vkey: str) -> Verifier:
        """Read ``<name>+<id>+<key>``; :class:`BadNote` if it is none for Ed25519."""
        try:
            name, number, encoded = vkey.strip().split("+", 2)
            key = base64.decoded(encoded)
            if key[:1] != _ED25519:
                raise BadNote("not an Ed25519 verifier key")
            found = cls(name, Ed25519PublicKey.from_public_bytes(key[1:]))
        except (ValueError, binascii.Error) as error:
            raise BadNote("not an Ed25519 verifier key") from error
        if number != found.key_id.hex():
            raise BadNote("the verifier key's id is not that of its name and key")
        return found

    @property
    def vkey(self) -> str:
        """``<name>+<id>+<key>``, for a policy file or another verifier."""
        return f"{self.name}+{self.key_id.hex()}+{base64.encoded(_ED25519 + self._raw)}"

    @property
    def key_id(self) -> bytes:
        """The four bytes that a signature line begins with."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self._raw).digest()[:4]

    @property
    def _raw(self) -> bytes:
        return self.public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def open(self, note: str) -> str:
        """The text of a note that this key has signed; :class:`BadNote` for any other."""
        text, signatures = _parts(note)
        mine = [found for name, number, found in signatures if (name, number) == self._me]
        if not mine:
            raise BadNote(f"not signed by {self.name} with the key {self.key_id.hex()}")
        try:
            for signature in mine:
                self.public.verify(signature, text.encode())
        except InvalidSignature:
            raise BadNote(f"the signature of {self.name} is not one over this text") from None
        return text

    @property
    def _me(self) -> tuple[str, bytes]:
        return (self.name, self.key_id)


@dataclass(frozen=True)
class Signer:
    """Who signs: the name and the private key."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Signer:
        """The signer of 32 secret bytes."""
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def verifier(self) -> Verifier:
        """What others hold the notes against."""
        return Verifier(self.name, self.private.public_key())

    def sign(self, text: str) -> str:
        """``text``, which ends with a newline, as a note with this one signature."""
        signature = self.verifier.key_id + self.private.sign(text.encode())
        note = f"{text}\n— {self.name} {base64.encoded(signature)}\n"
        self.verifier.open(note)
        return note


def text_of(note: str) -> str:
    """The text of a note, whoever has signed it; :class:`BadNote` where it is none."""
    return _parts(note)[0]


def _parts(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    if len(note) > _LONGEST or any(c < " " and c != "\n" for c in note):
        raise BadNote("too long, or with control characters")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise BadNote("no text with signature lines after an empty line")
    found = []
    for line in lines[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        try:
            signature = base64.decoded(encoded)
        except ValueError:
            raise BadNote("a signature line is not well-formed") from None
        if dash != "—" or not name or len(signature) < 5:
            raise BadNote("a signature line is not well-formed")
        found.append((name, signature[:4], signature[4:]))
    if len(found) > _MOST_SIGNATURES:
        raise BadNote("too many signatures")
    return text + "\n", found
