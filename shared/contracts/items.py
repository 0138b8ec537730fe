"""How one service names a thing that another service keeps, and asks whether it is there."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.base import Model, Query

OWNERS = ("intake", "letter_bank")
KINDS = ("need", "offer", "letter")
"""What the platform keeps for people, and which services do. What a release names is stored with
the refusal too, so that nobody's words stand where these do (R47)."""


def _one_of(*words: str) -> StringConstraints:
    return StringConstraints(pattern=rf"^({'|'.join(words)})$")


class ItemRef(Model):
    """One exact item: the service that owns it, its kind there, and its id."""

    service: Annotated[str, _one_of(*OWNERS)]
    kind: Annotated[str, _one_of(*KINDS)]
    item_id: UUID


class ItemsConfirmed(Model):
    """Each of these is there."""

    participation_id: UUID
    items: tuple[ItemRef, ...]


class ConfirmItems(Query):
    """Asked by consent of whoever keeps the items, before a release names them (R31).

    Does this participation have each of them, not erased? ``not_found`` where not.
    """

    returns: ClassVar[type[Model]] = ItemsConfirmed
    participation_id: UUID
    items: Annotated[tuple[ItemRef, ...], Field(min_length=1, max_length=50)]
