"""I14: the log says ids, types, states, times and counts; words are sealed.

The confidentiality law of field-standards 1 counts also what is encoded or
hashed, and a published message carries ids only. Messages are made from stored
events and kept nowhere, so a history shows the side they are made from: every
text that lies readable in an event is one that its field can hold, and every value
is of the kind that it says.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.audit.checks.codes import words_in
from services.audit.checks.entries import Entry
from services.audit.checks.invariants.base import Finding, Invariant


class Readable(Invariant):
    """Remembers nothing."""

    code = "I14"
    holds = (
        "no stored event holds readable words: every text outside a seal is a code, a version or "
        "an id that its field can hold"
    )
    rules = ("R47",)
    limits = (
        "The messages themselves are not kept; their schemas are checked where they are made "
        "(tests/contract). Seals are not opened. A language may be any two or three letters."
    )

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Any event."""
        for path in words_in(entry.fields):  # I14 R47
            told = "published" if entry.previous is not None else "stored"
            yield self.found(entry, f"readable words are {told} in {entry.name}{path}")
            return
