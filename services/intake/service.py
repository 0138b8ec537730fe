"""The doors of intake: one method a request, each the application's."""

from __future__ import annotations

from typing import Any

from services.intake.reactions import Intake
from shared.contracts import intake as asked
from shared.contracts.items import ConfirmItems
from shared.eventstore.edge import Edge
from shared.messaging.entry import entry
from shared.messaging.provided import Provided


class IntakeService:
    """A survivor begins, is told what stays confidential, and decides."""

    name = "intake"
    app: Any = Provided("app")

    @entry(asked.BeginInquiry)
    def begin_inquiry(self, request: asked.BeginInquiry, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.OpenSession)
    def open_session(self, request: asked.OpenSession, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.RequestAdvocate)
    def request_advocate(self, request: asked.RequestAdvocate, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.AssignAdvocate)
    def assign_advocate(self, request: asked.AssignAdvocate, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.EndAdvocateAssignment)
    def end_advocate_assignment(self, request: asked.EndAdvocateAssignment, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.GiveConfidentialityNotice)
    def give_confidentiality_notice(
        self, request: asked.GiveConfidentialityNotice, ctx: Any
    ) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.StateNeed)
    def state_need(self, request: asked.StateNeed, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.OfferOptions)
    def offer_options(self, request: asked.OfferOptions, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.ChooseOption)
    def choose_option(self, request: asked.ChooseOption, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.DeclineOption)
    def decline_option(self, request: asked.DeclineOption, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.ConfirmDecision)
    def confirm_decision(self, request: asked.ConfirmDecision, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.DenyDecision)
    def deny_decision(self, request: asked.DenyDecision, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.MakeContact)
    def make_contact(self, request: asked.MakeContact, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.PauseCase)
    def pause_case(self, request: asked.PauseCase, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.CloseCase)
    def close_case(self, request: asked.CloseCase, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.ReopenCase)
    def reopen_case(self, request: asked.ReopenCase, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.RequestErasure)
    def request_erasure(self, request: asked.RequestErasure, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.FetchItem)
    def fetch_item(self, request: asked.FetchItem, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(ConfirmItems)
    def confirm_items(self, request: ConfirmItems, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.GetOptions)
    def get_options(self, request: asked.GetOptions, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.GetNotice)
    def get_notice(self, request: asked.GetNotice, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.GetCase)
    def get_case(self, request: asked.GetCase, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.GetNeeds)
    def get_needs(self, request: asked.GetNeeds, ctx: Any) -> Any:
        return self.app.run(request, ctx)

    @entry(asked.GetTimeline)
    def get_timeline(self, request: asked.GetTimeline, ctx: Any) -> Any:
        return self.app.run(request, ctx)


def build(edge: Edge) -> dict[str, object]:
    """What ``shared/run.py`` binds to the service, in both forms."""
    return {"app": Intake(edge)}


SERVICE_CLASS = IntakeService
