"""When another service says X, consent does Y; and what it does when something falls due."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.consent.application import EXPIRY
from services.consent.domain.erased import ErasedItems
from services.consent.domain.grant import LIVE, Grant
from shared.accompaniment import following
from shared.contracts.intake import ItemsErasedMessage
from shared.eventstore.work import DueRow, Handler, Work


def items_erased(_app: Any, message: ItemsErasedMessage, work: Work) -> None:
    """When the survivor has things erased, no release of them discloses them any more."""
    stream = ErasedItems.create_id(message.participation_id)
    erased = work.find(ErasedItems, stream) or ErasedItems(message.participation_id)
    erased.erase(message.erasure_id, (("intake", message.item_kind, id) for id in message.item_ids))
    work.save(erased)


def period_over(_app: Any, row: DueRow, work: Work) -> None:
    """Put on record that a grant's period is over; the clock has closed it already."""
    grant = work.find(Grant, UUID(row.key))
    if grant is None:
        return
    grant.expire(work.ctx.now)
    work.save(grant)
    if grant.state in LIVE:  # the clock was put back since the row fell due
        work.schedule(EXPIRY, row.key, grant.expires_at)


REACTIONS: dict[str, Handler] = {
    **following.REACTIONS,
    ItemsErasedMessage.type: items_erased,
}

ON_DUE: dict[str, Handler] = {EXPIRY: period_over}
