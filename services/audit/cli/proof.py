"""``sayso audit proof``: check a ``.tlog-proof``, with nothing but the log's key."""

from __future__ import annotations

import argparse
from pathlib import Path

from services.audit.cli.verify import key_argument, pinned, read_text
from services.audit.domain.leaf import RANDOM_BYTES, entry_of
from services.audit.formats.note import BadNote
from services.audit.formats.proof import Proof
from shared.command_line import HELD, Command, Reading

REFUSED = 10


def run(asked: argparse.Namespace, given: Reading) -> int:
    """Say where the record stands, or why the proof does not hold."""
    verifier = pinned(asked.key, given)
    try:
        proof = Proof.parse(read_text(asked.file))
        random, record = proof.extra[:RANDOM_BYTES], proof.extra[RANDOM_BYTES:]
        if len(random) != RANDOM_BYTES:
            raise BadNote("beside the proof stand no random bytes with a record")
        at = proof.verified(entry_of(random, record), verifier)
    except BadNote as bad:
        print(f"It does not hold: {bad}.")
        return REFUSED
    print(f"leaf {proof.index:,} of {at.size:,} in {at.origin}, signed: {record.decode()}")
    return HELD


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which file, under which key."""
    parser.add_argument("file", type=Path, help="a .tlog-proof that `sayso audit prove` wrote")
    key_argument(parser)


COMMAND = Command(
    name="proof",
    help="Check a .tlog-proof: needs the log's verifier key, and no database.",
    run=run,
    statuses={REFUSED: "the proof does not hold, or is none"},
    arguments=arguments,
)
