"""How one service names a thing that another service keeps, and asks whether it is there."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Code, Model, Query


class ItemRef(Model):
    """One exact item: the service that owns it, its kind there, and its id."""

    service: Code
    kind: Code
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
