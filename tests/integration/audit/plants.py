"""Histories that break one invariant each: what a service would have to have done wrong.

A plant changes a healthy history and returns the rows that the finding is at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.integration.audit.books import Books, Row
from tests.support.examples import NOOR, ROSA, an_id

Plant = Callable[[Books], list[Row]]
PLANTS: list[tuple[str, str, Plant]] = []


def breaks(invariant: str, what: str) -> Callable[[Plant], Plant]:
    def planted(plant: Plant) -> Plant:
        PLANTS.append((invariant, what, plant))
        return plant

    return planted


def cases() -> list[object]:
    """One test case each, marked with the invariant that it breaks."""
    return [
        pytest.param(code, plant, id=f"{code} {what}", marks=pytest.mark.rule(code))
        for code, what, plant in PLANTS
    ]


def uuid_of(row: Row, name: str) -> UUID:
    return UUID(row.state[name]["_data_"])


def maria(books: Books) -> UUID:
    """The survivor who is helped: her participation's stream."""
    return books.first("AdvocateAssigned").stream


def recorded_by_staff(books: Books, name: str) -> Row:
    """The first event of that name that staff wrote down."""
    return next(
        r
        for r in books.all(name)
        if r.state["decision"]["_data_"]["recorded_by"]["_data_"]["role"] != "harmed_party"
    )


def last(books: Books, service: str) -> Row:
    return books.rows[service][-1]


def not_taken(books: Books) -> Row:
    """The one disclosure that the agency never took."""
    taken = [r.state["disclosure_id"] for r in books.all("ItemHandedOver")]
    return next(r for r in books.all("DisclosureMade") if r.state["disclosure_id"] not in taken)


# -- I03 --------------------------------------------------------------------------------------


@breaks("I03", "a disclosure after the revocation")
def _(books: Books) -> list[Row]:
    revoked = books.first("GrantRevoked")
    made = books.again(books.in_stream(revoked, "DisclosureMade"), after=revoked)
    return [made.set(disclosure_id=uuid4()).at(revoked.stored_at, "made_at")]


@breaks("I03", "a disclosure after a newer release took its place")
def _(books: Books) -> list[Row]:
    ended = books.first("GrantSuperseded")
    return [
        books.again(books.in_stream(ended, "DisclosureMade"), after=ended)
        .set(disclosure_id=uuid4())
        .at(ended.stored_at, "made_at")
    ]


@breaks("I03", "a disclosure before the release was given")
def _(books: Books) -> list[Row]:
    made = not_taken(books)
    return [books.put(made, before=books.in_stream(made, "GrantGiven"))]


@breaks("I03", "a disclosure under a yes that nobody confirmed")
def _(books: Books) -> list[Row]:
    yes = books.first("YesRecorded")
    books.drop(books.in_stream(yes, "GrantGiven"))
    return [books.in_stream(yes, "DisclosureMade")]


@breaks("I03", "a disclosure under a release that was never proposed")
def _(books: Books) -> list[Row]:
    made = books.again(not_taken(books), new_stream=True)
    return [made.set(disclosure_id=uuid4())]


@breaks("I03", "a disclosure to another agency")
def _(books: Books) -> list[Row]:
    return [not_taken(books).set(recipient_agency_id=an_id("another agency"))]


@breaks("I03", "a disclosure of another thing")
def _(books: Books) -> list[Row]:
    return [not_taken(books).set(item=("intake", "need", uuid4()))]


@breaks("I03", "a disclosure for another purpose")
def _(books: Books) -> list[Row]:
    return [not_taken(books).set(purpose="prosecution")]


@breaks("I03", "a disclosure when the period was over")
def _(books: Books) -> list[Row]:
    return [not_taken(books).later("made_at", days=15)]


@breaks("I03", "a disclosure that says it was made earlier than it was")
def _(books: Books) -> list[Row]:
    return [not_taken(books).later(days=15)]


@breaks("I03", "a disclosure of what was erased")
def _(books: Books) -> list[Row]:
    made = not_taken(books)
    for row in books.rows["consent"]:
        if row.topic.endswith((".ErasedItemsBegun", ".ItemsErased")):
            row.at(made.stored_at).caused_by(f"command/{uuid4()}")
    books.put(books.first("ErasedItemsBegun"), before=made)
    books.put(books.first("ItemsErased"), before=made)
    return [made]


@breaks("I03", "a thing handed over without a disclosure")
def _(books: Books) -> list[Row]:
    taken = books.first("ItemHandedOver")
    books.drop(books.first("DisclosureMade", disclosure_id=uuid_of(taken, "disclosure_id")))
    return [taken]


