"""I03: what was disclosed was released, to that agency, for that purpose, at that moment.

Rules R23 and R31: a survivor's data is bound to the purpose and the recipient
that they named, and reuse needs a new release. Judged at each `DisclosureMade`
and at each `DisclosureTaken` against its own stream: a release's end, its
disclosures and their taking stand there one after the other, so no clock decides
which came first (R09). Each `ItemHandedOver` is judged against the taking that
it names, wherever either stands in the history.

A hand-over is stored by another service than the taking, and by another clock. It
says nothing that comes later than :data:`IN_HAND` after the taking, or after its own
service had put that on record.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from services.audit.checks.entries import Entry, Item
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams
from shared.contracts.consent import HAND_OVER_WITHIN

IN_HAND = HAND_OVER_WITHIN
"""What may lie between the taking, by consent's clock, and the hand-over, by its service's.

That service hands over nothing that its own clock would date later.
"""

_ENDINGS = ("GrantDeclined", "GrantRevoked", "GrantSuperseded", "GrantExpired")
_LAWFUL = ("DisclosureCompelled", "MandatedReportMade")
_AUTHORITIES = ("authority", "law")


@dataclass(frozen=True, slots=True)
class _When:
    """Where something stands, and when it was stored."""

    place: tuple[str, int]
    at: datetime


_Erased = dict[Item, _When]
"""What a person had erased."""


@dataclass(slots=True)
class _Release:
    proposed: Entry | None = None
    given: tuple[str, int] | None = None
    ended: _When | None = None


@dataclass(frozen=True, slots=True)
class _Made:
    """A disclosure that was made or taken: its release's stream, and what it says."""

    since: _When
    release: UUID
    agency: UUID | None
    participation: UUID | None
    item: Item | None
    take_before: datetime | None = None


