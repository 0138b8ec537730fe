"""I05: what was declined is not offered again unasked.

Rules R11 and R48: state the option, then wait; a no is legitimate. Judged at
each `OptionOffered` of staff, against the declines of its own stream since the
survivor last made contact. "Nothing now" declines what it answers. A type that
the survivor chose after all is theirs again.
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
class _Answers:
    declined: dict[str, tuple[str, int]] = field(default_factory=dict)
    offered: dict[UUID, set[str]] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)


class Offers(Invariant):
    """Remembers: of each participation its offers, and the types that it declined."""

    code = "I05"
    holds = (
        "no staff offer repeats a type that the participation declined unless its own contact "
        "intervenes"
    )
    rules = ("R11", "R48")

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._answers: Streams[_Answers] = Streams(history, _Answers, _remember, most)

    @property
    def retained(self) -> int:
        """Participations."""
        return len(self._answers)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """An offer, or an answer to one."""
        if entry.aggregate != "Participation":
            return
        if entry.name == "OptionOffered" and not entry.own():  # I05 R11 R48
            kind = entry.text("programme_type") or ""
            before = self._answers.before(entry).declined.get(kind)
            if before is not None:
                yield self.found(entry, f"{kind} was offered again after it was declined", before)
        self._answers.remember(entry)


def _remember(answers: _Answers, entry: Entry) -> None:
    kind, offer_id = entry.text("programme_type") or "", entry.id("offer_id")
    place = (entry.service, entry.position)
    match entry.name:
        case "OptionOffered" if kind != NOTHING_NOW:
            answers.unanswered.add(kind)
            if offer_id is not None:
                answers.offered.setdefault(offer_id, set()).add(kind)
        case "OptionDeclined" if kind != NOTHING_NOW:
            answers.declined[kind] = place
            answers.unanswered.discard(kind)
        case "OptionChosen" if kind == NOTHING_NOW:
            answered = answers.offered.get(offer_id, set()) if offer_id else answers.unanswered
            answers.declined.update(dict.fromkeys(answered, place))
            answers.unanswered = answers.unanswered - answered
        case "OptionChosen":
            answers.declined.pop(kind, None)
            answers.unanswered.discard(kind)
        case "ContactMade" if entry.own():
            answers.declined.clear()
