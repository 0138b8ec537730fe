"""What was not left alone: a withdrawal, a decline, a service (I04, I05, I06)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from tests.integration.audit.books import Books, Row, stored
from tests.integration.audit.plants.planting import (
    a_notice,
    breaks,
    last,
    maria,
    recorded_by_staff,
)

# -- I04 ----------------------------------------------------------------------------------------


@breaks("I04", "a need written down after the case was closed", "R09")
def _(books: Books) -> list[Row]:
    row = books.again(recorded_by_staff(books, "NeedStated"))
    return [row.at(last(books, "intake").stored_at)]


@breaks("I04", "an advocate assigned while the case rests")
def _(books: Books) -> list[Row]:
    paused = books.first("InvolvementChanged", involvement="paused")
    row = books.again(books.first("AdvocateAssigned"), after=paused)
    row.stream = paused.stream
    return [row.at(paused.stored_at)]


@breaks("I04", "options offered after the case was closed")
def _(books: Books) -> list[Row]:
    row = books.again(books.first("OptionOffered", programme_type="housing"))
    return [row.at(last(books, "intake").stored_at)]


@breaks("I04", "somebody else bringing the participation back", "R12")
def _(books: Books) -> list[Row]:
    staff = recorded_by_staff(books, "NeedStated")
    closed = books.find("InvolvementChanged", involvement="closed")[-1]
    row = books.again(closed).set(involvement="active").by(staff)
    return [row]


@breaks("I04", "another survivor bringing the participation back", "R12")
def _(books: Books) -> list[Row]:
    closed = books.find("InvolvementChanged", involvement="closed")[-1]
    other = next(r.stream for r in books.all("ParticipationBegun") if r.stream != closed.stream)
    row = books.again(closed).set(involvement="active")
    return [row.said(participation_id=other).as_if_by(other)]


@breaks("I04", "a release proposed by staff after the case was closed")
def _(books: Books) -> list[Row]:
    row = books.again(recorded_by_staff(books, "GrantProposed"), new_stream=True)
    return [row.at(last(books, "intake").stored_at + timedelta(minutes=1))]


@breaks("I04", "a way of contact declared by staff after the case was closed")
def _(books: Books) -> list[Row]:
    row = books.again(recorded_by_staff(books, "ChannelDeclaredSafe")).set(channel_id=uuid4())
    return [row.at(last(books, "intake").stored_at + timedelta(minutes=1))]


@breaks("I04", "a release proposed by staff while the case is paused", "R09")
def _(books: Books) -> list[Row]:
    _rests(books, "paused")
    row = books.again(recorded_by_staff(books, "GrantProposed"), new_stream=True)
    return [row.at(last(books, "intake").stored_at + timedelta(minutes=1))]


def _rests(books: Books, state: str = "closed") -> Row:
    """Maria's case comes to rest, and that alone ends nothing; where notifications hears of it."""
    erased = ("ContactErasureRequested", "ContactErased")
    for name in ("TopicDropped", "ChannelDeclaredUnsafe", *erased):
        books.drop(*(r for r in books.all(name) if r.state.get("topic") != stored("hearings")))
    for asked in books.all("ErasureRequested"):
        asked.set(record_classes=("needs",))
    rest = books.find("InvolvementChanged", involvement="closed")[-1]
    assert rest.stream == maria(books)
    rest.set(involvement=state)
    for heard in books.find("CaseStateKnown", state="closed"):
        if heard.stored_at >= rest.stored_at:
            heard.set(state=state)
    heard_by = {r.service: r for r in books.find("CaseStateKnown", state=state)}
    return heard_by["notifications"]


def _queued(books: Books, **later: float) -> Row:
    """A notice of its own, so long after the case came to rest."""
    rest = books.all("InvolvementChanged")[-1]
    notice = books.again(a_notice(books), new_stream=True)
    return notice.at(rest.stored_at, "at", "send_from").later("at", "send_from", **later)


def _sent(books: Books, **later: float) -> Row:
    """The intent to send what was queued long before."""
    queued = books.again(a_notice(books), after=a_notice(books), new_stream=True)
    intent = books.again(queued)
    intent.topic = queued.topic.replace("NoticeQueued", "NoticeSending")
    rest = books.all("InvolvementChanged")[-1]
    intent.at(rest.stored_at, "at").later("at", **later).set(tries=1)
    return intent.set(until=intent.stored_at + timedelta(seconds=3))


