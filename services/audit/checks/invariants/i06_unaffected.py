"""I06: nobody loses a service because they said no.

Rule R41: a survivor's services are unaffected by the answer. Judged at each
event that ends or narrows something: neither the decision it was stored with
nor anything in its chain of causes is a decline or a revocation.

The rule leaves out what was declined itself, and what depends on the item revoked.
None of the events below ends such a thing: an advocate, a case, a way of contact, a
topic and a key are nobody's option and no release's. So nothing that an event holds
excuses it, whatever ids stand in it. A service that can be declined will end by an
event of its own, and only that one may have the decline for its cause.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant

_ENDS = frozenset(
    (
        "AdvocateAssignmentEnded",
        "AdvocateGone",
        "CaseClosed",
        "CasePaused",
        "ChannelDeclaredUnsafe",
        "ContactErased",
        "ContactErasureRequested",
        "InvolvementChanged",
        "KeysDestroyed",
        "TopicDropped",
    )
)
_NOES = frozenset(
    (
        "ConsentWithdrawn",
        "DecisionDenied",
        "GrantDeclined",
        "GrantRevoked",
        "InterestWithdrawn",
        "LetterDeclined",
        "OptionDeclined",
        "PartyDeclined",
        "PartyWithdrew",
    )
)


class Unaffected(Invariant):
    """Remembers: of each service the decision that is being stored, at most ``most`` events of it.

    Causes are read from the logs, one by one, for what ends something because of a message.
    """

    code = "I06"
    holds = (
        "no event that ends or narrows a service has a decline or a revocation in its chain of "
        "causes"
    )
    rules = ("R41",)
    limits = "What depends on what was declined or revoked: no service records its end yet."

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._together: dict[str, tuple[str, list[Entry]]] = {}

    @property
    def retained(self) -> int:
        """Endings and noes of the decisions being stored."""
        return sum(len(entries) for _, entries in self._together.values())

    def see(self, entry: Entry) -> Iterator[Finding]:
        """An ending, or a no."""
        causation, beside = self._together.get(entry.service, ("", []))
        if causation != entry.causation:
            beside = []
            self._together[entry.service] = (entry.causation, beside)
        ends, is_no = _ends(entry), entry.name in _NOES
        if not ends and not is_no:
            return
        for other in beside if entry.causation else ():
            if ends and other.name in _NOES:
                yield self._breach(entry, other)
            elif is_no and _ends(other):
                yield self._breach(other, entry)
        if ends:
            yield from self._caused(entry)  # I06 R41
        if len(beside) < self.most:
            beside.append(entry)

    def _caused(self, entry: Entry) -> Iterator[Finding]:
        for cause in self._causes(entry):
            if cause.name in _NOES:
                yield self._breach(entry, cause)
                return
            # What that one ended is judged where it stands.
            if _ends(cause):
                return

    def _causes(self, entry: Entry) -> Iterator[Entry]:
        """Every cause, each with what was decided together with it."""
        for cause in self.history.causes(entry):
            yield cause
            mate = self.history.at(cause.service, cause.position - 1)
            for _ in range(self.most):
                if mate is None or not cause.causation or mate.causation != cause.causation:
                    break
                yield mate
                mate = self.history.at(mate.service, mate.position - 1)

    def _breach(self, entry: Entry, no: Entry) -> Finding:
        return self.found(entry, f"{entry.name} has {no.name} in its chain of causes", no)


def _ends(entry: Entry) -> bool:
    if entry.name == "InvolvementChanged":
        return entry.text("involvement") != "active"
    return entry.name in _ENDS
