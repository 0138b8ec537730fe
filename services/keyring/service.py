"""nameko entrypoints: each hands its request to the application."""

from __future__ import annotations

from typing import Any

from services.keyring.reactions import Keyring
from shared.contracts.base import Model
from shared.contracts.keyring import ConfirmForgotten, DataKeyById, DestroyKeys, OpenDataKey
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.messaging.entry import entry
from shared.messaging.provided import Provided


class KeyringService:
    """What services can ask of the keyring."""

    name = "keyring"
    app: Any = Provided("app")

    @entry(OpenDataKey)
    def open_data_key(self, request: OpenDataKey, ctx: Context) -> Model:
        """The key to close new words with."""
        return self.app.run(request, ctx)

    @entry(DataKeyById)
    def data_key_by_id(self, request: DataKeyById, ctx: Context) -> Model:
        """The key that a closed value names."""
        return self.app.run(request, ctx)

    @entry(DestroyKeys)
    def destroy_keys(self, request: DestroyKeys, ctx: Context) -> Model:
        """Render words unreadable."""
        return self.app.run(request, ctx)

    @entry(ConfirmForgotten)
    def confirm_forgotten(self, request: ConfirmForgotten, ctx: Context) -> Model:
        """A holder has forgotten."""
        return self.app.run(request, ctx)


def build(edge: Edge) -> dict[str, object]:
    """What the service class declares, built over one edge."""
    return {"app": Keyring(edge)}


SERVICE_CLASS = KeyringService
