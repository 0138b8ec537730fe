"""``sayso audit prove``: a proof that one stored event is in the ledger, to be checked anywhere."""

from __future__ import annotations

import argparse
import sys

from services.audit.adapters.ledger import LEAVES, TABLES, leaf_of
from services.audit.checks.stored import StoredTree
from services.audit.domain.merkle import inclusion_path
from services.audit.formats.proof import Proof
from shared.command_line import HELD, CannotRead, Command, Reading
from shared.eventstore.plain import departures

NOT_THERE, NOT_SIGNED = 10, 11


def run(asked: argparse.Namespace, given: Reading) -> int:
    """Write a ``.tlog-proof``: what is beside the proof is the leaf's random bytes and record."""
    with given.connection("audit") as ledger, ledger.cursor() as cursor:
        for departure in departures(ledger, "audit", TABLES):
            if departure.hides:
                raise CannotRead(f"What the ledger shows need not be what is stored: {departure}")
        where = "WHERE service = %s AND position = %s"
        cursor.execute(f"{LEAVES} {where}", (asked.service, asked.position))
        row = cursor.fetchone()
        leaf = leaf_of(row) if row else None
        if leaf is None or leaf.random is None or leaf.record is None:
            print(f"{asked.service} position {asked.position:,} is not in it.", file=sys.stderr)
            return NOT_THERE
        cursor.execute("SELECT size, note FROM ONLY public.checkpoints ORDER BY size DESC LIMIT 1")
        size, note = cursor.fetchone() or (0, "")
        if leaf.index >= size:
            print(f"Leaf {leaf.index:,} is not signed yet; try again soon.", file=sys.stderr)
            return NOT_SIGNED
        path = inclusion_path(leaf.index, size, StoredTree(ledger).subtree)
    print(Proof(leaf.index, path, note, leaf.random + leaf.record), end="")
    return HELD


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which event."""
    parser.add_argument("service", help="the service that stored it")
    parser.add_argument("position", type=int, help="its position there")


COMMAND = Command(
    name="prove",
    help="A .tlog-proof that a stored event is in the signed ledger, with its digest record.",
    run=run,
    statuses={
        NOT_THERE: "the ledger holds no such position",
        NOT_SIGNED: "it is in the ledger, and under no checkpoint yet",
    },
    arguments=arguments,
)
