"""A yes that was none: no choice, nobody entitled, nobody who confirmed (I11, I13, I16)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from tests.integration.audit.books import Books, Row
from tests.integration.audit.plants.planting import (
    a_choice,
    breaks,
    dana,
    maria,
    recorded_by_staff,
    uuid_of,
    waiting_choice,
)
from tests.support.examples import NOOR, ROSA, an_id

# -- I11 ----------------------------------------------------------------------------------------


@breaks("I11", "a choice after an offer of one thing", "R38")
def _(books: Books) -> list[Row]:
    choice = a_choice(books)
    offered = books.find("OptionOffered", offer_id=uuid_of(choice, "offer_id"))
    books.drop(*(r for r in offered if r.state["option"] not in ("housing", "nothing_now")))
    return [choice]


@breaks("I11", "a choice of something that was not offered")
def _(books: Books) -> list[Row]:
    return [a_choice(books).set(option="legal_help", programme_type="legal_help")]


@breaks("I11", "a choice that answers no offer and is not marked so")
def _(books: Books) -> list[Row]:
    return [a_choice(books).set(offer_id=None)]


@breaks("I11", "a choice that answers an offer and is marked as unprompted")
def _(books: Books) -> list[Row]:
    return [a_choice(books).set(unprompted=True)]


@breaks("I11", "a choice that answers an offer nobody made")
def _(books: Books) -> list[Row]:
    return [a_choice(books).set(offer_id=uuid4())]


@breaks("I11", "a choice without its wording version")
def _(books: Books) -> list[Row]:
    return [a_choice(books).said(options_version=None)]


@breaks("I11", "a choice after an offer without its wording version")
def _(books: Books) -> list[Row]:
    choice = a_choice(books)
    books.first("OptionOffered", option="counselling").said(options_version=None)
    return [choice]


# -- I13 ----------------------------------------------------------------------------------------


def own_grant(books: Books) -> Row:
    return books.first("GrantGiven", confirmation="own_yes")


@breaks("I13", "a release given by a court")
def _(books: Books) -> list[Row]:
    return [own_grant(books).said(decided_by="court")]


@breaks("I13", "an option chosen by staff for themselves")
def _(books: Books) -> list[Row]:
    return [a_choice(books).said(decided_by="staff")]


@breaks("I13", "a release given by another person than the one whose it is")
def _(books: Books) -> list[Row]:
    other = books.all("ParticipationBegun")[-1].stream
    row = own_grant(books).said(participation_id=other, actor_id=other)
    row.state["meta"]["actor_id"] = str(other)
    return [row]


@breaks("I13", "a yes recorded as the person's own by somebody else")
def _(books: Books) -> list[Row]:
    assert isinstance(ROSA.id, UUID)
    return [own_grant(books).said(actor_id=ROSA.id)]


@breaks("I13", "a yes recorded as the person's own while somebody else was there")
def _(books: Books) -> list[Row]:
    row = own_grant(books)
    row.state["meta"]["actor_id"] = str(NOOR.id)
    return [row]


@breaks("I13", "an option chosen by another survivor")
def _(books: Books) -> list[Row]:
    return [a_choice(books).said(participation_id=dana(books)).as_if_by(dana(books))]


@breaks("I13", "a release given by a responsible party as their own")
def _(books: Books) -> list[Row]:
    return [own_grant(books).said(role="responsible_party")]


@breaks("I13", "a release given by a timer")
def _(books: Books) -> list[Row]:
    return [own_grant(books).caused_by(f"due/grant_expiry/{uuid4()}")]


@breaks("I13", "an option chosen because a release expired")
def _(books: Books) -> list[Row]:
    return [a_choice(books).caused_by(books.first("GrantExpired"))]


@breaks("I13", "an option chosen because of something that a timer caused")
def _(books: Books) -> list[Row]:
    noted = books.first("Noted", what="grant_given")
    noted.caused_by(books.first("KeysDestroyed").caused_by(f"due/settle_notice/{uuid4()}"))
    return [a_choice(books).caused_by(noted)]


@breaks("I13", "a release given by nothing that is on record")
def _(books: Books) -> list[Row]:
    return [own_grant(books).caused_by("")]


# -- I16 ----------------------------------------------------------------------------------------


@breaks("I16", "a choice in effect that staff wrote down and nobody confirmed", "R71")
def _(books: Books) -> list[Row]:
    _, confirmed, chosen = waiting_choice(books)
    books.drop(confirmed)
    return [chosen]


@breaks("I16", "a confirmation that comes after the effect")
def _(books: Books) -> list[Row]:
    _, confirmed, chosen = waiting_choice(books)
    books.put(confirmed, after=chosen)
    return [chosen]


@breaks("I16", "a choice that was in effect at once")
def _(books: Books) -> list[Row]:
    written, confirmed, chosen = waiting_choice(books)
    books.drop(written, confirmed)
    return [chosen]


@breaks("I16", "a confirmation by whoever wrote the yes down")
def _(books: Books) -> list[Row]:
    written, confirmed, chosen = waiting_choice(books)
    confirmed.by(written)
    return [chosen]


@breaks("I16", "a yes confirmed after it was denied")
def _(books: Books) -> list[Row]:
    _, confirmed, chosen = waiting_choice(books)
    denied = books.again(books.first("DecisionDenied"))
    denied.set(decision_id=uuid_of(chosen, "decision_id")).at(confirmed.stored_at)
    denied.said(recorded_at=confirmed.stored_at)
    books.put(denied, before=confirmed)
    return [chosen]


@breaks("I16", "an erasure that staff wrote down carried out without a confirmation")
def _(books: Books) -> list[Row]:
    erased = recorded_by_staff(books, "ErasureRequested")
    books.drop(books.first("DecisionConfirmed", decision_id=uuid_of(erased, "erasure_id")))
    return [erased]


@breaks("I16", "a release confirmed by whoever had recorded the yes", "R71")
def _(books: Books) -> list[Row]:
    given = books.first("GrantGiven", confirmation="by_second_person")
    return [given.by(books.in_stream(given, "YesRecorded"))]


@breaks("I16", "a release given by staff alone")
def _(books: Books) -> list[Row]:
    given = books.first("GrantGiven", confirmation="by_second_person")
    books.drop(books.in_stream(given, "YesRecorded"))
    return [given]


@breaks("I16", "a confirmation that outruns the survivor's no")
def _(books: Books) -> list[Row]:
    declined = books.first("GrantDeclined")
    given = books.again(books.first("GrantGiven", confirmation="by_survivor"), after=declined)
    given.stream = declined.stream
    return [given.at(declined.stored_at)]


@breaks("I16", "a release that comes back after it was revoked")
def _(books: Books) -> list[Row]:
    revoked = books.first("GrantRevoked")
    given = books.again(books.in_stream(revoked, "GrantGiven"), after=revoked)
    return [given.at(revoked.stored_at)]


@breaks("I16", "a topic that staff wrote down in effect at once")
def _(books: Books) -> list[Row]:
    return [recorded_by_staff(books, "TopicChosen").set(waits=False)]


@breaks("I16", "a topic confirmed by whoever wrote it down")
def _(books: Books) -> list[Row]:
    return [books.first("TopicConfirmed").by(recorded_by_staff(books, "TopicChosen"))]


@breaks("I16", "a way of contact confirmed by whoever wrote it down")
def _(books: Books) -> list[Row]:
    confirmed = books.first("ChannelConfirmed", confirmed_by="second_person")
    return [confirmed.by(recorded_by_staff(books, "ChannelDeclaredSafe"))]


@breaks("I16", "a topic chosen by a responsible party as if it were theirs", "R71")
def _(books: Books) -> list[Row]:
    row = recorded_by_staff(books, "TopicChosen").set(waits=False)
    return [row.as_if_by(an_id("a stranger"), "responsible_party")]


@breaks("I16", "a topic chosen by another survivor", "R71")
def _(books: Books) -> list[Row]:
    row = recorded_by_staff(books, "TopicChosen").set(waits=False)
    return [row.said(participation_id=dana(books)).as_if_by(dana(books))]


@breaks("I16", "a topic chosen as the survivor's own, while somebody else was admitted")
def _(books: Books) -> list[Row]:
    row = recorded_by_staff(books, "TopicChosen").set(waits=False)
    row.as_if_by(maria(books)).state["meta"]["actor_id"] = str(NOOR.id)
    return [row]


@breaks("I16", "a topic in effect of which nobody knows who recorded it")
def _(books: Books) -> list[Row]:
    row = recorded_by_staff(books, "TopicChosen").set(waits=False)
    del row.state["decision"]
    return [row]


@breaks("I16", "a way of contact declared safe by a responsible party", "R71")
def _(books: Books) -> list[Row]:
    row = recorded_by_staff(books, "ChannelDeclaredSafe")
    return [row.as_if_by(an_id("a stranger"), "responsible_party")]


@breaks("I16", "a way of contact declared safe by another survivor", "R71")
def _(books: Books) -> list[Row]:
    row = recorded_by_staff(books, "ChannelDeclaredSafe")
    return [row.said(participation_id=dana(books)).as_if_by(dana(books))]


@breaks("I16", "a topic confirmed by a responsible party", "R71")
def _(books: Books) -> list[Row]:
    return [books.first("TopicConfirmed").as_if_by(an_id("a stranger"), "responsible_party")]


@breaks("I16", "a topic confirmed by another survivor", "R71")
def _(books: Books) -> list[Row]:
    row = books.first("TopicConfirmed").said(participation_id=dana(books))
    return [row.as_if_by(dana(books))]


@breaks("I16", "a choice confirmed by a responsible party", "R71")
def _(books: Books) -> list[Row]:
    _, confirmed, chosen = waiting_choice(books)
    confirmed.as_if_by(an_id("a stranger"), "responsible_party")
    return [chosen]


@breaks("I16", "a choice confirmed by another survivor", "R71")
def _(books: Books) -> list[Row]:
    _, confirmed, chosen = waiting_choice(books)
    confirmed.said(participation_id=dana(books)).as_if_by(dana(books))
    return [chosen]


@breaks("I16", "an erasure that another survivor asked for", "R71")
def _(books: Books) -> list[Row]:
    erased = recorded_by_staff(books, "ErasureRequested")
    erased.said(participation_id=dana(books)).as_if_by(dana(books))
    books.drop(books.first("ErasureRecorded", erasure_id=uuid_of(erased, "erasure_id")))
    books.drop(books.first("DecisionConfirmed", decision_id=uuid_of(erased, "erasure_id")))
    return [erased]


@breaks("I16", "a release confirmed by another party for the survivor", "R71")
def _(books: Books) -> list[Row]:
    given = books.first("GrantGiven", confirmation="by_second_person")
    return [given.said(role="responsible_party")]


@breaks("I16", "a revocation that waited a day", "R71")
def _(books: Books) -> list[Row]:
    revoked = books.first("GrantRevoked")
    return [revoked.said(recorded_at=revoked.stored_at - timedelta(days=1))]


@breaks("I16", "a no that had to be confirmed")
def _(books: Books) -> list[Row]:
    declined = books.first("OptionDeclined", programme_type="letter_bank")
    confirmed = books.again(books.first("DecisionConfirmed"), after=declined)
    confirmed.set(decision_id=uuid_of(declined, "decision_id"))
    return [confirmed.at(declined.stored_at)]
