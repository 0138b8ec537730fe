"""nameko entrypoints: each hands its request to the application."""

from __future__ import annotations

from typing import Any

import structlog

from services.notifications.adapters.settings import relay_settings
from services.notifications.adapters.smtp import Relay
from services.notifications.application import NotificationsApplication
from services.notifications.effects import Carrier, Sending
from services.notifications.reactions import REACTIONS
from shared.contracts.base import Model, Request
from shared.contracts.notifications import (
    ChooseTopic,
    ConfirmChannel,
    ConfirmTopic,
    DeclareChannelSafe,
    DeclareChannelUnsafe,
    DropTopic,
    GetNotices,
    GetPreference,
    StopEverything,
    VerifyPreference,
)
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, DueRow
from shared.messaging.entry import entry
from shared.messaging.provided import Provided

log = structlog.get_logger()


class Application(NotificationsApplication):
    """The application together with what it does about others' messages, and with its sender."""

    reactions = REACTIONS

    def __init__(self, edge: Edge, carrier: Carrier | None = None) -> None:
        """``carrier``: the relay; without one nothing is sent, and every notice says so."""
        super().__init__(edge)
        self.sending = Sending(self, carrier)
        self.senders = frozenset(("email",) if carrier else ())

    def run(self, request: Request, ctx: Context) -> Model:
        """The same; a no is acknowledged when nothing can leave that was begun before it."""
        answer = super().run(request, ctx)
        if isinstance(request, NOES):
            self.sending.let_pass(request.participation_id)
        return answer

    def due(self, row: DueRow, ctx: Context) -> None:
        """Sending is several decisions with the outside world between them."""
        self.sending.due(row, ctx)


NOES = (DeclareChannelUnsafe, DropTopic, StopEverything)


class NotificationsService:
    """What can be asked of notifications."""

    name = "notifications"
    app: Any = Provided("app")

    @entry(DeclareChannelSafe)
    def declare_channel_safe(self, request: DeclareChannelSafe, ctx: Context) -> Model:
        """A way of contact that is safe."""
        return self.app.run(request, ctx)

    @entry(ConfirmChannel)
    def confirm_channel(self, request: ConfirmChannel, ctx: Context) -> Model:
        """The confirmation of what staff recorded."""
        return self.app.run(request, ctx)

    @entry(VerifyPreference)
    def verify_preference(self, request: VerifyPreference, ctx: Context) -> Model:
        """A way of contact is still safe."""
        return self.app.run(request, ctx)

    @entry(DeclareChannelUnsafe)
    def declare_channel_unsafe(self, request: DeclareChannelUnsafe, ctx: Context) -> Model:
        """A way of contact is not safe any more."""
        return self.app.run(request, ctx)

    @entry(ChooseTopic)
    def choose_topic(self, request: ChooseTopic, ctx: Context) -> Model:
        """Hear of a topic."""
        return self.app.run(request, ctx)

    @entry(ConfirmTopic)
    def confirm_topic(self, request: ConfirmTopic, ctx: Context) -> Model:
        """The confirmation of a topic that staff recorded."""
        return self.app.run(request, ctx)

    @entry(DropTopic)
    def drop_topic(self, request: DropTopic, ctx: Context) -> Model:
        """Hear nothing more of a topic."""
        return self.app.run(request, ctx)

    @entry(StopEverything)
    def stop_everything(self, request: StopEverything, ctx: Context) -> Model:
        """No topic, no way of contact."""
        return self.app.run(request, ctx)

    @entry(GetPreference)
    def get_preference(self, request: GetPreference, ctx: Context) -> Model:
        """Ways of contact and topics."""
        return self.app.run(request, ctx)

    @entry(GetNotices)
    def get_notices(self, request: GetNotices, ctx: Context) -> Model:
        """Notices, and what became of them."""
        return self.app.run(request, ctx)


def build(edge: Edge) -> dict[str, object]:
    """What the service class declares, built over one edge."""
    settings = relay_settings(edge.settings)
    if settings is None:
        log.warning("no relay is set, so that no notice is sent")
    return {"app": Application(edge, Relay(settings) if settings else None)}


SERVICE_CLASS = NotificationsService
