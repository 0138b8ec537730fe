"""Checkpoints of c2sp.org/tlog-checkpoint: how large the log is, and its root, signed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.audit.formats import base64
from services.audit.formats.note import BadNote, Signer, Verifier, text_of

ORIGIN = "sayso.local/log"
"""The log's name where a deployment gives it none."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """The log named ``origin`` has ``size`` leaves under ``root``."""

    origin: str
    size: int
    root: bytes

    def signed(self, signer: Signer) -> str:
        """The note that says so; the signer's name is the origin. ``ValueError`` otherwise."""
        if signer.name != self.origin:
            raise ValueError(f"{signer.name} does not sign for {self.origin}")
        root = base64.encoded(self.root)
        return signer.sign(f"{self.origin}\n{self.size}\n{root}\n")


def opened(note: str, verifier: Verifier) -> Checkpoint:
    """The checkpoint of a note that ``verifier``'s log has signed; :class:`BadNote` otherwise."""
    said = _of(verifier.open(note))
    if said.origin != verifier.name:
        raise BadNote(f"a checkpoint of another log than {verifier.name}")
    return said


def read(note: str) -> Checkpoint:
    """What a note says, whoever has signed it; :class:`BadNote` where it is no checkpoint."""
    return _of(text_of(note))


def _of(text: str) -> Checkpoint:
    origin, *rest = text.split("\n")
    if len(rest) < 3 or not all(rest[:-1]) or not _SIZE.fullmatch(rest[0]):
        raise BadNote("not a checkpoint: origin, size and root, a line each")
    try:
        root = base64.decoded(rest[1])
    except ValueError:
        root = b""
    if len(root) != 32:
        raise BadNote("the root of a checkpoint is 32 bytes in base64")
    return Checkpoint(origin, int(rest[0]), root)
