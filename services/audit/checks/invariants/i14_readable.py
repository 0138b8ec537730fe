"""I14: the log says ids, types, states, times and counts; words are sealed.

The confidentiality law of field-standards 1 counts also what is encoded or
hashed, and a published message carries ids only. Messages are made from stored
events and kept nowhere, so a history shows the side they are made from: every
text that lies readable in an event is a code, a version, a time zone or an id.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.audit.checks.entries import Entry, is_code, walk
from services.audit.checks.invariants.base import Finding, Invariant


class Readable(Invariant):
    """Remembers nothing."""

    code = "I14"
    holds = (
        "no stored event holds readable words: every text outside a seal is a code, a version or "
        "an id"
    )
    rules = ("R47",)
    limits = (
        "The messages themselves are not kept; their schemas are checked where they are made "
        "(tests/contract). One word in small letters looks like a code."
    )

    def see(self, entry: Entry) -> Iterator[Finding]:
        """Any event."""
        for path, value in walk(entry.fields):
            if isinstance(value, str) and not is_code(value):  # I14 R47
                told = "published" if entry.previous is not None else "stored"
                yield self.found(entry, f"readable words are {told} in {entry.name}.{path}")
                return
