"""A person's words as a value that stays closed.

``Sealed`` travels through commands, aggregates, events and read tables; no rule
reads it. An application makes it *pending*, the store closes it under a data
key when it knows where it will stand, and only an authorised read opens it.
"""

from __future__ import annotations

import hmac
import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic_core import to_json

from shared.sealing.canonical import canonical_json
from shared.sealing.keys import DataKey
from shared.sealing.padding import pad, unpad

_NONCE = 12
_SALT = 32
_TOKEN = ("p", "c", "k", "b", "m", "at")
_PURPOSE = "sayso sealed field 1"


class SealBroken(Exception):
    """A sealed value does not stand where it was closed, was altered, or is of another key.

    Never a person's mistake: the store or a read table was changed. The ledger
    tells which row.
    """


class NotClosed(Exception):
    """A pending value was about to be stored or read as if it were closed."""


class Binding(NamedTuple):
    """Where a sealed value stands: moved anywhere else it cannot be opened.

    ``topic`` is the event's topic as stored, before upcasting; ``field`` the
    path of the value inside the event.
    """

    service: str
    stream_id: UUID
    version: int
    topic: str
    field: str


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """Words of one participation in one record class, pending or closed.

    ``key_id``, ``box`` (nonce and ciphertext) and ``commitment`` are set once
    closed. ``binding`` is known after ``close`` or ``at`` and is part of a
    read table's token, never of the stored event: there the row itself says
    where the value stands.
    """

    participation_id: UUID
    record_class: str
    key_id: UUID | None = None
    box: bytes = b""
    commitment: bytes = b""
    binding: Binding | None = None
    _words: str | None = field(default=None)

    @staticmethod
    def pending(participation_id: UUID, record_class: str, plaintext: str) -> Sealed:
        """Words that the store will close; until then they are in memory only."""
        if not isinstance(plaintext, str):
            raise TypeError("only text can be sealed")
        return Sealed(participation_id, record_class, _words=plaintext)

    @property
    def is_closed(self) -> bool:
        """Whether a key has closed it."""
        return self.key_id is not None

    def at(self, binding: Binding) -> Sealed:
        """The same closed value, read from where ``binding`` says it stands."""
        if not self.is_closed:
            raise NotClosed("only a closed value stands anywhere")
        return replace(self, binding=binding)

    def as_data(self) -> dict[str, str]:
        """What is stored in the event: everything but the binding, by sorted keys.

        ``NotClosed`` while pending.
        """
        if self.key_id is None:
            raise NotClosed("pending words were about to be stored in the clear")
        return {
            "b": b2a_base64(self.box, newline=False).decode(),
            "c": self.record_class,
            "k": self.key_id.hex,
            "m": self.commitment.hex(),
            "p": self.participation_id.hex,
        }

    @staticmethod
    def from_data(data: dict[str, Any], binding: Binding | None = None) -> Sealed:
        """A closed value as it was stored, perhaps with the place where it stands."""
        box = a2b_base64(data["b"], strict_mode=True)
        mark = bytes.fromhex(data["m"])
        return _read(_id(data["p"]), data["c"], _id(data["k"]), box, mark, binding, None)

    def token(self) -> str:
        """The closed value with its binding, as JSON for a read table."""
        where = self.binding
        if where is None:
            raise NotClosed("a sealed value without its place cannot go to a read table")
        data: dict[str, Any] = self.as_data()
        data["at"] = [where.service, where.stream_id.hex, where.version, where.topic, where.field]
        # In the order in which read tables hold it: a rebuild writes the same text again.
        return to_json({name: data[name] for name in _TOKEN}).decode()

    @staticmethod
    def from_token(token: str) -> Sealed:
        """The value of a read table's token; ``SealBroken`` where it is none."""
        try:
            data = json.loads(token)
            service, stream_id, version, topic, name = data["at"]
            where = Binding(service, UUID(hex=stream_id), int(version), topic, name)
            return Sealed.from_data(data, where)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SealBroken("this is not the token of a sealed value") from error

    def __repr__(self) -> str:
        return f"<Sealed {self.record_class} {'closed' if self.is_closed else 'pending'}>"

    def __deepcopy__(self, memo: object) -> Sealed:
        return self

    def __reduce_ex__(self, protocol: object) -> Any:
        # Pickle is how words would leave memory unnoticed: caches, queues, crash reports.
        raise NotClosed("a sealed value is never pickled; use as_data or token")


