"""When another service says X, consent does Y; and what it does when something falls due."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.consent import tables as rows
from services.consent.application import EXPIRY
from services.consent.domain.accompaniment import Accompaniment
from services.consent.domain.grant import LIVE, Grant, ItemKind
from shared.contracts.intake import (
    AdvocateAssignedMessage,
    AdvocateAssignmentEndedMessage,
    ErasureRequestedMessage,
    NoticeGivenMessage,
)
from shared.eventstore.work import DueRow, Handler, Work

ERASED: dict[str, ItemKind] = {"needs": ("intake", "need")}
"""Record class → the items that cannot be read any more once it is erased."""


def advocate_assigned(_app: Any, message: AdvocateAssignedMessage, work: Work) -> None:
    """When the survivor has an advocate, the advocate may record here."""
    company = _company(message.participation_id, work)
    company.advocate_assigned(message.advocate_id, message.base, message.agency_id)
    work.save(company)


def assignment_ended(_app: Any, message: AdvocateAssignmentEndedMessage, work: Work) -> None:
    """When the assignment ends, so does the permission."""
    company = _company(message.participation_id, work)
    company.assignment_ended(message.advocate_id)
    work.save(company)


def notice_given(_app: Any, message: NoticeGivenMessage, work: Work) -> None:
    """When the notice of a base was given, staff of that base may collect (R22)."""
    company = _company(message.participation_id, work)
    company.notice_given(message.base, message.notice_version)
    work.save(company)


def erasure_requested(app: Any, message: ErasureRequestedMessage, work: Work) -> None:
    """When the survivor has things erased, no release of them discloses them any more."""
    kinds = [ERASED[name] for name in message.record_classes if name in ERASED]
    for view in rows.grants(app, message.participation_id, work.ctx.now) if kinds else ():
        grant = work.get(Grant, view.grant_id)
        for kind in kinds:
            grant.erase(message.erasure_id, kind)
        work.save(grant)


def period_over(_app: Any, row: DueRow, work: Work) -> None:
    """Put on record that a grant's period is over; the clock has closed it already."""
    grant = work.find(Grant, UUID(row.key))
    if grant is None:
        return
    grant.expire(work.ctx.now)
    work.save(grant)
    if grant.state in LIVE:  # the clock was put back since the row fell due
        work.schedule(EXPIRY, row.key, grant.expires_at)


def _company(participation_id: UUID, work: Work) -> Accompaniment:
    id = Accompaniment.create_id(participation_id)
    return work.find(Accompaniment, id) or Accompaniment(participation_id)


REACTIONS: dict[str, Handler] = {
    AdvocateAssignedMessage.type: advocate_assigned,
    AdvocateAssignmentEndedMessage.type: assignment_ended,
    NoticeGivenMessage.type: notice_given,
    ErasureRequestedMessage.type: erasure_requested,
}

ON_DUE: dict[str, Handler] = {EXPIRY: period_over}
