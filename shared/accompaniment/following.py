"""What a service that follows intake needs to know who may record there, and what to do with it."""

from __future__ import annotations

import threading
from typing import Any, Protocol
from uuid import UUID

from shared.accompaniment.accompaniment import Accompaniment
from shared.accompaniment.company import Company
from shared.accompaniment.recording import header, recorder, recorder_for
from shared.accompaniment.refusals import NotAssigned
from shared.contracts.base import Command, Request, Spoken
from shared.contracts.decision import Decision
from shared.contracts.intake import (
    AdvocateAssignedMessage,
    AdvocateAssignmentEndedMessage,
    CaseStateMessage,
    NoticeGivenMessage,
)
from shared.contracts.refusal import Unavailable
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.edge import Edge
from shared.eventstore.work import Handler, Work
from shared.identity.principal import Principal
from shared.messaging.pages import MOST_MESSAGES, ask_messages

PATIENCE = 2.0
"""Seconds in which the news that intake has for us by now arrives, or staff are told to repeat."""

_LOOK_EVERY = 0.05


class _Application(Protocol):
    @property
    def edge(self) -> Edge: ...

    @property
    def reactions(self) -> dict[str, Handler]: ...

    def aggregate(self, id: UUID) -> Aggregate | None: ...

    def news_waits(self, producer: str, participation_id: UUID) -> bool: ...

    def heard(self, producer: str) -> int: ...


def said(
    app: _Application, command: Spoken, work: Work, *, no: bool = False, come_to_hear: bool = False
) -> Decision:
    """The header of what the survivor decided; refuses whoever may not write it down.

    ``no`` and ``come_to_hear``: see :meth:`Accompaniment.must_let_record`. The survivor
    needs nobody, only to have been told first (R22). What intake said of this survivor
    is heard here before anything but a no, so that nobody records after they were let
    go, and nothing is kept before the notice of whoever came; ``Unavailable`` where that
    takes too long, or intake is away. A no waits for nothing (R71).
    """
    whose: UUID = command.participation_id  # type: ignore[attr-defined]
    by = recorder_for(whose, work.ctx.principal)
    if not no and not _is_all_heard(app, whose):
        raise NotAssigned() if by.is_staff else Unavailable()
    beside_id = Accompaniment.create_id(whose)
    beside = work.find(Accompaniment, beside_id)
    if by.is_staff:
        if beside is None:
            raise NotAssigned()
        beside.must_let_record(by, no=no, come_to_hear=come_to_hear)
    elif not no:
        (beside or Accompaniment(whose)).must_be_told()  # R22
    if not no:
        work.rely_on(beside_id)
    notice = beside.company.notice_for(by) if beside else None
    return header(command, work.ctx, whose=whose, notice_version=notice, no=no)


def assigned(app: _Application, whose: UUID, request: Request, asker: Principal) -> list[str]:
    """For Cedar: the asker, if the survivor has them now, as whom they come (R21); else nobody.

    While news of intake about this survivor waits to be heard nobody is assigned: it
    may be the news that they no longer are. ``Unavailable`` where intake is away. What
    always wins a race, a no, waits for nothing (R71).
    """
    if asker.kind != "staff":
        return []
    a_no = isinstance(request, Command) and request.on_conflict == "retry"
    if not a_no and not _is_all_heard(app, whose):
        return []
    found = app.aggregate(Accompaniment.create_id(whose))
    if not isinstance(found, Accompaniment) or not found.company.is_as_assigned(recorder(asker)):
        return []
    return [str(asker.id)]


def must_have_told(app: _Application, whose: UUID, asker: Principal) -> None:
    """Refuses staff who read before the notice of their base was given (R21, R22)."""
    found = app.aggregate(Accompaniment.create_id(whose))
    company = found.company if isinstance(found, Accompaniment) else Company()
    company.must_have_told(asker)


def must_hear(app: _Application, whose: UUID) -> None:
    """Return when everything that intake has said of this survivor by now is heard here.

    For what cannot be taken back and must not happen once their case rests (R09, I04).
    ``Unavailable`` where that takes too long, intake is away, or something waits to be
    heard again.
    """
    if not _is_all_heard(app, whose):
        raise Unavailable()


def _is_all_heard(app: _Application, whose: UUID) -> bool:
    """Wait until nothing of intake about this survivor is on its way to us.

    Whether all of it could be heard; ``Unavailable`` where it takes too long.
    """
    waited = 0.0
    while _is_on_its_way(app, whose):
        if waited >= PATIENCE:
            raise Unavailable()
        threading.Event().wait(_LOOK_EVERY)
        waited += _LOOK_EVERY
    return not app.news_waits("intake", whose)


def _is_on_its_way(app: _Application, whose: UUID) -> bool:
    """Whether intake published something about them that we have not heard, or too much to tell."""
    unheard = ask_messages(app.edge.caller, "intake", app.heard("intake"), MOST_MESSAGES)
    return len(unheard) >= MOST_MESSAGES or any(
        announcement.type in app.reactions
        and announcement.data.get("participation_id") == str(whose)
        for announcement in unheard
    )


def advocate_assigned(_app: Any, message: AdvocateAssignedMessage, work: Work) -> None:
    """When the survivor has an advocate, the advocate may record here."""
    beside = _beside(message.participation_id, work)
    beside.advocate_assigned(message.advocate_id, message.base, message.agency_id)
    work.save(beside)


def assignment_ended(_app: Any, message: AdvocateAssignmentEndedMessage, work: Work) -> None:
    """When the assignment ends, so does the permission."""
    beside = _beside(message.participation_id, work)
    beside.assignment_ended(message.advocate_id)
    work.save(beside)


def notice_given(_app: Any, message: NoticeGivenMessage, work: Work) -> None:
    """When the notice of a base was given, staff of that base may collect (R22)."""
    beside = _beside(message.participation_id, work)
    beside.notice_given(message.base, message.notice_version)
    work.save(beside)


def case_state_changed(_app: Any, message: CaseStateMessage, work: Work) -> None:
    """When the survivor pauses or closes their case, staff ask nothing more of them here (R09)."""
    beside = _beside(message.participation_id, work)
    beside.case_is(message.state)
    work.save(beside)


def _beside(participation_id: UUID, work: Work) -> Accompaniment:
    id = Accompaniment.create_id(participation_id)
    return work.find(Accompaniment, id) or Accompaniment(participation_id)


REACTIONS: dict[str, Handler] = {
    AdvocateAssignedMessage.type: advocate_assigned,
    AdvocateAssignmentEndedMessage.type: assignment_ended,
    NoticeGivenMessage.type: notice_given,
    CaseStateMessage.type: case_state_changed,
}
"""To be followed by every service that records what survivors decide."""