class Disclosures(Invariant):
    """Remembers: of a release its terms and where it was given and ended; what a person had erased
    (a stream whose id follows from the participation's, for ever); disclosures not taken, and
    those taken and not handed over.

    A disclosure that is not remembered any more is looked up in its stream. A hand-over
    whose taking is not remembered waits; once ``most`` of them wait, and at the end,
    the takings are looked up in one more pass over the logs, so that neither a
    forgotten one nor a clock makes a finding.
    """

    code = "I03"
    holds = (
        "every disclosure lies within a live release's recipient, items, purpose and period, or "
        "names the authority that compelled it; every hand-over is of one disclosure, once, and "
        "was taken in the release's own stream before its end"
    )
    rules = ("R23", "R31")
    limits = "Compelled disclosures and mandated reports: no service records them yet."

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._releases: Streams[_Release] = Streams(history, _Release, _remember, most)
        self._erased: Streams[_Erased] = Streams(history, dict, _remember_erased, most)
        self._made: OrderedDict[UUID, _Made] = OrderedDict()
        self._taken: OrderedDict[UUID, _Made] = OrderedDict()
        self._unmatched: dict[UUID, list[Entry]] = {}

    @property
    def retained(self) -> int:
        """Releases, what people had erased, disclosures not handed over, hand-overs that wait."""
        return sum(
            len(kept)
            for kept in (self._releases, self._erased, self._made, self._taken, self._unmatched)
        )

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A disclosure, its taking, a hand-over, or what changes a release."""
        if entry.name in _LAWFUL:
            if not any(entry.text(name) for name in _AUTHORITIES):
                yield self.found(entry, f"{entry.name} names no authority")
        elif entry.aggregate == "Grant":
            if entry.name == "DisclosureMade":  # I03 R23 R31
                yield from self._disclosure(entry)
            elif entry.name == "DisclosureTaken":  # I03 R09
                yield from self._taking(entry)
            self._releases.remember(entry)
        elif entry.name == "ItemsErased":
            self._erased.remember(entry)
        elif entry.name == "ItemHandedOver":
            yield from self._hand_over(entry)  # I03

    def end(self) -> Iterator[Finding]:
        """Hand-overs whose taking has not come."""
        yield from self._settle()

    def _disclosure(self, entry: Entry) -> Iterator[Finding]:
        release, item = self._releases.before(entry), entry.item()
        person = release.proposed.participation if release.proposed else None
        wrong = _wrong(entry, release, self._erasure(entry.service, person, item))
        if wrong is not None:
            sentence, against = wrong
            yield self.found(entry, f"the disclosure {sentence}", against)
        self._keep(self._made, entry)

    def _keep(self, kept: OrderedDict[UUID, _Made], entry: Entry) -> None:
        disclosure_id = entry.id("disclosure_id")
        if disclosure_id is None:
            return
        kept[disclosure_id] = _made(entry)
        if len(kept) > self.most:
            kept.popitem(last=False)

    def _taking(self, entry: Entry) -> Iterator[Finding]:
        wrong = self._wrongly_taken(entry)
        if wrong is not None:
            sentence, against = wrong
            yield self.found(entry, f"the taking {sentence}", against)
        self._keep(self._taken, entry)

    def _wrongly_taken(self, entry: Entry) -> tuple[str, tuple[str, int] | None] | None:
        disclosure_id = entry.id("disclosure_id")
        if disclosure_id is None:
            return "names no disclosure", None
        made = self._made.pop(disclosure_id, None)
        if made is None or made.release != entry.stream:
            made = None
            for before in self.history.earlier(entry.service, entry.stream, entry.position):
                if before.id("disclosure_id") != disclosure_id:
                    continue
                if before.name == "DisclosureTaken":
                    return "is the second of its disclosure", (before.service, before.position)
                if before.name == "DisclosureMade":
                    made = _made(before)
        if made is None:
            return "is of a disclosure that was never made", None
        release = self._releases.before(entry)
        taken_at, take_before = entry.time("taken_at"), made.take_before
        erased = self._erasure(entry.service, made.participation, made.item)
        for sentence, against, wrong in (
            ("came after the release had ended", release.ended, release.ended is not None),  # R09
            ("is of a thing that was erased", erased, erased is not None),
            ("is by another agency", made.since, entry.id("recipient_agency_id") != made.agency),
            ("is of another thing", made.since, entry.item() != made.item),
            ("is of another person", made.since, entry.participation != made.participation),
            (
                "came after the time of the disclosure was over",
                made.since,
                # By the instant it says and by the one it was stored at.
                taken_at is None or take_before is None or max(taken_at, entry.at) >= take_before,
            ),
        ):
            if wrong:
                return sentence, against.place if against else None
        return None

    def _erasure(self, service: str, person: UUID | None, item: Item | None) -> _When | None:
        if item is None:
            return None
        id = uuid5(NAMESPACE_URL, f"/consent/erased/{person}")
        return self._erased.now(service, id).get(item)

    def _hand_over(self, entry: Entry) -> Iterator[Finding]:
        disclosure_id = entry.id("disclosure_id")
        if disclosure_id is None:
            yield self.found(entry, "the hand-over names no disclosure")
            return
        taken = self._taken.pop(disclosure_id, None)
        if taken is not None:
            yield from self._compare(entry, taken)
            return
        self._unmatched.setdefault(disclosure_id, []).append(entry)
        if len(self._unmatched) >= self.most:
            yield from self._settle()

    def _compare(self, entry: Entry, taken: _Made) -> Iterator[Finding]:
        item = (entry.service, entry.text("kind"), entry.id("item_id"))
        for sentence, wrong in (
            ("went to another agency than the disclosure", entry.id("agency_id") != taken.agency),
            ("was of another thing than the disclosure", item != taken.item),
            (
                "was of another person than the disclosure",
                entry.participation != taken.participation,
            ),
            ("came too long after it was taken", self._is_long_after(taken.since, entry)),  # R09
        ):
            if wrong:
                yield self.found(entry, f"the hand-over {sentence}", taken.since.place)
                return

    def _is_long_after(self, since: _When, entry: Entry) -> bool:
        """By both clocks; or by the hand-over's own, from when its service had put that on record.

        What another service said stands there in a stream whose id follows from its place.
        """
        service, position = since.place
        id = uuid5(NAMESPACE_URL, f"/{entry.service}/note/{service}/{position}")
        heard = next(self.history.earlier(entry.service, id, entry.position), None)
        return any(entry.at - at > IN_HAND for at in (since.at, *([heard.at] if heard else [])))

    def _settle(self) -> Iterator[Finding]:
        """Look up what the waiting hand-overs cite, in the whole of the logs."""
        waiting, self._unmatched = self._unmatched, {}
        if not waiting:
            return
        taken: dict[UUID, _Made] = {}
        for entry in self.history.named("DisclosureTaken"):
            disclosure_id = entry.id("disclosure_id")
            if disclosure_id in waiting:
                taken.setdefault(disclosure_id, _made(entry))
        first: dict[UUID, tuple[str, int]] = {}
        for entry in self.history.named("ItemHandedOver"):
            disclosure_id = entry.id("disclosure_id")
            if disclosure_id in waiting:
                first.setdefault(disclosure_id, (entry.service, entry.position))
        for disclosure_id, entries in waiting.items():
            for entry in entries:
                if disclosure_id not in taken:
                    yield self.found(entry, "the hand-over is of a disclosure that nobody took")
                elif first.get(disclosure_id) != (entry.service, entry.position):
                    yield self.found(
                        entry, "the thing was handed over before", first[disclosure_id]
                    )
                else:
                    yield from self._compare(entry, taken[disclosure_id])


def _made(entry: Entry) -> _Made:
    return _Made(
        _When((entry.service, entry.position), entry.at),
        entry.stream,
        entry.id("recipient_agency_id"),
        entry.participation,
        entry.item(),
        entry.time("take_before"),
    )


def _remember(release: _Release, entry: Entry) -> None:
    place = (entry.service, entry.position)
    if entry.name == "GrantProposed":
        release.proposed = release.proposed or entry
    elif entry.name == "GrantGiven":
        release.given = release.given or place
    elif entry.name in _ENDINGS:
        release.ended = release.ended or _When(place, entry.at)


def _remember_erased(erased: _Erased, entry: Entry) -> None:
    if entry.name == "ItemsErased":
        for item in entry.items():
            erased.setdefault(item, _When((entry.service, entry.position), entry.at))


def _wrong(
    entry: Entry, release: _Release, erased: _When | None
) -> tuple[str, Entry | tuple[str, int] | None] | None:
    """What is wrong with a disclosure, and what it contradicts; or nothing."""
    terms = release.proposed
    if terms is None:
        return "was made under no release that was proposed", None
    if release.ended is not None:
        return "was made after the release had ended", release.ended.place
    if release.given is None:
        return "was made before the release was given", terms
    made_at, starts, ends = entry.time("made_at"), terms.time("starts_at"), terms.time("expires_at")
    item = entry.item()
    if erased is not None:
        return "is of a thing that was erased", erased.place
    for sentence, wrong in (
        (
            "went to another agency than the survivor named",
            entry.id("recipient_agency_id") != terms.id("recipient_agency_id"),
        ),
        ("is of a thing that was not released", item is None or item not in terms.items()),
        (
            "serves another purpose than the release",
            entry.text("purpose") != terms.text("purpose"),
        ),
        ("is about another person than the release", entry.participation != terms.participation),
        # By the instant it says and by the one it was stored at: neither excuses the other.
        (
            "lies outside the period of the release",
            made_at is None
            or starts is None
            or ends is None
            or not (starts <= made_at < ends and starts <= entry.at < ends),
        ),
    ):
        if wrong:
            return sentence, terms
    return None
