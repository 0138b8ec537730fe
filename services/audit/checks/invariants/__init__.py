"""I01 to I16, re-judged from what the services stored: one module an invariant.

Written from the rules, and from nothing that the services' own code does: who
checks a rule with the code that should keep it finds what it left out in neither.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant
from services.audit.checks.invariants.i03_disclosures import Disclosures
from services.audit.checks.invariants.i04_withdrawal import Withdrawal
from services.audit.checks.invariants.i05_offers import Offers
from services.audit.checks.invariants.i06_unaffected import Unaffected
from services.audit.checks.invariants.i09_contact import Contact
from services.audit.checks.invariants.i11_options import Options
from services.audit.checks.invariants.i13_entitled import Entitled
from services.audit.checks.invariants.i14_readable import Readable
from services.audit.checks.invariants.i15_dense import Dense
from services.audit.checks.invariants.i16_confirmed import Confirmed

__all__ = ["CHECKED", "MOST", "NOT_YET", "Finding", "Invariant", "NotYet", "Unreadable", "judge"]

CHECKED: tuple[type[Invariant], ...] = (
    Disclosures,
    Withdrawal,
    Offers,
    Unaffected,
    Contact,
    Options,
    Entitled,
    Readable,
    Dense,
    Confirmed,
)
"""What is judged, in the order of the rules."""


@dataclass(frozen=True)
class NotYet:
    """An invariant that nothing can judge yet, and the services whose events it is about."""

    code: str
    holds: str
    services: tuple[str, ...]


NOT_YET = (
    NotYet("I01", "every dialogue begins with the harmed party's own request", ("circles",)),
    NotYet("I02", "every letter released was accepted, asked for and checked", ("letter_bank",)),
    NotYet(
        "I07",
        "nothing sent to a custody, parole or supervision unit cites a letter or a dialogue",
        ("agencies", "letter_bank", "circles"),
    ),
    NotYet("I08", "a joint session has an unexpired clearance for each pair", ("circles",)),
    NotYet(
        "I10",
        "every denial names the rule, its version and the appeal route",
        ("compensation",),
    ),
    NotYet("I12", "every attendee of a session consented to that session", ("circles",)),
)


@dataclass(frozen=True)
class Unreadable:
    """An entry whose fields cannot be read: what it holds was not judged."""

    entry: Entry


def judge(
    history: History, only: Collection[str] = (), most: int = MOST
) -> Iterator[Finding | Unreadable]:
    """Feed the history to every invariant (or to those named), and yield what breaks one.

    Each finding is yielded as soon as it is known; nothing is collected.
    """
    machines = [made(history, most) for made in CHECKED if not only or made.code in only]
    for entry in history.entries():
        judged = history.is_judged(entry.service, entry.position)
        if entry.unreadable is not None and judged:
            yield Unreadable(entry)
        for machine in machines:
            see = machine.see if entry.unreadable is None else machine.see_unreadable
            yield from (found for found in see(entry) if _is_judged(history, found))
    for machine in machines:
        yield from (found for found in machine.end() if _is_judged(history, found))


def _is_judged(history: History, found: Finding) -> bool:
    return history.is_judged(found.service, found.position)