_MEMBERS = tuple(getattr(Sealed, each.name).__set__ for each in fields(Sealed))


def _read(*values: Any) -> Sealed:
    """Of all fields in order; a replay makes one for each event, and ``__init__`` takes longer."""
    made = object.__new__(Sealed)
    for put, value in zip(_MEMBERS, values, strict=True):
        put(made, value)
    return made


@lru_cache(maxsize=16_384)
def _id(text: str) -> UUID:
    """Participations and keys stand in event after event."""
    return UUID(hex=text)


def close(
    value: Sealed, binding: Binding, key: DataKey, randomness: Callable[[int], bytes]
) -> Sealed:
    """Close pending words under ``key``, bound to where they will stand.

    ``ValueError`` where the key is another participation's or class's, or where
    the value is closed already: a closed value never moves.
    """
    words = value._words
    if value.is_closed or words is None:
        raise ValueError("this value is closed already")
    if (key.participation_id, key.record_class) != (value.participation_id, value.record_class):
        raise ValueError("this key belongs to another participation or record class")
    canonical = canonical_json(words)
    # One question: whoever asks the system for randomness lets all other threads go first.
    drawn = randomness(_SALT + _NONCE)
    salt, nonce = drawn[:_SALT], drawn[_SALT:]
    sealed = AESGCM(_field_key(key, binding)).encrypt(
        nonce, pad(salt, canonical), _aad(binding, key.key_id)
    )
    return Sealed(
        value.participation_id,
        value.record_class,
        key_id=key.key_id,
        box=nonce + sealed,
        commitment=commitment(salt, canonical),
        binding=binding,
    )


def open_(value: Sealed, key: DataKey) -> str:
    """The words again; ``SealBroken`` if the value, its place or the key is not as closed."""
    return open_with_salt(value, key)[0]


def open_with_salt(value: Sealed, key: DataKey) -> tuple[str, bytes]:
    """The words and the salt of their commitment, for a survivor's receipt (``trust``, ledger)."""
    where = value.binding
    if where is None or value.key_id is None:
        raise NotClosed("only a closed value that says where it stands can be opened")
    belongs = (value.key_id, value.participation_id, value.record_class)
    if belongs != (key.key_id, key.participation_id, key.record_class):
        raise SealBroken("the value names another key")
    try:
        padded = AESGCM(_field_key(key, where)).decrypt(
            value.box[:_NONCE], value.box[_NONCE:], _aad(where, key.key_id)
        )
        salt, canonical = unpad(padded, _SALT)
        words = json.loads(canonical)
    except (InvalidTag, ValueError) as error:
        raise SealBroken("the value was altered, or stands where it was not closed") from error
    if not isinstance(words, str):
        raise SealBroken("the value holds something other than text")
    if not hmac.compare_digest(commitment(salt, canonical), value.commitment):
        raise SealBroken("the commitment is not that of the words")
    return words, salt


def commitment(salt: bytes, canonical: bytes) -> bytes:
    """HMAC-SHA-256 of the RFC 8785 form under the salt, which only the sealed payload holds."""
    # Not hmac.digest: it lets all other threads go first, for a microsecond of work.
    return hmac.new(salt, canonical, "sha256").digest()


def _field_key(key: DataKey, at: Binding) -> bytes:
    info = canonical_json([_PURPOSE, at.stream_id.hex, at.version, at.field])
    return key.expanded(info)


def _aad(at: Binding, key_id: UUID) -> bytes:
    return canonical_json([at.service, at.stream_id.hex, at.version, at.topic, key_id.hex])
