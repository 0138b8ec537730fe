"""What the keyring can be asked, and what it promises to tell.

It holds the data keys, one per participation and record class, and destroys
them for good. It calls nobody.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import (
    Code,
    Command,
    Done,
    Message,
    Model,
    Query,
    ServiceContract,
    ShownOnce,
)

LEASE_SECONDS = 60
"""How long a service may hold an opened key in memory, counted from when it asked."""


class OpenedKey(Model):
    """A data key, on loan to the holder that asked for ``LEASE_SECONDS``.

    Never stored and never logged; it crosses in an encrypted RPC body.
    """

    key_id: UUID
    participation_id: UUID
    record_class: Code
    secret: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$", repr=False), ShownOnce()]


class OpenDataKey(Query):
    """The key to close new words with, created where there was none.

    Only a service whose contract names the record class may ask: otherwise
    ``key_not_yours``. While an erasure is under way: ``key_destroyed``; after it
    a new key, for what is recorded later.
    ``holder`` is the asking process: an erasure is complete when every holder
    has confirmed or its loan has run out. A query, because nothing is decided
    and the answer must never be stored.
    """

    returns: ClassVar[type[Model]] = OpenedKey
    participation_id: UUID
    record_class: Code
    holder: UUID


class DataKeyById(Query):
    """The key that a closed value names; refused as ``OpenDataKey`` is.

    A key id never issued answers ``not_found``.
    """

    returns: ClassVar[type[Model]] = OpenedKey
    key_id: UUID
    holder: UUID


class DestroyKeys(Command):
    """Destroy the keys of these record classes, also of those not yet used.

    In effect when answered: from then on no key of these is given out. The
    erasure is complete when every holder has forgotten. Repeats are harmless.
    """

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    erasure_id: UUID
    participation_id: UUID
    record_classes: Annotated[tuple[Code, ...], Field(min_length=1, max_length=32)]


class ConfirmForgotten(Command):
    """A holder says that it no longer has the keys of this erasure.

    ``service`` must be the one that asks. Other processes of the same service
    are waited for until their loans run out.
    """

    on_conflict: ClassVar[Literal["tell", "retry"]] = "retry"
    returns: ClassVar[type[Model]] = Done
    erasure_id: UUID
    service: Code
    holder: UUID


class KeysDestroyedMessage(Message):
    """The keys are destroyed: every holder forgets them now, and confirms."""

    type: ClassVar[str] = "keyring.erasure.keys_destroyed.v1"
    erasure_id: UUID
    participation_id: UUID
    record_classes: tuple[str, ...]
    at: datetime


class ErasureCompletedMessage(Message):
    """No process of the platform can open the words any more: rendered unreadable."""

    type: ClassVar[str] = "keyring.erasure.completed.v1"
    erasure_id: UUID
    participation_id: UUID
    record_classes: tuple[str, ...]
    at: datetime


SERVICE = ServiceContract(
    name="keyring",
    requests=(OpenDataKey, DataKeyById, DestroyKeys, ConfirmForgotten),
    publishes=(KeysDestroyedMessage, ErasureCompletedMessage),
    follows={"intake": ("intake.participation.erasure_requested.v1",)},
)