@breaks("I03", "a thing handed over twice")
def _(books: Books) -> list[Row]:
    return [books.again(books.first("ItemHandedOver"), new_stream=True)]


@breaks("I03", "a thing handed over to another agency")
def _(books: Books) -> list[Row]:
    return [books.first("ItemHandedOver").set(agency_id=an_id("another agency"))]


@breaks("I03", "another thing handed over than the disclosure names")
def _(books: Books) -> list[Row]:
    return [books.first("ItemHandedOver").set(item_id=uuid4())]


@breaks("I03", "a thing handed over too late")
def _(books: Books) -> list[Row]:
    return [books.first("ItemHandedOver").later(minutes=2)]


@breaks("I03", "a compelled disclosure that names no authority")
def _(books: Books) -> list[Row]:
    row = books.again(not_taken(books))
    row.topic = row.topic.replace("DisclosureMade", "DisclosureCompelled")
    return [row]


# -- I04 --------------------------------------------------------------------------------------


@breaks("I04", "a need written down after the case was closed")
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


@breaks("I04", "somebody else bringing the participation back")
def _(books: Books) -> list[Row]:
    staff = recorded_by_staff(books, "NeedStated")
    closed = books.find("InvolvementChanged", involvement="closed")[-1]
    row = books.again(closed).set(involvement="active").by(staff)
    return [row]


@breaks("I04", "a release proposed by staff after the case was closed")
def _(books: Books) -> list[Row]:
    row = books.again(recorded_by_staff(books, "GrantProposed"), new_stream=True)
    return [row.at(last(books, "intake").stored_at + timedelta(minutes=1))]


@breaks("I04", "a way of contact declared by staff after the case was closed")
def _(books: Books) -> list[Row]:
    row = books.again(recorded_by_staff(books, "ChannelDeclaredSafe")).set(channel_id=uuid4())
    return [row.at(last(books, "intake").stored_at + timedelta(minutes=1))]


# -- I05 --------------------------------------------------------------------------------------


@breaks("I05", "an offer of what was declined")
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


# -- I06 --------------------------------------------------------------------------------------


@breaks("I06", "an assignment ended because a release was revoked")
def _(books: Books) -> list[Row]:
    return [books.first("AdvocateAssignmentEnded").caused_by(books.first("GrantRevoked"))]


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


# -- I09 --------------------------------------------------------------------------------------


def a_notice(books: Books) -> Row:
    return books.all("NoticeQueued")[-1]


def its_way(books: Books) -> Row:
    return books.first("ChannelDeclaredSafe", channel_id=uuid_of(a_notice(books), "channel_id"))


@breaks("I09", "notices on a topic that was never chosen")
def _(books: Books) -> list[Row]:
    books.drop(
        books.first("TopicChosen", topic="sharing"), books.first("TopicDropped", topic="sharing")
    )
    return books.all("NoticeQueued")


@breaks("I09", "notices on a topic that staff wrote down and nobody confirmed")
def _(books: Books) -> list[Row]:
    chosen = books.first("TopicChosen", topic="sharing")
    chosen.by(recorded_by_staff(books, "TopicChosen")).set(waits=True)
    return books.all("NoticeQueued")


@breaks("I09", "a notice after its topic was dropped")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    books.put(books.first("TopicDropped", topic="sharing").at(notice.stored_at), before=notice)
    return [notice]


@breaks("I09", "a notice after its way was declared unsafe")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    unsafe = books.again(way)
    unsafe.topic = way.topic.replace("ChannelDeclaredSafe", "ChannelDeclaredUnsafe")
    unsafe.at(notice.stored_at).said(recorded_at=notice.stored_at)
    books.put(unsafe, before=notice)
    return [notice]


@breaks("I09", "a notice after the words of its way were erased")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    books.put(books.first("ContactErased").at(notice.stored_at), before=notice)
    return [notice]


@breaks("I09", "a notice by a way that staff wrote down and nobody confirmed")
def _(books: Books) -> list[Row]:
    way = recorded_by_staff(books, "ChannelDeclaredSafe")
    books.drop(*books.all("ChannelConfirmed"))
    notice = a_notice(books)
    for each in books.all("NoticeQueued"):
        each.cites = way
    return [notice.set(channel_id=uuid_of(way, "channel_id"))]


@breaks("I09", "a notice to be sent when its way is stale")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    return [notice.set(send_from=notice.stored_at + timedelta(days=100))]


