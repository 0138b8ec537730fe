"""When another service says something about a participation, its own timeline says so too."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid5

import structlog

from services.intake.application import IntakeApplication
from services.intake.domain import CarriedOut, Note, Participation
from services.intake.domain.timeline import Item
from shared.contracts.base import Message
from shared.contracts.consent import DisclosureMadeMessage, DisclosureTakenMessage
from shared.contracts.intake import SERVICE
from shared.contracts.keyring import ConfirmForgotten, ErasureCompletedMessage, KeysDestroyedMessage
from shared.contracts.refusal import Refused
from shared.eventstore.work import Handler, Work

log = structlog.get_logger()


def note(_: IntakeApplication, message: Message, work: Work) -> None:
    """An entry in the timeline of the participation it is about.

    ``about`` is the id of the grant, way of contact, notice or erasure; a topic that was chosen or
    dropped is not named here. A disclosure names the item, and whom it went to.
    """
    told: Any = message
    if work.find(Participation, told.participation_id) is None:
        log.warning("reaction.unknown_participation", message_type=message.type)
        return
    cause = work.ctx.causation
    if work.find(Note, Note.create_id(cause)) is not None:
        return
    source, subject, verb, _version = message.type.split(".")
    work.save(
        Note(
            participation_id=told.participation_id,
            cause=cause,
            source=source,
            what=verb if verb.startswith("disclosure_") else f"{subject}_{verb}",
            at=told.at,
            about=_about(told),
            shared_with=getattr(told, "recipient_agency_id", None),
            recorded_by_id=getattr(told, "recorded_by_id", None),
            recorded_by_role=getattr(told, "recorded_by_role", None),
            item=_item(message),
        )
    )


def carried_out(app: IntakeApplication, message: Message, work: Work) -> None:
    """An erasure is completed: needs may be stated again, and the timeline says so."""
    if not isinstance(message, ErasureCompletedMessage):
        raise TypeError(f"{message.type} is not about a completed erasure")
    if work.find(CarriedOut, CarriedOut.create_id(message.erasure_id)) is None:
        work.save(
            CarriedOut(participation_id=message.participation_id, erasure_id=message.erasure_id)
        )
    note(app, message, work)


def forget(app: IntakeApplication, message: Message, work: Work) -> None:
    """Keys were destroyed: drop them from memory, say so, and note it.

    The keyring may be away at this moment; then it waits until the loan has run out.
    """
    if not isinstance(message, KeysDestroyedMessage):
        raise TypeError(f"{message.type} is not about destroyed keys")
    app.edge.keys.forget(message.participation_id, message.record_classes)
    holder = getattr(app.edge.keys, "holder", None)
    if holder is not None:
        confirm = ConfirmForgotten(
            erasure_id=message.erasure_id, service=app.edge.service, holder=holder
        )
        # Each holder confirms for itself, so each has its own key of the command.
        key = uuid5(message.erasure_id, holder.hex)
        try:
            app.edge.caller.call("keyring", confirm.method(), confirm, None, command_id=key)
        except Refused as refused:
            log.warning("reaction.not_confirmed", code=refused.code)
    note(app, message, work)


def _about(told: Any) -> str | None:
    for name in ("grant_id", "channel_id", "notice_id", "erasure_id"):
        if hasattr(told, name):
            return str(getattr(told, name))
    return None


def _item(message: Message) -> Item | None:
    if isinstance(message, DisclosureMadeMessage | DisclosureTakenMessage):
        return message.item_service, message.item_kind, message.item_id
    return None


REACTIONS: dict[str, Handler] = {
    **{message_type: note for types in SERVICE.follows.values() for message_type in types},
    KeysDestroyedMessage.type: forget,
    ErasureCompletedMessage.type: carried_out,
}


class Intake(IntakeApplication):
    """The application with what it does when others speak."""

    reactions: ClassVar[dict[str, Handler]] = REACTIONS
