"""``sayso audit verify``: is the log what was signed, and is what is stored what was recorded?"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from services.audit.adapters.kept import FILE as KEPT
from services.audit.checks.findings import STATUSES, Finding, Findings, Kind
from services.audit.checks.plainness import is_shown
from services.audit.checks.rows import RowCheck
from services.audit.checks.tree import Against, Seen, TreeCheck
from services.audit.domain.leaf import Closing
from services.audit.formats.checkpoint import Checkpoint, opened, read
from services.audit.formats.note import VERIFIER_FILE, BadNote, Verifier
from shared.command_line import CannotRead, Command, Reading, WrongUse

LEDGER = "audit"
_LOOK_AGAIN = 0.5
_SIGNED = (
    "SELECT (SELECT coalesce(max(index) + 1, 0) FROM ONLY public.leaves), coalesce(max(size), 0),"
    " (SELECT record FROM ONLY public.leaves"
    " WHERE index = (SELECT max(size) - 1 FROM ONLY public.checkpoints))"
    " FROM ONLY public.checkpoints"
)


def run(asked: argparse.Namespace, given: Reading) -> int:
    """Check all that was asked for; the lowest status of what was found."""
    verifier = pinned(asked.key, given)
    _check_writable(asked.remember)

    def tell(finding: Finding) -> None:
        given.progress.clear()
        print(finding, flush=True)

    findings = Findings(tell)
    asked_of = asked.service or given.services if asked.only != "tree" else ()
    shown = _shown({LEDGER, *asked_of}, given, findings)
    if asked.only != "rows" and LEDGER in shown:
        known = list(_known(asked, given, verifier, findings))
        due = _await_signed(given, asked.patience)
        with given.connection(LEDGER, as_it_is=True) as ledger:
            against = Against(verifier, given.services, given.clock(), due, known)
            seen = TreeCheck(ledger, against, findings, given.progress).run()
        print(_of_tree(seen, verifier))
        if asked.remember and not findings.counts and seen.newest:
            _remember(asked.remember, seen.newest)
    for service in asked_of:
        if {LEDGER, service} <= shown:
            _rows(service, given, findings, asked.patience)
        else:
            print(f"{service}: not compared, since what is shown need not be what is stored")
    given.progress.clear()
    for kind, count in sorted(findings.counts.items(), key=lambda found: found[0].status):
        print(f"{count:,} {kind.word}: {kind.meaning}")
    if not findings.counts:
        print("All of it holds.")
    return findings.status


def _shown(services: Collection[str], given: Reading, findings: Findings) -> frozenset[str]:
    """Tell what is wrong with their tables; those whose rows are shown as they are stored."""
    shown = set()
    for service in sorted(services):
        with given.connection(service, as_it_is=True) as connection:
            if is_shown(connection, service, findings):
                shown.add(service)
    return frozenset(shown)


def _known(
    asked: argparse.Namespace, given: Reading, verifier: Verifier, findings: Findings
) -> Iterator[Checkpoint]:
    """Checkpoints that the log must contain: read before the log is, which only grows.

    Those the auditor gives, and the one that the ledger keeps outside its database.
    """
    remembered = [asked.remember] if _is_there(asked.remember) else []
    kept = given.kept / KEPT if given.kept else None
    for path in (*asked.known, *remembered, *([kept] if kept and _is_there(kept) else [])):
        note = read_text(path)
        try:
            yield opened(note, verifier)
        except BadNote as bad:
            if path != kept and not _is_of(note, verifier):
                raise WrongUse(
                    f"{path} is no checkpoint of {verifier.name}: give what /log/checkpoint"
                    " answered, or a file that --remember wrote"
                ) from None
            findings.add(Kind.CHECKPOINT, f"in {path}, from before: {bad}")


def _is_of(note: str, verifier: Verifier) -> bool:
    try:
        return read(note).origin == verifier.name
    except BadNote:
        return False


def _await_signed(given: Reading, patience: float) -> int:
    """How many leaves there are; returned once they are signed, or are not overdue, or too long.

    A ledger that has only just begun signs within a moment; one whose clock is
    wrong goes on signing all the same.
    """
    until = time.monotonic() + patience
    there: int | None = None
    while True:
        with given.connection(LEDGER, as_it_is=True) as ledger, ledger.cursor() as cursor:
            cursor.execute(_SIGNED)
            leaves, signed, record = cursor.fetchone()
        there = leaves if there is None else there
        closing = _closing(record)
        waits = signed < there and (not signed or (closing and closing.is_overdue(given.clock())))
        if not waits or time.monotonic() >= until:
            return there
        time.sleep(_LOOK_AGAIN)


def _closing(record: Any) -> Closing | None:
    try:
        return Closing.of(bytes(record)) if record is not None else None
    except ValueError:
        return None  # The tree's check tells of it.


def _check_writable(path: Path | None) -> None:
    if path is None:
        return
    writable = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(writable, os.W_OK):
        raise WrongUse(f"--remember {path}: give a file, in a folder that can be written")


def _remember(path: Path, note: str) -> None:
    try:
        path.write_text(note, "utf-8")
    except OSError as error:
        raise CannotRead(f"{path} cannot be written: {type(error).__name__}") from None


def _rows(service: str, given: Reading, findings: Findings, patience: float) -> None:
    """Compare; what the ledger does not hold yet is waited for, a little while."""
    until = time.monotonic() + patience
    while True:
        with (
            given.connection(LEDGER, as_it_is=True) as ledger,
            given.connection(service, as_it_is=True) as log,
        ):
            _begin(ledger)
            counted = Findings(findings.tell)
            check = RowCheck(service, ledger, log, counted, given.progress)
            waiting = check.run()
        if not waiting or counted.counts or time.monotonic() > until:
            break
        time.sleep(_LOOK_AGAIN)
    findings.counts.update(counted.counts)
    if waiting:
        first, last = waiting[0], waiting[-1]
        findings.add(
            Kind.LATE,
            "stored, and not in the ledger" + (f", up to {last:,}" if last > first else ""),
            service=service,
            position=first,
        )
    given.progress.clear()
    print(f"{service}: {check.last:,} recorded rows compared")


def _begin(connection: object) -> None:
    """Take the ledger's snapshot now, before the log's: what is stored later is only later."""
    with connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute("SELECT 1")


def _of_tree(seen: Seen, verifier: Verifier) -> str:
    later = seen.leaves - seen.signed
    also = f", {later:,} more since" if later > 0 else ""
    at = f", the last of them at {seen.at:%Y-%m-%d %H:%M:%S} UTC" if seen.at else ""
    return f"{verifier.name}: {seen.leaves:,} leaves read; {seen.signed:,} signed{also}{at}"


def pinned(key: str | None, given: Reading) -> Verifier:
    """The key that the auditor pins: as text, or as a file."""
    path = Path(key) if key and "+" not in key else given.secrets / VERIFIER_FILE
    try:
        return Verifier.from_vkey(key if key and "+" in key else read_text(path))
    except BadNote as bad:
        raise CannotRead(f"{key or path}: {bad}") from None


def _is_there(path: Path | None) -> bool:
    return path is not None and path.exists()


def read_text(path: Path) -> str:
    """A file's text; ``CannotRead`` where there is none."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRead(f"{path} cannot be read: {type(error).__name__}") from None


def key_argument(parser: argparse.ArgumentParser) -> None:
    """Which key is pinned."""
    parser.add_argument(
        "--key", help=f"the log's verifier key, or a file of it ({VERIFIER_FILE} where secrets are)"
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """What an auditor may say."""
    parser.add_argument(
        "--only",
        choices=("tree", "rows"),
        help="tree: leaves, hashes, checkpoints; rows: what services store, against the ledger",
    )
    parser.add_argument(
        "--service", action="append", help="rows of this service only; may be repeated"
    )
    key_argument(parser)
    parser.add_argument(
        "--known",
        action="append",
        type=Path,
        default=[],
        help="a checkpoint from before, or from somebody else: the log must contain it",
    )
    parser.add_argument(
        "--remember",
        type=Path,
        help="a file of the newest checkpoint: what it holds is known, and it is written again"
        " where the whole tree holds",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=10.0,
        help="seconds that the ledger has to take in what is stored (default 10)",
    )


COMMAND = Command(
    name="verify",
    help="The whole tree, signatures, completeness, and every stored row against its digest.",
    run=run,
    statuses=STATUSES,
    arguments=arguments,
)
