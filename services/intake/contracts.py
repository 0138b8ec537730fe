"""What intake tells others: the only place that knows both its events and its messages.

Needs, options, choices and declines are told to nobody (R41, R48).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eventsourcing.domain import DomainEvent

from services.intake.domain import Case, Participation
from shared.contracts.base import Message
from shared.contracts.intake import (
    AdvocateAssignedMessage,
    AdvocateAssignmentEndedMessage,
    CaseStateMessage,
    ErasureRequestedMessage,
    InquiryOpenedMessage,
    ItemsErasedMessage,
    NoticeGivenMessage,
)

_STATES: dict[type[DomainEvent], str] = {
    Case.NoticeHeard: "notice_given",
    Case.CaseOpened: "open",
    Case.CasePaused: "paused",
    Case.CaseClosed: "closed",
}


def announce(event: DomainEvent) -> Message | None:
    """The published message of an event, or nothing: most stay private."""
    if isinstance(event, (Case.InquiryOpened, *_STATES, Case.CaseReopened)):
        return _of_the_case(event)
    tell = _TOLD.get(type(event))
    return tell(event) if tell else None


def _of_the_case(event: Any) -> Message:
    if isinstance(event, Case.InquiryOpened):
        return InquiryOpenedMessage(
            case_id=event.case_id, participation_id=event.participation_id, at=event.timestamp
        )
    state = event.state if isinstance(event, Case.CaseReopened) else _STATES[type(event)]
    return CaseStateMessage(
        case_id=event.originator_id,
        participation_id=event.participation_id,
        state=state,
        at=event.timestamp,
    )


_TOLD: dict[type[DomainEvent], Callable[[Any], Message]] = {
    Participation.AdvocateAssigned: lambda e: AdvocateAssignedMessage(
        participation_id=e.originator_id,
        advocate_id=e.advocate_id,
        base=e.base,
        agency_id=e.agency_id,
        at=e.timestamp,
    ),
    Participation.AdvocateAssignmentEnded: lambda e: AdvocateAssignmentEndedMessage(
        participation_id=e.originator_id, advocate_id=e.advocate_id, at=e.timestamp
    ),
    Participation.ConfidentialityNoticeGiven: lambda e: NoticeGivenMessage(
        participation_id=e.originator_id,
        base=e.base,
        notice_version=e.notice_version,
        at=e.timestamp,
    ),
    Participation.ErasureRequested: lambda e: ErasureRequestedMessage(
        participation_id=e.originator_id,
        erasure_id=e.erasure_id,
        record_classes=tuple(e.record_classes),
        at=e.timestamp,
    ),
    Participation.NeedsErased: lambda e: ItemsErasedMessage(
        participation_id=e.originator_id,
        erasure_id=e.erasure_id,
        item_kind="need",
        item_ids=tuple(e.need_ids),
        at=e.timestamp,
    ),
}
