"""The chapter of the auditor: everything is intact; one byte is changed by hand, and is found.

The byte is changed, and changed back, by the database's superuser, whom no
trigger and no grant stops.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2

from infra.compose import command
from infra.demo.people import JourneyFailed
from services.audit.checks.findings import Kind
from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name

if TYPE_CHECKING:
    from infra.demo.journey import Journey

ROOT = Path(__file__).parents[2]
SERVICE, POSITION = "intake", 1
FLIP = (
    "ALTER TABLE events DISABLE TRIGGER no_change;"
    " UPDATE events SET state = set_byte(state, 12, get_byte(state, 12) # 1)"
    " WHERE position = 1;"
    " ALTER TABLE events ENABLE ALWAYS TRIGGER no_change"
)

Ended = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Auditing:
    """How the auditor's commands run, and how a superuser runs SQL in a service's database."""

    sayso: Callable[..., Ended]
    by_hand: Callable[[str, str], None]


def of_embedded(folder: Path) -> Auditing:
    """For the installation in ``folder``."""

    def sayso(*words: str) -> Ended:
        return _run([str(ROOT / "infra/sayso"), "--folder", str(folder), "audit", *words])

    def by_hand(service: str, sql: str) -> None:
        dsn = EmbeddedServer(folder / "pg").dsn(database_name(service))
        with closing(psycopg2.connect(dsn)) as connection, connection:
            connection.cursor().execute(sql)

    return Auditing(sayso, by_hand)


def of_compose() -> Auditing:
    """For the compose platform: the auditor's container, and psql in PostgreSQL's."""

    def sayso(*words: str) -> Ended:
        run = [*command(), "run", "--rm", "-T", "--no-deps", "auditor", "sayso", "audit", *words]
        return _run(run)

    def by_hand(service: str, sql: str) -> None:
        psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d"]
        ended = _run(
            [*command(), "exec", "-T", "postgres", *psql, database_name(service), "-c", sql]
        )
        if ended.returncode:
            raise JourneyFailed(f"the superuser could not: {ended.stderr.strip()[:300]}")

    return Auditing(sayso, by_hand)


async def play(journey: Journey, auditing: Auditing) -> None:
    """Intact; a changed byte, found where it is; intact again; and nobody's name anywhere."""
    say = journey.voices.say
    ended = await _verify(auditing, 0)
    leaves = _told(ended, r"([\d,]+) leaves read")
    rows = sum(int(n.replace(",", "")) for n in re.findall(r": ([\d,]+) recorded", ended.stdout))
    say(
        "auditor",
        f"reads {leaves} leaves of the ledger and all {rows:,} stored events beside them, under the"
        " log's own key: all of it holds",
    )
    await _flip(auditing)
    try:
        journey.voices.log("somebody who may do anything changes one byte of one event, by hand")
        ended = await _verify(auditing, Kind.CHANGED.status)
        found = _told(ended, rf"(changed: {SERVICE} position {POSITION},[^:]*):")
        say("auditor", f"finds it, and where: “{found}”")
    finally:
        await _flip(auditing)
    replay = asyncio.to_thread(auditing.sayso, "replay", "--decisions")
    _, replayed = await asyncio.gather(_verify(auditing, 0), replay)
    say("auditor", "finds all of it intact once the byte is as it was")
    _check_pseudonymous(journey, replayed)
    decisions = len(replayed.stdout.splitlines())
    say("auditor", f"replays the decisions, {decisions:,} lines: pseudonyms, no name and no word")


async def _flip(auditing: Auditing) -> None:
    await asyncio.to_thread(auditing.by_hand, SERVICE, FLIP)


async def _verify(auditing: Auditing, expected: int) -> Ended:
    ended = await asyncio.to_thread(auditing.sayso, "verify", "--patience", "30")
    if ended.returncode != expected:
        raise JourneyFailed(
            f"`sayso audit verify` ended with {ended.returncode} instead of {expected}: "
            f"{ended.stdout[-600:]}{ended.stderr[-600:]}"
        )
    return ended


def _check_pseudonymous(journey: Journey, replayed: Ended) -> None:
    if replayed.returncode or not replayed.stdout.strip():
        raise JourneyFailed(f"`sayso audit replay` ended with {replayed.returncode}")
    person = journey.participation.rsplit("/", 1)[1]
    sought = {person, person.replace("-", "")}.union(*journey.confidential().values())
    if any(text in replayed.stdout for text in sought):
        raise JourneyFailed("what the auditor reads names the survivor, or holds their words")


def _told(ended: Ended, pattern: str) -> str:
    found = re.search(pattern, ended.stdout)
    if not found:
        raise JourneyFailed(f"the auditor is not told {pattern!r}: {ended.stdout[-600:]}")
    return found[1]


def _run(words: list[str]) -> Ended:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
