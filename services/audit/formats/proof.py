"""Proofs of c2sp.org/tlog-proof: that an entry is in the log, checked without the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.audit.domain.merkle import is_included, leaf_hash
from services.audit.formats import base64
from services.audit.formats.checkpoint import Checkpoint, opened
from services.audit.formats.note import BadNote, Verifier

_FIRST = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_DEEPEST = 64


@dataclass(frozen=True)
class Proof:
    """An inclusion proof beside the checkpoint that it leads to; ``extra`` proves nothing."""

    index: int
    path: Sequence[bytes]
    checkpoint: str
    extra: bytes = b""

    def __str__(self) -> str:
        """The text of a ``.tlog-proof`` file."""
        lines = [_FIRST, *([f"extra {base64.encoded(self.extra)}"] if self.extra else [])]
        lines += [f"index {self.index}", *(base64.encoded(each) for each in self.path)]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Read a ``.tlog-proof`` file; :class:`BadNote` if it is none."""
        head, gap, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        extra = b""
        try:
            if lines and lines[0].startswith("extra "):
                extra = base64.decoded(lines.pop(0).removeprefix("extra "))
            index = _INDEX.fullmatch(lines.pop(0)) if lines else None
            path = [base64.decoded(line) for line in lines]
        except ValueError:
            raise BadNote("a line of the proof is not in base64") from None
        if first != _FIRST or not gap or not index or len(path) > _DEEPEST:
            raise BadNote("not a proof of c2sp.org/tlog-proof@v1")
        return cls(int(index[1]), path, checkpoint, extra)

    def verified(self, entry: bytes, verifier: Verifier) -> Checkpoint:
        """The signed checkpoint whose tree holds ``entry`` here; :class:`BadNote` otherwise."""
        at = opened(self.checkpoint, verifier)
        if not is_included(leaf_hash(entry), self.index, at.size, self.path, at.root):
            raise BadNote(f"the proof does not lead from entry {self.index} to the signed root")
        return at
