"""What intake tells others: the only place that knows both its events and its messages.

Needs, options, choices and declines are told to nobody (R41, R48).
"""

from __future__ import annotations

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
    match event:
        case Participation.AdvocateAssigned():
            return AdvocateAssignedMessage(
                participation_id=event.originator_id,
                advocate_id=event.advocate_id,
                base=event.base,
                agency_id=event.agency_id,
                at=event.timestamp,
            )
        case Participation.AdvocateAssignmentEnded():
            return AdvocateAssignmentEndedMessage(
                participation_id=event.originator_id,
                advocate_id=event.advocate_id,
                at=event.timestamp,
            )
        case Participation.ConfidentialityNoticeGiven():
            return NoticeGivenMessage(
                participation_id=event.originator_id,
                base=event.base,
                notice_version=event.notice_version,
                at=event.timestamp,
            )
        case Participation.ErasureRequested():
            return ErasureRequestedMessage(
                participation_id=event.originator_id,
                erasure_id=event.erasure_id,
                record_classes=tuple(event.record_classes),
                at=event.timestamp,
            )
        case _:  # R41 R48
            return None


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
