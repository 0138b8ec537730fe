"""I11: a choice that answers an offer had a real choice before it.

Rule R38: several real options, not "this or nothing". Judged at each
`OptionChosen`: the offer that it answers held at least two different options
besides "nothing now", in a wording and a language that can be found again; one
that answers none says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams

NOTHING_NOW = "nothing_now"


@dataclass(slots=True)
class _Offer:
    place: tuple[str, int]
    by_staff: bool
    worded: bool = True
    options: set[str] = field(default_factory=set)


class Options(Invariant):
    """Remembers: of each participation the options of its offers."""

    code = "I11"
    holds = (
        "every choice that answers a staff offer follows at least two distinct options besides "
        "“nothing now”, with wording version and language; unprompted choices are marked so"
    )
    rules = ("R38",)

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._offers: Streams[dict[UUID, _Offer]] = Streams(history, dict, _remember, most)

    @property
    def retained(self) -> int:
        """Participations."""
        return len(self._offers)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """An offer, or a choice."""
        if entry.aggregate != "Participation":
            return
        if entry.name == "OptionChosen":  # I11 R38
            wrong = _wrong(entry, self._offers.before(entry))
            if wrong is not None:
                sentence, against = wrong
                yield self.found(entry, f"the choice {sentence}", against)
        if entry.name == "OptionOffered":
            self._offers.remember(entry)


def _wrong(entry: Entry, offers: dict[UUID, _Offer]) -> tuple[str, tuple[str, int] | None] | None:
    offer_id, said = entry.id("offer_id"), entry.said
    marked = entry.fields.get("unprompted")
    if said is None or not said.language or not said.options_version:
        return "does not say in which wording and language it was made", None
    if offer_id is None:
        return None if marked is True else ("answers no offer and is not marked so", None)
    offer = offers.get(offer_id)
    if offer is None:
        return "answers an offer that was not made", None
    real = offer.options - {NOTHING_NOW}
    for sentence, wrong in (
        ("is marked as unprompted and answers an offer", marked is not False),
        ("is of something not offered", entry.text("option") not in {*real, NOTHING_NOW}),
        ("answers an offer of fewer than two real options", offer.by_staff and len(real) < 2),
        ("answers an offer without wording version or language", not offer.worded),
    ):
        if wrong:
            return sentence, offer.place
    return None


def _remember(offers: dict[UUID, _Offer], entry: Entry) -> None:
    offer_id, said = entry.id("offer_id"), entry.said
    if entry.name != "OptionOffered" or offer_id is None or said is None:
        return
    offer = offers.setdefault(
        offer_id, _Offer((entry.service, entry.position), by_staff=not entry.own())
    )
    offer.options.add(entry.text("option") or "")
    offer.worded = offer.worded and bool(said.language and said.options_version)
