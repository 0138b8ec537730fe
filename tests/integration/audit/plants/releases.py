"""Disclosures that no release allowed (I03)."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from shared.contracts.consent import HAND_OVER_WITHIN
from tests.integration.audit.books import Books, Row
from tests.integration.audit.plants.planting import (
    breaks,
    not_taken,
    uuid_of,
)
from tests.support.examples import an_id


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


@breaks("I03", "a disclosure to another agency", "R23")
def _(books: Books) -> list[Row]:
    return [not_taken(books).set(recipient_agency_id=an_id("another agency"))]


@breaks("I03", "a disclosure of another thing")
def _(books: Books) -> list[Row]:
    return [not_taken(books).set(item=("intake", "need", uuid4()))]


@breaks("I03", "a disclosure for another purpose", "R31")
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


@breaks("I03", "a thing taken without a disclosure")
def _(books: Books) -> list[Row]:
    taken = books.first("DisclosureTaken")
    books.drop(books.first("DisclosureMade", disclosure_id=uuid_of(taken, "disclosure_id")))
    return [taken]


@breaks("I03", "a thing taken after the release was revoked", "R09")
def _(books: Books) -> list[Row]:
    """However short the time between: by the stream, and by no clock."""
    revoked, taken = _revoked_and_taken(books)
    return [books.put(taken.at(revoked.stored_at), after=revoked)]


@breaks("I03", "a thing taken after a newer release took its place", "R09")
def _(books: Books) -> list[Row]:
    ended = books.first("GrantSuperseded")
    taken = books.in_stream(ended, "DisclosureTaken")
    return [books.put(taken.at(ended.stored_at), after=ended)]


@breaks("I03", "a thing taken twice")
def _(books: Books) -> list[Row]:
    return [books.again(books.first("DisclosureTaken"))]


@breaks("I03", "a thing taken when the time of its disclosure was over")
def _(books: Books) -> list[Row]:
    taken = books.first("DisclosureTaken")
    made = books.first("DisclosureMade", disclosure_id=uuid_of(taken, "disclosure_id"))
    _handed_over(books, taken).at(made.stored_at)
    return [taken.later("taken_at", minutes=1)]


@breaks("I03", "a thing taken that says it was taken earlier than it was")
def _(books: Books) -> list[Row]:
    return [books.first("DisclosureTaken").later(minutes=1)]


@breaks("I03", "a thing taken by another agency", "R23")
def _(books: Books) -> list[Row]:
    taken, other = books.first("DisclosureTaken"), an_id("another agency")
    _handed_over(books, taken).set(agency_id=other)
    return [taken.set(recipient_agency_id=other)]


@breaks("I03", "another thing taken than the disclosure names")
def _(books: Books) -> list[Row]:
    taken, other = books.first("DisclosureTaken"), uuid4()
    _handed_over(books, taken).set(item_id=other)
    return [taken.set(item=("intake", "need", other))]


@breaks("I03", "a thing taken after it was erased", "R09")
def _(books: Books) -> list[Row]:
    taken = books.first("DisclosureTaken")
    for row in books.rows["consent"]:
        if row.topic.endswith((".ErasedItemsBegun", ".ItemsErased")):
            row.at(taken.stored_at).caused_by(f"command/{uuid4()}")
    made = books.first("DisclosureMade", disclosure_id=uuid_of(taken, "disclosure_id"))
    books.put(books.first("ErasedItemsBegun"), after=made)
    books.put(books.first("ItemsErased"), after=books.first("ErasedItemsBegun"))
    for later in books.all("DisclosureMade"):
        if later is not made:
            books.drop(
                later,
                *books.find("DisclosureTaken", disclosure_id=uuid_of(later, "disclosure_id")),
                *books.find("ItemHandedOver", disclosure_id=uuid_of(later, "disclosure_id")),
            )
    return [taken]


@breaks("I03", "a thing handed over that nobody took")
def _(books: Books) -> list[Row]:
    handed = books.first("ItemHandedOver")
    books.drop(books.first("DisclosureTaken", disclosure_id=uuid_of(handed, "disclosure_id")))
    return [handed]


@breaks("I03", "a thing handed over twice")
def _(books: Books) -> list[Row]:
    return [books.again(books.first("ItemHandedOver"), new_stream=True)]


@breaks("I03", "a thing handed over to another agency")
def _(books: Books) -> list[Row]:
    return [books.first("ItemHandedOver").set(agency_id=an_id("another agency"))]


@breaks("I03", "another thing handed over than the disclosure names")
def _(books: Books) -> list[Row]:
    return [books.first("ItemHandedOver").set(item_id=uuid4())]


@breaks("I03", "a thing handed over a moment too late", "R09")
def _(books: Books) -> list[Row]:
    taken = books.first("DisclosureTaken")
    late = HAND_OVER_WITHIN + timedelta(microseconds=1)
    return [_handed_over(books, taken).at(taken.stored_at + late)]


@breaks("I03", "a thing handed over a moment too late after its service had heard of it", "R09")
def _(books: Books) -> list[Row]:
    """Also where that service's clock says that it was before."""
    taken = books.first("DisclosureTaken")
    noted = next(r for r in books.all("Noted") if r.cause is taken)
    handed = _handed_over(books, taken)
    handed.at(noted.stored_at + HAND_OVER_WITHIN + timedelta(microseconds=1))
    books.put(handed, after=noted)
    for row in books.rows["intake"]:
        row.later(hours=-5)
    return [handed]


def _revoked_and_taken(books: Books) -> tuple[Row, Row]:
    revoked = books.first("GrantRevoked")
    return revoked, books.in_stream(revoked, "DisclosureTaken")


def _handed_over(books: Books, taken: Row) -> Row:
    return books.first("ItemHandedOver", disclosure_id=uuid_of(taken, "disclosure_id"))


@breaks("I03", "a compelled disclosure that names no authority")
def _(books: Books) -> list[Row]:
    row = books.again(not_taken(books))
    row.topic = row.topic.replace("DisclosureMade", "DisclosureCompelled")
    return [row]
