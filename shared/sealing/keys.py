"""Data keys, and where a service gets them: one key per participation and record class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from shared.contracts.refusal import Because, Refused


class KeyDestroyed(Refused):
    """The key is gone for good: what was sealed under it has been rendered unreadable."""

    code = "key_destroyed"
    because: Because = "gone"
    detail = "This was erased; it has been rendered unreadable for everybody."
    what_to_do = "Nothing can bring it back. Ask the person again, if they wish to be asked."


class KeyNotYours(Refused):
    """The record class is none that this service may open."""

    code = "key_not_yours"
    because: Because = "not_allowed"
    detail = "This service may not open words of that record class."
    what_to_do = "Ask the service that owns the record."


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one participation's words in one record class; ``repr`` hides the secret."""

    key_id: UUID
    participation_id: UUID
    record_class: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise ValueError("a data key has 32 bytes")


class KeySource(Protocol):
    """Where sealing gets its keys.

    Every method may raise ``Unavailable`` (the keyring is away and the key is
    not cached) and ``KeyNotYours``.
    """

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        """The key to close new words with; ``KeyDestroyed`` after an erasure."""
        ...

    def by_id(self, key_id: UUID) -> DataKey:
        """The key that a closed value names; ``KeyDestroyed`` after an erasure."""
        ...

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        """Drop what is held in memory of these; nothing happens where nothing is held."""
        ...
