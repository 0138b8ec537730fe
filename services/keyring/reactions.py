"""When intake records the wish to be erased, the keys are destroyed."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from services.keyring.application import HOLDERS, KeyringApplication
from services.keyring.domain import Erasure
from shared.contracts.intake import ErasureRequestedMessage
from shared.eventstore.work import DueRow, Handler, Work


def destroy(app: KeyringApplication, message: ErasureRequestedMessage, work: Work) -> None:
    """Intake has the person's wish, confirmed where staff recorded it (R71)."""
    app.erase(message.erasure_id, message.participation_id, message.record_classes, work)


def look_again(app: KeyringApplication, row: DueRow, work: Work) -> None:
    """The last loan has run out, or should have."""
    app.complete_if_forgotten(work.get(Erasure, UUID(row.key)), work)


class Keyring(KeyringApplication):
    """The application with what it does when others speak, and when time has passed."""

    reactions: ClassVar[dict[str, Handler]] = {ErasureRequestedMessage.type: destroy}
    on_due: ClassVar[dict[str, Handler]] = {HOLDERS: look_again}
