"""I04: whoever withdrew is left alone until they come back by themselves.

Rule R09: either may withdraw at any time. Judged on what intake calls a case
paused or closed. A pause rests the case, so nothing more is recorded there by
others; a closing withdraws from all of it, so that staff record nothing at
consent or notifications either. What ends or undoes something goes on: a no, a
denial, the end of an assignment, an erasure. A notice on a topic that the
person chose is judged by I09: to stop those is a decision of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
"""What staff may not record for a survivor who has closed their case."""


@dataclass(slots=True)
class _Rest:
    involvement: str = "active"
    since: tuple[str, int] | None = None


class Withdrawal(Invariant):
    """Remembers: of each participation whether it rests, and since when."""

    code = "I04"
    holds = (
        "after a participation withdraws nothing is recorded of it by others but endings, until "
        "its own word brings it back"
    )
    rules = ("R09", "R12")
    limits = "Dialogues, and whether they end with a withdrawal: no such service yet."

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._rests: Streams[_Rest] = Streams(history, _Rest, _remember, most)

    @property
    def retained(self) -> int:
        """Participations."""
        return len(self._rests)

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
        elif entry.name in _ELSEWHERE and not _own(entry) and entry.participation is not None:
            rest = self._rests.now("intake", entry.participation)
            if rest.involvement == "closed" and rest.since is not None:
                yield self.found(
                    entry,
                    f"{entry.name} was recorded by staff after the survivor had closed their case",
                    rest.since,
                )


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
        rest.involvement = entry.text("involvement") or ""
        rest.since = (entry.service, entry.position)
    elif _own(entry):
        rest.involvement, rest.since = "active", None
