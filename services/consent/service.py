"""The nameko service of consent: thin."""

from __future__ import annotations

from typing import Any

from services.consent.application import ConsentApplication
from services.consent.reactions import ON_DUE, REACTIONS
from shared.contracts.base import Model
from shared.contracts.consent import (
    ConfirmDisclosure,
    ConfirmGrant,
    DeclineGrant,
    ExplainGrant,
    GetExplanation,
    GetGrants,
    GiveGrant,
    ProposeGrant,
    RequestDisclosure,
    RevokeGrant,
    TakeDisclosure,
)
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.messaging.entry import entry
from shared.messaging.provided import Provided


class Consent(ConsentApplication):
    """The application with what it does about others' messages and about time."""

    reactions = REACTIONS
    on_due = ON_DUE


class ConsentService:
    """One method per request; ``shared/run.py`` binds what it declares."""

    name = "consent"
    app: Any = Provided("app")

    @entry(ProposeGrant)
    def propose_grant(self, request: ProposeGrant, ctx: Context) -> Model:
        """Propose a release."""
        return self.app.run(request, ctx)

    @entry(ExplainGrant)
    def explain_grant(self, request: ExplainGrant, ctx: Context) -> Model:
        """Explain what it would do."""
        return self.app.run(request, ctx)

    @entry(GiveGrant)
    def give_grant(self, request: GiveGrant, ctx: Context) -> Model:
        """The survivor's yes."""
        return self.app.run(request, ctx)

    @entry(ConfirmGrant)
    def confirm_grant(self, request: ConfirmGrant, ctx: Context) -> Model:
        """A yes that staff recorded, heard again."""
        return self.app.run(request, ctx)

    @entry(DeclineGrant)
    def decline_grant(self, request: DeclineGrant, ctx: Context) -> Model:
        """The survivor's no."""
        return self.app.run(request, ctx)

    @entry(RevokeGrant)
    def revoke_grant(self, request: RevokeGrant, ctx: Context) -> Model:
        """The end of a release."""
        return self.app.run(request, ctx)

    @entry(RequestDisclosure)
    def request_disclosure(self, request: RequestDisclosure, ctx: Context) -> Model:
        """An agency asks for an item."""
        return self.app.run(request, ctx)

    @entry(ConfirmDisclosure)
    def confirm_disclosure(self, request: ConfirmDisclosure, ctx: Context) -> Model:
        """Whether an item may be handed over now."""
        return self.app.run(request, ctx)

    @entry(TakeDisclosure)
    def take_disclosure(self, request: TakeDisclosure, ctx: Context) -> Model:
        """An item is about to be handed over."""
        return self.app.run(request, ctx)

    @entry(GetExplanation)
    def get_explanation(self, request: GetExplanation, ctx: Context) -> Model:
        """What is said of a release before it is answered."""
        return self.app.run(request, ctx)

    @entry(GetGrants)
    def get_grants(self, request: GetGrants, ctx: Context) -> Model:
        """A survivor's releases."""
        return self.app.run(request, ctx)


def build(edge: Edge) -> dict[str, object]:
    """What the service class declares."""
    return {"app": Consent(edge)}


SERVICE_CLASS = ConsentService
