"""Notices that should not have gone, and words that were not sealed (I09, I14)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from tests.integration.audit.books import Books, Row
from tests.integration.audit.plants.planting import (
    a_notice,
    breaks,
    its_way,
    last,
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


@breaks("I09", "a notice that was sent without an intent")
def _(books: Books) -> list[Row]:
    notice = a_notice(books)
    sent = books.again(notice, new_stream=True)
    sent.topic = notice.topic.replace("NoticeQueued", "NoticeSent")
    return [sent.set(tries=1)]


def an_intent(books: Books) -> Row:
    """To send a notice of which nothing else is left."""
    notice = a_notice(books)
    intent = books.again(notice)
    intent.topic = notice.topic.replace("NoticeQueued", "NoticeSending")
    return intent.set(tries=1)


@breaks("I09", "a notice that is sent when its way is not safe any more", "R47")
def _(books: Books) -> list[Row]:
    return [an_intent(books).at(last(books, "notifications").stored_at)]


@breaks("I09", "a notice that is sent by a preference that was changed since")
def _(books: Books) -> list[Row]:
    intent = an_intent(books).at(a_notice(books).stored_at)
    intent.cites = None
    books.put(intent, after=a_notice(books))
    return [intent.set(preference_version=1)]


# -- I14 ----------------------------------------------------------------------------------------


@breaks("I14", "words in a field that holds a code")
def _(books: Books) -> list[Row]:
    row = books.first("DisclosureRefused")
    return [row.set(purpose="she lives with her sister")]


@breaks("I14", "an address that was not sealed", "R47")
def _(books: Books) -> list[Row]:
    return [its_way(books).set(address="canary@example.org")]


@breaks("I14", "a name inside a header")
def _(books: Books) -> list[Row]:
    row = books.first("GrantProposed")
    return [row.said(interpreter="Ana Q.")]
