"""What can be read: the rows that events leave, and the reads of them.

Every row belongs to one participation; row-level security shows a read the rows of the
participation it names and no others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from eventsourcing.domain import DomainEvent

from services.intake.domain import Case, Handover, Note, Participation
from shared.contracts import intake as asked
from shared.contracts.base import snake
from shared.contracts.decision import Decision
from shared.contracts.items import ItemRef
from shared.contracts.refusal import NotFound
from shared.eventstore.application import Recorded

TABLES = ("participations", "needs", "waiting", "timeline")
"""Emptied and folded anew by a rebuild."""

Row = tuple[str, tuple[Any, ...]]

_ENTRY = (
    "INSERT INTO timeline (position, participation_id, what, at, decided_at, decided_by,"
    " recorded_by_role, recorded_by_id, about, shared_with, source, item_service, item_kind,"
    " item_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)

_NO_ITEM = (None, None, None)

_ABOUT = ("need_id", "option", "decision_id", "erasure_id", "advocate_id", "base", "involvement")
"""The field of an event that its entry is about: the first of these that it has."""


def fold(event: DomainEvent, recorded: Recorded) -> Iterable[Row]:
    """The rows that an event changes, and its entry in the timeline."""
    match event:
        case Case.Event():
            yield from _case(event)
        case Note.Noted():
            yield _noted(event, recorded)
        case Handover.ItemHandedOver():
            yield _handed_over(event, recorded)
        case Participation.Event():
            yield from _participation(event, recorded)
            yield _entry(event, recorded)
        case _:
            return


def _case(event: DomainEvent) -> Iterable[Row]:
    match event:
        case Case.InquiryOpened():
            yield (
                "INSERT INTO participations (participation_id, case_id, state)"
                " VALUES (%s, %s, 'inquiry')",
                (event.participation_id, event.case_id),
            )
        case Case.NoticeHeard():
            yield _state(event.participation_id, "notice_given")
        case Case.CaseOpened():
            yield _state(event.participation_id, "open")
        case Case.CasePaused():
            yield _state(event.participation_id, "paused")
        case Case.CaseClosed():
            yield _state(event.participation_id, "closed")
        case Case.CaseReopened():
            yield _state(event.participation_id, event.state)
        case _:
            return


def _state(participation_id: UUID, state: str) -> Row:
    return (
        "UPDATE participations SET state = %s WHERE participation_id = %s",
        (state, participation_id),
    )


def _participation(event: DomainEvent, recorded: Recorded) -> Iterable[Row]:
    subject = event.originator_id
    match event:
        case Participation.AdvocateRequested():
            yield (
                "UPDATE participations SET requested_base = %s WHERE participation_id = %s",
                (event.base, subject),
            )
        case Participation.AdvocateRequestWithdrawn():
            yield (
                "UPDATE participations SET requested_base = NULL WHERE participation_id = %s",
                (subject,),
            )
        case Participation.AdvocateAssigned():
            yield (
                "UPDATE participations SET requested_base = NULL, advocate_id = %s,"
                " advocate_base = %s, advocate_agency_id = %s WHERE participation_id = %s",
                (event.advocate_id, event.base, event.agency_id, subject),
            )
        case Participation.AdvocateAssignmentEnded():
            yield (
                "UPDATE participations SET advocate_id = NULL, advocate_base = NULL,"
                " advocate_agency_id = NULL WHERE participation_id = %s",
                (subject,),
            )
        case Participation.ConfidentialityNoticeGiven():
            yield (
                "UPDATE participations SET notice_version = %s WHERE participation_id = %s",
                (event.notice_version, subject),
            )
        case Participation.NeedStated():
            yield (
                "INSERT INTO needs (need_id, participation_id, words, recorded_at, position)"
                " VALUES (%s, %s, %s, %s, %s)",
                (
                    event.need_id,
                    subject,
                    event.words.token(),
                    event.decision.recorded_at,
                    recorded.position,
                ),
            )
        case Participation.ChoiceRecorded():
            yield _waits(event.decision_id, subject, event.decision)
        case Participation.ErasureRecorded():
            yield _waits(event.erasure_id, subject, event.decision)
        case Participation.ErasureRequested() if "needs" in event.record_classes:
            yield ("UPDATE needs SET words = NULL WHERE participation_id = %s", (subject,))
        case (
            Participation.DecisionConfirmed()
            | Participation.DecisionDenied()
            | Participation.DecisionLapsed()
        ):
            yield ("DELETE FROM waiting WHERE decision_id = %s", (event.decision_id,))
        case _:
            return


def _waits(decision_id: UUID, subject: UUID, decision: Decision) -> Row:
    return (
        "INSERT INTO waiting (decision_id, participation_id, recorded_by_id) VALUES (%s, %s, %s)",
        (decision_id, subject, decision.recorded_by.actor_id),
    )


def _entry(event: DomainEvent, recorded: Recorded) -> Row:
    decision: Decision | None = getattr(event, "decision", None)
    by = decision.recorded_by if decision else getattr(event, "assigned_by", None)
    if by is None and isinstance(event, Participation.ParticipationBegun):
        decided_by: str | None = event.role
    else:
        decided_by = decision.decided_by if decision else ("staff" if by else None)
    about = next((getattr(event, name) for name in _ABOUT if hasattr(event, name)), None)
    return (
        _ENTRY,
        (
            recorded.position,
            event.originator_id,
            snake(type(event).__name__),
            event.timestamp,
            decision.decided_at if decision else None,
            decided_by,
            by.role if by else None,
            by.actor_id if by else None,
            None if about is None else str(about),
            None,
            "intake",
            *_NO_ITEM,
        ),
    )


def _noted(event: Note.Noted, recorded: Recorded) -> Row:
    return (
        _ENTRY,
        (
            recorded.position,
            event.participation_id,
            event.what,
            event.at,
            None,
            None,
            event.recorded_by_role,
            event.recorded_by_id,
            event.about,
            event.shared_with,
            event.source,
            *(event.item or _NO_ITEM),
        ),
    )


def _handed_over(event: Handover.ItemHandedOver, recorded: Recorded) -> Row:
    return (
        _ENTRY,
        (
            recorded.position,
            event.participation_id,
            "item_handed_over",
            event.timestamp,
            None,
            None,
            "agency",
            event.agency_id,
            str(event.item_id),
            event.agency_id,
            "intake",
            "intake",
            event.kind,
            event.item_id,
        ),
    )


# -- reads ------------------------------------------------------------------------------------


class Reader(Protocol):
    """An application, as far as a read needs it."""

    def read(
        self, sql: str, params: tuple[Any, ...] = (), participation_id: UUID | None = None
    ) -> list[dict[str, Any]]:
        """Rows under row-level security."""


def opened_by(app: Reader, code_index: bytes) -> dict[str, Any] | None:
    """What a possession code opens; the function shows one row for one hash, never a list."""
    return _one(app.read("SELECT * FROM opened_by(%s)", (code_index,)))


def who_helps(app: Reader, participation_id: UUID) -> dict[str, Any] | None:
    """The assigned advocate, of which base and agency, or whether one is asked for."""
    return _one(
        app.read(
            "SELECT advocate_id, advocate_base, advocate_agency_id, requested_base"
            " FROM participations WHERE participation_id = %s",
            (participation_id,),
            participation_id,
        )
    )


def recorded_by(app: Reader, participation_id: UUID, decision_id: UUID | None) -> str:
    """Who recorded a yes that waits; empty where none does."""
    if decision_id is None:
        return ""
    found = _one(
        app.read(
            "SELECT recorded_by_id FROM waiting WHERE decision_id = %s",
            (decision_id,),
            participation_id,
        )
    )
    return str(found["recorded_by_id"]) if found else ""


def case_view(app: Reader, participation_id: UUID) -> asked.CaseView:
    """Where the case stands; ``NotFound`` where there is none."""
    found = _one(
        app.read(
            "SELECT case_id, participation_id, state, advocate_id, advocate_base, notice_version,"
            " requested_base AS advocate_requested FROM participations"
            " WHERE participation_id = %s",
            (participation_id,),
            participation_id,
        )
    )
    if found is None:
        raise NotFound()
    return asked.CaseView(**found)


def needs(app: Reader, participation_id: UUID) -> list[dict[str, Any]]:
    """The sealed needs in the order in which they were stated."""
    return app.read(
        "SELECT need_id, words, recorded_at FROM needs WHERE participation_id = %s"
        " ORDER BY position",
        (participation_id,),
        participation_id,
    )


def need(app: Reader, participation_id: UUID, need_id: UUID) -> dict[str, Any] | None:
    """One sealed need of this participation, never another's."""
    return _one(
        app.read(
            "SELECT words FROM needs WHERE need_id = %s AND participation_id = %s",
            (need_id, participation_id),
            participation_id,
        )
    )


def timeline(app: Reader, participation_id: UUID) -> asked.Timeline:
    """All entries, numbered from 1 in the order in which they were recorded."""
    rows = app.read(
        "SELECT what, at, decided_at, decided_by, recorded_by_role, recorded_by_id, about,"
        " shared_with, source, item_service, item_kind, item_id"
        " FROM timeline WHERE participation_id = %s ORDER BY position",
        (participation_id,),
        participation_id,
    )
    return asked.Timeline(
        entries=tuple(
            asked.TimelineEntry(number=number, **_with_item(**row))
            for number, row in enumerate(rows, start=1)
        )
    )


def _with_item(
    item_service: str | None, item_kind: str | None, item_id: UUID | None, **row: Any
) -> dict[str, Any]:
    if item_service is None or item_kind is None or item_id is None:
        return {**row, "item": None}
    return {**row, "item": ItemRef(service=item_service, kind=item_kind, item_id=item_id)}


def _one(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return rows[0] if rows else None
