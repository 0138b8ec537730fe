"""I04: whoever withdrew is left alone until they come back by themselves.

Rule R09: either may withdraw at any time. Judged on what intake calls a case
paused or closed: until the person reopens it, nothing more is recorded of it by
others, at intake, consent or notifications, and nobody contacts them, also not about
what they had asked to hear of. What ends or undoes something goes on: a no, a
denial, the end of an assignment, an erasure.

Other services hear of the rest. What one of them does after it has put that on
record in its own log contradicts it, by the order of that log. Before that it is
judged by the two services' clocks: what is recorded or sent within
:data:`UNDER_WAY`, or queued within :data:`UNHEARD`, counts as having come before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams

_ENDING = frozenset(
    (
        "AdvocateAssignmentEnded",
        "AdvocateRequestWithdrawn",
        "DecisionConfirmed",
        "DecisionDenied",
        "DecisionLapsed",
        "ErasureRecorded",
        "ErasureRequested",
        "InvolvementChanged",
        "NeedsErased",
        "OptionDeclined",
    )
)
"""What may be stored of a participation that rests, whoever records it."""

_ELSEWHERE = frozenset(
    (
        "ChannelConfirmed",
        "ChannelDeclaredSafe",
        "GrantExplained",
        "GrantGiven",
        "GrantProposed",
        "PreferenceVerified",
        "TopicChosen",
        "TopicConfirmed",
        "YesRecorded",
    )
)
"""What staff may not record for a survivor whose case rests."""

_CONTACT = {"NoticeQueued": "queued", "NoticeSending": "sent"}
"""What reaches out to a person."""

UNDER_WAY = timedelta(seconds=10)
"""What may lie, by two clocks, between a service's question to intake and what it stores."""

UNHEARD = timedelta(minutes=1)
"""So late another service hears at most that a case rests, where nothing failed."""

_AT_REST = ("paused", "closed")


@dataclass(slots=True)
class _Rest:
    """Since when a participation rests, and by which clock."""

    since: tuple[str, int] | None = None
    at: datetime | None = None

    def long_before(self, entry: Entry, within: timedelta) -> bool:
        return self.at is not None and entry.at - self.at > within


class Withdrawal(Invariant):
    """Remembers: of each participation whether it rests, and since when; what others heard of it.

    What a service heard stands in a stream whose id follows from the participation's, for ever.
    """

    code = "I04"
    holds = (
        "after a participation withdraws nothing is recorded of it by others but endings, and "
        "nobody contacts it, until its own word brings it back"
    )
    rules = ("R09", "R12")
    limits = "Dialogues, and whether they end with a withdrawal: no such service yet."

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._rests: Streams[_Rest] = Streams(history, _Rest, _remember, most)
        self._heard: Streams[_Rest] = Streams(history, _Rest, _hear, most)

    @property
    def retained(self) -> int:
        """Participations, and what was heard of them."""
        return len(self._rests) + len(self._heard)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """What is recorded of a participation, here or elsewhere."""
        if entry.aggregate == "Participation":
            rest = self._rests.before(entry)
            if rest.since is not None and not _own(entry):
                if entry.name not in _ENDING:  # I04 R09
                    yield self.found(
                        entry, f"{entry.name} was recorded while the case rested", rest.since
                    )
                elif entry.name == "InvolvementChanged" and _comes_back(entry):  # I04 R12
                    yield self.found(
                        entry, "somebody else brought the participation back", rest.since
                    )
            self._rests.remember(entry)
        elif entry.aggregate == "Accompaniment":
            self._heard.remember(entry)
        elif entry.name in _ELSEWHERE and not _own(entry):
            since = self._at_rest(entry, UNDER_WAY)
            if since is not None:  # I04 R09
                yield self.found(
                    entry, f"{entry.name} was recorded by staff while the case rested", since
                )
        elif entry.name in _CONTACT:
            queued = entry.name == "NoticeQueued"
            since = self._at_rest(entry, UNHEARD if queued else UNDER_WAY)
            if since is not None:  # I04 R09
                done = _CONTACT[entry.name]
                yield self.found(entry, f"a notice was {done} while the case rested", since)

    def _at_rest(self, entry: Entry, within: timedelta) -> tuple[str, int] | None:
        """Where it stands that the person rests: heard in this log, or long before at intake."""
        person = entry.participation
        if person is None:
            return None
        beside = uuid5(NAMESPACE_URL, f"/accompaniment/{person}")
        heard = self._heard.now(entry.service, beside)
        if heard.since is not None:
            return heard.since
        rest = self._rests.now("intake", person)
        return rest.since if rest.long_before(entry, within) else None


def _own(entry: Entry) -> bool:
    """Whether it is the person's own word; without a header, whether they were admitted."""
    if entry.said is None:
        return entry.actor == str(entry.participation)
    return entry.own()


def _comes_back(entry: Entry) -> bool:
    return entry.text("involvement") == "active"


def _remember(rest: _Rest, entry: Entry) -> None:
    if entry.name != "InvolvementChanged":
        return
    if not _comes_back(entry):
        rest.since, rest.at = (entry.service, entry.position), entry.at
    elif _own(entry):
        rest.since = rest.at = None


def _hear(rest: _Rest, entry: Entry) -> None:
    if entry.name == "CaseStateKnown":
        rests = entry.text("state") in _AT_REST
        rest.since = (entry.service, entry.position) if rests else None
