"""How one service names a thing that another service keeps."""

from __future__ import annotations

from uuid import UUID

from shared.contracts.base import Code, Model


class ItemRef(Model):
    """One exact item: the service that owns it, its kind there, and its id."""

    service: Code
    kind: Code
    item_id: UUID
