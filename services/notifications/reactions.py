"""When another service says X, we do Y."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import structlog

from services.notifications.application import CONTACT, NotificationsApplication
from shared.accompaniment import following
from shared.accompaniment.accompaniment import AT_REST
from shared.contracts.consent import (
    DisclosureMadeMessage,
    GrantGivenMessage,
    GrantRevokedMessage,
)
from shared.contracts.intake import CaseStateMessage, ErasureRequestedMessage
from shared.contracts.keyring import ConfirmForgotten, KeysDestroyedMessage
from shared.contracts.refusal import Refused
from shared.eventstore.work import Handler, Work

log = structlog.get_logger()


def tell_of_sharing(
    app: NotificationsApplication,
    message: GrantGivenMessage | GrantRevokedMessage | DisclosureMadeMessage,
    work: Work,
) -> None:
    """Consent was given, revoked or used: a neutral notice to whoever chose ``sharing``."""
    app.tell(message.participation_id, "sharing", work)


def rest_or_go_on(app: NotificationsApplication, message: CaseStateMessage, work: Work) -> None:
    """A case is paused or closed: nobody is contacted, also about what is queued (R09, I04)."""
    following.case_state_changed(app, message, work)
    if message.state in AT_REST:
        app.leave_alone(message.participation_id, work)


def contact_no_more(
    app: NotificationsApplication, message: ErasureRequestedMessage, work: Work
) -> None:
    """They asked for their contact words to be erased: that holds before the key is destroyed.

    By then the key may still be on loan here, and the keyring away.
    """
    if CONTACT in message.record_classes:  # R09 I09
        app.end_contact(message.participation_id, message.erasure_id, work)


def forget_keys(app: NotificationsApplication, message: KeysDestroyedMessage, work: Work) -> None:
    """Keys are destroyed: drop ours from memory, end the ways of contact, and say so.

    Where the keyring cannot hear it now, it waits until our loan has run out.
    """
    keys: Any = app.edge.keys
    keys.forget(message.participation_id, message.record_classes)
    if CONTACT in message.record_classes:
        app.erase_contact(message.participation_id, message.erasure_id, work)
    # A source that takes no key on loan has nothing to confirm.
    holder = getattr(keys, "holder", None)
    if holder is None:
        return
    confirm = ConfirmForgotten(
        erasure_id=message.erasure_id, service=app.contract.name, holder=holder
    )
    command_id = uuid5(NAMESPACE_URL, f"/forgotten/{message.erasure_id}/{holder}")
    try:
        app.edge.caller.call("keyring", confirm.method(), confirm, work.ctx, command_id)
    except Refused as refused:
        log.warning("erasure.not_confirmed", code=refused.code)


REACTIONS: dict[str, Handler] = {
    GrantGivenMessage.type: tell_of_sharing,
    GrantRevokedMessage.type: tell_of_sharing,
    DisclosureMadeMessage.type: tell_of_sharing,
    **following.REACTIONS,
    CaseStateMessage.type: rest_or_go_on,
    ErasureRequestedMessage.type: contact_no_more,
    KeysDestroyedMessage.type: forget_keys,
}
