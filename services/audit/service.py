"""nameko entrypoints, and what the ledger does by itself."""

from __future__ import annotations

from typing import Any

from services.audit.formats.note import VERIFIER_FILE
from services.audit.reactions import Audit
from shared.contracts.audit import GetCheckpoint, GetTile
from shared.contracts.base import Model
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.messaging.assembly import CHECKS, PAPERS
from shared.messaging.entry import entry
from shared.messaging.provided import Provided
from shared.messaging.turns import TURNS


class AuditService:
    """What anyone can ask of the ledger."""

    name = "audit"
    app: Any = Provided("app")

    @entry(GetCheckpoint)
    def get_checkpoint(self, request: GetCheckpoint, ctx: Context) -> Model:
        """How large the log is, and its root, signed."""
        return self.app.run(request, ctx)

    @entry(GetTile)
    def get_tile(self, request: GetTile, ctx: Context) -> Model:
        """A tile of the tree, or a bundle of entries."""
        return self.app.run(request, ctx)


def build(edge: Edge) -> dict[str, object]:
    """What the service class declares, and its turns, built over one edge."""
    app = Audit(edge)
    papers = {VERIFIER_FILE: f"{app.verifier.vkey}\n"}
    return {"app": app, TURNS: app.turns(), PAPERS: papers, CHECKS: {"ledger": app.is_intact}}


SERVICE_CLASS = AuditService
