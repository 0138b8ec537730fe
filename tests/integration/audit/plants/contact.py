"""Notices that should not have gone, and words that were not sealed (I09, I14)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from tests.integration.audit.books import Books, Row
from tests.integration.audit.plants.planting import (
    a_notice,
    breaks,
    dana,
    its_way,
    maria,
    recorded_by_staff,
    uuid_of,
)
from tests.support.examples import an_id

# -- I09 ----------------------------------------------------------------------------------------


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


@breaks("I09", "a notice after its way was declared unsafe", "R47")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    an_unsafe(books, its_way(books), notice)
    return [notice]


@breaks("I09", "a notice after the words of its way were erased")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    books.put(books.first("ContactErased").at(notice.stored_at), before=notice)
    return [notice]


def an_unsafe(books: Books, way: Row, notice: Row) -> Row:
    """A no to a way, just before a notice is queued."""
    unsafe = books.again(way)
    unsafe.topic = way.topic.replace("ChannelDeclaredSafe", "ChannelDeclaredUnsafe")
    unsafe.at(notice.stored_at).said(recorded_at=notice.stored_at)
    return books.put(unsafe, before=notice)


def an_entry_of_the_same(books: Books, way: Row) -> Row:
    """The same address, written down once more before it was said that it is not safe."""
    return books.again(way, after=way).set(channel_id=uuid4())


@breaks("I09", "a notice by another entry of an address that was declared unsafe", "R47", "R71")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    an_unsafe(books, an_entry_of_the_same(books, way), notice)
    return [notice]


@breaks("I09", "a notice by the same number, declared for calls, after a no to its messages")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    an_unsafe(books, an_entry_of_the_same(books, way).set(channel="sms"), notice)
    return [notice]


@breaks("I09", "a notice by a way of which nobody can tell whether the no was to its address")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    other = an_entry_of_the_same(books, way)
    del other.state["address_mark"]
    an_unsafe(books, other, notice)
    return [notice]


@breaks("I09", "a notice by a way that was confirmed after the no to its address", "R71")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    written = recorded_by_staff(books, "ChannelDeclaredSafe")
    twin = an_entry_of_the_same(books, way).by(written)
    an_unsafe(books, way, notice)
    confirmed = books.first("ChannelConfirmed").set(channel_id=uuid_of(twin, "channel_id"))
    books.put(confirmed.at(notice.stored_at), before=notice)
    return [notice.set(channel_id=uuid_of(twin, "channel_id"))]


@breaks("I09", "a notice by a way that another entry has taken the place of")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    replaced = books.first("ChannelReplaced").set(channel_id=uuid_of(way, "channel_id"))
    books.put(replaced.at(notice.stored_at), before=notice)
    return [notice]


@breaks("I09", "a notice by a way that was declared again by an id that had ended")
def _(books: Books) -> list[Row]:
    notice, way = a_notice(books), its_way(books)
    unsafe = an_unsafe(books, way, notice)
    books.again(way, after=unsafe).at(notice.stored_at)
    return [notice]


@breaks("I09", "a notice queued after its service had heard that they ask for an erasure", "R09")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    asked = books.first("ContactErased")
    asked.topic = asked.topic.replace("ContactErased", "ContactErasureRequested")
    books.put(asked.at(notice.stored_at), before=notice)
    return [notice]


def asked_for_an_erasure_of_contact(books: Books, before: Row, **by: float) -> None:
    """Intake has it, confirmed, so long before; and notifications nothing that came of it."""
    for name in ("ContactErasureRequested", "ContactErased", "ChannelDeclaredUnsafe"):
        books.drop(*books.all(name))
    asked = next(r for r in books.all("ErasureRequested") if "contact" in str(r.state))
    of_it = {"erasure_id": asked.state["erasure_id"]}, {"decision_id": asked.state["erasure_id"]}
    at = before.stored_at - timedelta(**by)
    place = [r for r in books.rows["intake"] if r.stored_at <= at][-1]
    for row in list(books.rows["intake"]):
        if row.name != "NeedsErased" and any(each.items() <= row.state.items() for each in of_it):
            place = books.put(row.at(at), after=place)


@breaks("I09", "a notice sent half a minute after they asked for an erasure of contact", "R09")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    asked_for_an_erasure_of_contact(books, intent, seconds=30)
    return [intent]


@breaks("I09", "a notice queued two minutes after they asked for an erasure of contact", "R09")
def _(books: Books) -> list[Row]:
    later = [*books.all("NoticeQueued")]
    asked_for_an_erasure_of_contact(books, later[0], minutes=2)
    return later


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
    notice, somebody = a_notice(books), an_id("somebody else")
    twin = books.again(its_way(books))
    twin.stream, notice.cites = other.stream, twin
    twin.said(participation_id=somebody).as_if_by(somebody)
    other.topic = its_way(books).topic.replace("ChannelDeclaredSafe", "Begun")
    other.set(participation_id=somebody)
    dropped = books.first("TopicDropped", topic="sharing")
    for row in (other, twin, notice):
        books.put(row.at(dropped.stored_at), before=dropped)
    return [notice.set(preference_id=other.stream)]


@breaks("I09", "notices on a topic that another party chose as if it were theirs", "R26")
def _(books: Books) -> list[Row]:
    chosen = books.first("TopicChosen", topic="sharing").set(waits=True)
    chosen.as_if_by(an_id("a stranger"), "responsible_party")
    return books.all("NoticeQueued")


@breaks("I09", "notices on a topic that another survivor chose", "R26")
def _(books: Books) -> list[Row]:
    chosen = books.first("TopicChosen", topic="sharing").set(waits=True)
    chosen.said(participation_id=dana(books)).as_if_by(dana(books))
    return books.all("NoticeQueued")


@breaks("I09", "a notice after a no that is badly recorded", "R47")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    unsafe = books.again(its_way(books))
    unsafe.topic = unsafe.topic.replace("ChannelDeclaredSafe", "ChannelDeclaredUnsafe")
    del unsafe.state["decision"]
    books.put(unsafe.at(notice.stored_at), before=notice)
    return [notice]


@breaks("I09", "a notice after its topic was dropped by nobody knows whom", "R26")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    dropped = books.first("TopicDropped", topic="sharing").at(notice.stored_at)
    del dropped.state["decision"]
    books.put(dropped, before=notice)
    return [notice]


@breaks("I09", "notices to somebody who calls by themselves")
def _(books: Books) -> list[Row]:
    its_way(books).set(channel="i_will_call_you")
    return [notice.set(channel="i_will_call_you") for notice in books.all("NoticeQueued")]


def after_it(books: Books, row: Row, name: str, **fields: object) -> Row:
    """What becomes of a notice, in the moment that follows."""
    twin = books.again(row, after=row)
    twin.topic = row.topic.replace(row.name, name)
    return twin.at(row.stored_at, "at").set(**fields)


def an_intent(books: Books) -> Row:
    """To send a notice, in the moment in which it is queued."""
    notice = a_notice(books)
    until = notice.stored_at + timedelta(seconds=3)
    return after_it(books, notice, "NoticeSending", tries=1, until=until)


@breaks("I09", "a notice that was sent without an intent")
def _(books: Books) -> list[Row]:
    return [after_it(books, a_notice(books), "NoticeSent", tries=1)]


@breaks("I09", "a notice that is sent when its way is not safe any more", "R47")
def _(books: Books) -> list[Row]:
    intent, way = an_intent(books), uuid_of(its_way(books), "channel_id")
    unsafe = books.first("ChannelDeclaredUnsafe", channel_id=way)
    return [books.put(intent.at(unsafe.stored_at, "at"), after=unsafe)]


@breaks("I09", "a notice that is sent on a topic that was dropped while it waited", "R26")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    books.put(books.first("TopicDropped", topic="sharing").at(intent.stored_at), before=intent)
    return [intent]


@breaks("I09", "a notice that is sent by a preference that was changed since")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    intent.cites = None
    return [intent.set(preference_version=1)]


@breaks("I09", "a notice that is sent another way than it was queued for")
def _(books: Books) -> list[Row]:
    other = recorded_by_staff(books, "ChannelDeclaredSafe")
    return [an_intent(books).set(channel_id=uuid_of(other, "channel_id"))]


@breaks("I09", "a notice that was sent twice under one intent")
def _(books: Books) -> list[Row]:
    sent = after_it(books, an_intent(books), "NoticeSent")
    return [after_it(books, sent, "NoticeSent")]


@breaks("I09", "a notice that is sent once more after it was sent")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    sent = after_it(books, intent, "NoticeSent")
    return [books.put(books.again(intent), after=sent)]


@breaks("I09", "a notice that is sent again after nobody knew whether it was")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    unknown = after_it(books, intent, "NoticeOutcomeUnknown")
    return [books.put(books.again(intent), after=unknown)]


@breaks("I09", "a notice of which two intents are open")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    return [books.again(intent, after=intent)]


@breaks("I09", "a notice that was sent a day after its intent")
def _(books: Books) -> list[Row]:
    return [after_it(books, an_intent(books), "NoticeSent").later("at", days=1)]


@breaks("I09", "a notice whose intent holds for a month")
def _(books: Books) -> list[Row]:
    intent = an_intent(books)
    return [intent.set(until=intent.stored_at + timedelta(days=30))]


@breaks("I09", "a notice whose intent does not say until when it holds")
def _(books: Books) -> list[Row]:
    return [an_intent(books).set(until=None)]


# -- I14 ----------------------------------------------------------------------------------------


@breaks("I14", "words in a field that holds a code")
def _(books: Books) -> list[Row]:
    row = books.first("DisclosureRefused")
    return [row.set(purpose="she lives with her sister")]


WORDS = {
    "a telephone number": "555-0100",
    "a name": "Maria.Garcia",
    "an address": "12-Oak-Street",
    "one word": "frightened",
    "an id that is none": {"_type_": "uuid_hex", "_data_": "she lives with her sister"},
    "a date that is none": {"_type_": "date_iso", "_data_": "the day she left"},
    "an amount that is none": {"_type_": "decimal_str", "_data_": "all that she had"},
    "a period that is none": {"_type_": "seconds", "_data_": "ever since"},
    "letters one by one": {"_type_": "tuple", "_data_": "she lives with her sister"},
    "a type that nobody knows": {"_type_": "she lives with her sister", "_data_": []},
    "something beside a type": {"_type_": "tuple", "_data_": [], "note": "her sister"},
    "something that calls itself sealed": {"_type_": "sealed", "_data_": {"c": "Oak Street"}},
}
"""Words where a code belongs, and words that pass for something else."""

for where, value in WORDS.items():

    @breaks("I14", f"words as {where}")
    def _(books: Books, value: object = value) -> list[Row]:
        return [books.first("DisclosureRefused").set(purpose=value)]


JOINED: dict[str, dict[str, object]] = {
    "reason": {"reason": "he_beats_me"},
    "item's kind": {"item": ("intake", "he_beats_me", uuid4())},
    "item's service": {"item": ("oak_street", "need", uuid4())},
    "authority, which no event has": {"law": "smith"},
    "field's own name": {"she_lives_with_her_sister": 1},
}
for where, fields in JOINED.items():

    @breaks("I14", f"words joined to look like a code as a {where}")
    def _(books: Books, fields: dict[str, object] = fields) -> list[Row]:
        return [books.first("DisclosureRefused").set(**fields)]


HEADER = {
    "language": "en-maria",
    "notice_version": "he_beats_me-1",
}
for where, text in HEADER.items():

    @breaks("I14", f"words joined to look like a code as the {where} of a header")
    def _(books: Books, where: str = where, text: str = text) -> list[Row]:
        return [books.first("GrantProposed").said(**{where: text})]


@breaks("I14", "words in the name of what began a stream")
def _(books: Books) -> list[Row]:
    row = books.first("InquiryOpened")
    row.state["originator_topic"] = "services.oak_street.domain:Maria"
    return [row]


@breaks("I14", "words as the name of a field")
def _(books: Books) -> list[Row]:
    return [books.first("DisclosureRefused").set(**{"she lives with her sister": 1})]


@breaks("I14", "words as the name of a field in a header")
def _(books: Books) -> list[Row]:
    return [books.first("GrantProposed").said(Maria=uuid4())]


@breaks("I14", "a text in a field that holds none")
def _(books: Books) -> list[Row]:
    return [books.first("DisclosureRefused").set(note="frightened")]


@breaks("I14", "words where a seal names its class", "R47")
def _(books: Books) -> list[Row]:
    stated = books.first("NeedStated")
    stated.state["words"]["_data_"]["c"] = "canary@example.org lives at Oak Street"
    return [stated]


@breaks("I14", "words in the box of a seal", "R47")
def _(books: Books) -> list[Row]:
    stated = books.first("NeedStated")
    stated.state["words"]["_data_"]["b"] = "Y2FuYXJ5QGV4YW1wbGUub3Jn"
    return [stated]


@breaks("I14", "words in what caused it")
def _(books: Books) -> list[Row]:
    row = books.first("DisclosureRefused")
    row.state["meta"]["correlation_id"] = "her-sister"
    return [row]


@breaks("I14", "an address that was not sealed", "R47")
def _(books: Books) -> list[Row]:
    return [its_way(books).set(address="canary@example.org")]


@breaks("I14", "a name inside a header")
def _(books: Books) -> list[Row]:
    row = books.first("GrantProposed")
    return [row.said(interpreter="Ana Q.")]