@breaks("I04", "a notice queued after its service had heard that the case was closed", "R09")
def _(books: Books) -> list[Row]:
    _rests(books)
    return [_queued(books, seconds=1)]


@breaks("I04", "a notice queued long after the case was closed", "R09")
def _(books: Books) -> list[Row]:
    books.drop(_rests(books))
    return [_queued(books, minutes=2)]


@breaks("I04", "a notice sent after its service had heard that the case was closed", "R09")
def _(books: Books) -> list[Row]:
    _rests(books)
    return [_sent(books, seconds=1)]


@breaks("I04", "a notice sent after its service had heard that the case was paused", "R09")
def _(books: Books) -> list[Row]:
    _rests(books, "paused")
    return [_sent(books, seconds=1)]


@breaks("I04", "a notice sent half a minute after the case was closed", "R09")
def _(books: Books) -> list[Row]:
    books.drop(_rests(books))
    return [_sent(books, seconds=30)]


# -- I05 ----------------------------------------------------------------------------------------


@breaks("I05", "an offer of what was declined", "R11", "R48")
def _(books: Books) -> list[Row]:
    declined = books.first("OptionDeclined", programme_type="letter_bank")
    offer = books.first("OptionOffered", programme_type="letter_bank")
    return [books.again(offer, after=declined).at(declined.stored_at)]


@breaks("I05", "an offer again without contact in between")
def _(books: Books) -> list[Row]:
    books.drop(books.first("ContactMade"))
    return [books.find("OptionOffered", programme_type="letter_bank")[-1]]


@breaks("I05", "a contact that staff made for the survivor")
def _(books: Books) -> list[Row]:
    books.first("ContactMade").by(recorded_by_staff(books, "NeedStated"))
    return [books.find("OptionOffered", programme_type="letter_bank")[-1]]


@breaks("I05", "an offer of what nothing-now had answered")
def _(books: Books) -> list[Row]:
    nothing = books.first("OptionChosen", programme_type="nothing_now")
    offer = books.find("OptionOffered", programme_type="letter_bank")[-1]
    return [books.again(offer, after=nothing).at(nothing.stored_at)]


# -- I06 ----------------------------------------------------------------------------------------


@breaks("I06", "an assignment ended because a release was revoked", "R41")
def _(books: Books) -> list[Row]:
    return [books.first("AdvocateAssignmentEnded").caused_by(books.first("GrantRevoked"))]


@breaks("I06", "an assignment ended because of a revocation that it names", "R41")
def _(books: Books) -> list[Row]:
    revoked = books.first("GrantRevoked")
    ended = books.first("AdvocateAssignmentEnded").caused_by(revoked)
    return [ended.set(offer_id=revoked.stream)]


@breaks("I06", "an assignment ended because of a decline that it names", "R41")
def _(books: Books) -> list[Row]:
    declined = books.first("OptionDeclined", programme_type="letter_bank")
    ended = books.first("AdvocateAssignmentEnded").caused_by(declined)
    for name in ("decision_id", "offer_id", "option", "programme_type"):
        ended.state[name] = declined.state[name]
    return [ended]


@breaks("I06", "a case closed two steps after a release was declined")
def _(books: Books) -> list[Row]:
    noted = books.first("Noted", what="grant_declined")
    return [books.find("CaseClosed")[-1].caused_by(noted)]


@breaks("I06", "an assignment ended in the decision that declined an option")
def _(books: Books) -> list[Row]:
    declined = books.first("OptionDeclined", programme_type="letter_bank")
    row = books.again(books.first("AdvocateAssignmentEnded"), after=declined)
    row.state["meta"] = declined.state["meta"]
    return [row.at(declined.stored_at)]


@breaks("I06", "an assignment ended in one decision with a decline that is stored after it")
def _(books: Books) -> list[Row]:
    declined = books.first("OptionDeclined", programme_type="letter_bank")
    row = books.again(books.first("AdvocateAssignmentEnded"))
    row.state["meta"] = declined.state["meta"]
    return [books.put(row, before=declined).at(declined.stored_at)]