@breaks("I09", "a notice to be sent outside the safe hours")
def _(books: Books) -> list[Row]:
    its_way(books).state["hours"]["_data_"] |= {"start": "02:00", "end": "02:30"}
    return books.all("NoticeQueued")


@breaks("I09", "a notice by a way that nobody declared")
def _(books: Books) -> list[Row]:
    return [a_notice(books).set(channel_id=uuid4())]


@breaks("I09", "a notice that cites somebody else's preference")
def _(books: Books) -> list[Row]:
    other = books.again(books.first("Begun", participation_id=maria(books)), new_stream=True)
    notice = a_notice(books)
    for row in books.all("ChannelDeclaredSafe"):
        twin = books.again(row)
        twin.stream = other.stream
        notice.cites = twin
        twin.at(last(books, "notifications").stored_at)
    other.topic = its_way(books).topic.replace("ChannelDeclaredSafe", "Begun")
    other.set(participation_id=an_id("somebody else"))
    books.put(notice)
    return [notice.set(preference_id=other.stream)]


@breaks("I09", "a notice that was sent and cites nothing")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    sent = books.again(notice, new_stream=True)
    sent.topic = notice.topic.replace("NoticeQueued", "NoticeSent")
    sent.cites = None
    for name in ("preference_id", "channel_id", "preference_version"):
        del sent.state[name]
    return [sent]


@breaks("I09", "a notice that was sent when its way was not safe any more")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    sent = books.again(notice)
    sent.topic = notice.topic.replace("NoticeQueued", "NoticeSent")
    return [sent.at(last(books, "notifications").stored_at)]


# -- I11 --------------------------------------------------------------------------------------


def a_choice(books: Books) -> Row:
    return books.first("OptionChosen", option="housing")


@breaks("I11", "a choice after an offer of one thing")
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


# -- I13 --------------------------------------------------------------------------------------


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


@breaks("I13", "a release given by a timer")
def _(books: Books) -> list[Row]:
    return [own_grant(books).caused_by(f"due/silence_means_yes/{uuid4()}")]


@breaks("I13", "an option chosen because a release expired")
def _(books: Books) -> list[Row]:
    return [a_choice(books).caused_by(books.first("GrantExpired"))]


@breaks("I13", "an option chosen because of something that a timer caused")
def _(books: Books) -> list[Row]:
    noted = books.first("Noted", what="grant_given")
    noted.caused_by(books.first("KeysDestroyed").caused_by(f"due/retention/{uuid4()}"))
    return [a_choice(books).caused_by(noted)]


@breaks("I13", "a release given by nothing that is on record")
def _(books: Books) -> list[Row]:
    return [own_grant(books).caused_by("")]


# -- I14 --------------------------------------------------------------------------------------


@breaks("I14", "words in a field that holds a code")
def _(books: Books) -> list[Row]:
    row = books.first("DisclosureRefused")
    return [row.set(purpose="she lives with her sister")]


@breaks("I14", "an address that was not sealed")
def _(books: Books) -> list[Row]:
    return [its_way(books).set(address="canary@example.org")]


@breaks("I14", "a name inside a header")
def _(books: Books) -> list[Row]:
    row = books.first("GrantProposed")
    return [row.said(interpreter="Ana Q.")]


# -- I16 --------------------------------------------------------------------------------------


def waiting_choice(books: Books) -> tuple[Row, Row, Row]:
    """A choice that staff wrote down, its confirmation, and its effect."""
    chosen = next(
        r for r in books.find("OptionChosen", option="counselling") if r.stream == maria(books)
    )
    decision = uuid_of(chosen, "decision_id")
    return (
        books.first("ChoiceRecorded", decision_id=decision),
        books.first("DecisionConfirmed", decision_id=decision),
        chosen,
    )


@breaks("I16", "a choice that staff wrote down in effect without a confirmation")
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


@breaks("I16", "a release confirmed by whoever had recorded the yes")
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


@breaks("I16", "a revocation that waited a day")
def _(books: Books) -> list[Row]:
    revoked = books.first("GrantRevoked")
    return [revoked.said(recorded_at=revoked.stored_at - timedelta(days=1))]


@breaks("I16", "a no that had to be confirmed")
def _(books: Books) -> list[Row]:
    declined = books.first("OptionDeclined", programme_type="letter_bank")
    confirmed = books.again(books.first("DecisionConfirmed"), after=declined)
    confirmed.set(decision_id=uuid_of(declined, "decision_id"))
    return [confirmed.at(declined.stored_at)]
