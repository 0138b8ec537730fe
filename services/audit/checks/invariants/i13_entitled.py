"""I13: a yes is a person's who may say it, and nothing but a person brings it about.

Judged at each `GrantGiven`, `ConsentGiven`, `PartyAgreed`, `ReleaseRequested`
and `OptionChosen`: who decided, for whom, who acted, and what caused it. Whether
a yes that staff recorded was confirmed is judged by I16.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from services.audit.checks.entries import Entry, Said
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams

_HARMED = frozenset(("harmed_party",))
_ANY_PARTY = frozenset(
    (
        "harmed_party",
        "responsible_party",
        "support_person",
        "surrogate",
        "community_member",
        "child",
        "guardian",
        "observer",
    )
)
ENTITLED = {
    "GrantGiven": _HARMED,
    "OptionChosen": _HARMED,
    "ReleaseRequested": _HARMED,
    "ConsentGiven": _ANY_PARTY,
    "PartyAgreed": _ANY_PARTY,
}
_NO_CAUSE = ("Expired", "Lapsed", "Failed", "Suppressed", "Missed")
"""How the names of events end that bring about no yes."""


@dataclass(slots=True)
class _Whose:
    participation: UUID | None = None
    place: tuple[str, int] | None = None


class Entitled(Invariant):
    """Remembers: of each stream that holds a yes whose it is. Causes are read from the logs."""

    code = "I13"
    holds = (
        "each yes is decided by a person entitled to it and never caused by a timer, an expiry or "
        "a failure"
    )
    rules = ("R33",)

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._whose: Streams[_Whose] = Streams(history, _Whose, _remember, most)

    @property
    def retained(self) -> int:
        """Streams."""
        return len(self._whose)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A yes."""
        entitled = ENTITLED.get(entry.name)
        if entitled is not None:  # I13
            whose = self._whose.before(entry)
            wrong = _who(entry, entitled, whose) or self._why(entry)
            if wrong is not None:
                sentence, against = wrong
                yield self.found(entry, f"{entry.name} {sentence}", against)
        if entry.version == 1:
            self._whose.remember(entry)

    def _why(self, entry: Entry) -> tuple[str, Entry | None] | None:
        begun = entry
        for cause in self.history.causes(entry):
            if cause.name.endswith(_NO_CAUSE):
                return f"was caused by {cause.name}", cause
            begun = cause
        against = begun if begun is not entry else None
        if begun.causation.startswith("due/"):
            return "was caused by a timer", against
        if not begun.causation.startswith("command/"):
            return "was caused by nothing that is on record", against
        return None


def _who(
    entry: Entry, entitled: frozenset[str], whose: _Whose
) -> tuple[str, tuple[str, int] | None] | None:
    said = entry.said
    if said is None:
        return "does not say who decided it", None
    if said.decided_by not in entitled:
        return f"was decided by {said.decided_by}, who is not entitled to it", None
    if whose.participation is not None and said.participation != whose.participation:
        return "was decided by a person whose it is not", whose.place
    return _recorder(entry, said)


def _recorder(entry: Entry, said: Said) -> tuple[str, None] | None:
    if said.actor is None or said.role in (None, "system"):
        return "was recorded by no person", None
    if said.on_behalf_of not in (None, said.participation):
        return "was recorded on behalf of somebody else", None
    if said.as_own and said.role != said.decided_by:
        return f"was decided by {said.decided_by}, and {said.role} recorded it as their own", None
    if said.as_own and said.actor != said.participation:
        return "is recorded as the person's own, by somebody else", None
    if said.as_own and entry.actor != str(said.participation):
        return "is recorded as the person's own, and somebody else acted", None
    return None


def _remember(whose: _Whose, entry: Entry) -> None:
    if entry.version == 1:
        whose.participation = entry.participation
        whose.place = (entry.service, entry.position)
