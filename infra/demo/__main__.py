"""``make demo`` and ``make journey``: play the journey, and say what it showed.

python -m infra.demo                 the embedded platform, which then stays up
python -m infra.demo --once          the same, and end: 0 if every step held, else 1
python -m infra.demo --platform      the compose platform that `make up` started; what it keeps is
                                     searched afterwards for what nobody may read
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx
from rich.markdown import Markdown

from infra import canaries
from infra.compose import CannotStart, command
from infra.demo import auditor
from infra.demo.credentials import Held
from infra.demo.journey import Journey
from infra.demo.mailbox import Mailbox
from infra.demo.notices import Mail, of_compose
from infra.demo.people import JourneyFailed
from infra.demo.platform import running
from infra.demo.voices import Voices
from infra.secrets import GENERATED
from shared.observability.logs import configure

COMPOSE = "http://127.0.0.1:8000"
LIMITS = Path(__file__).with_name("limits.md")
IN_MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108 - the folder in it is made for its owner alone


def main(arguments: list[str] | None = None) -> int:
    """0 if every step held; 1 with what did not; 2 for a wrong argument."""
    parser = argparse.ArgumentParser(prog="python -m infra.demo")
    parser.add_argument("--once", action="store_true", help="end when the journey has ended")
    parser.add_argument("--platform", action="store_true", help="play on the compose platform")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--race", type=int, help="pairs of concurrent requests and revocations")
    asked = parser.parse_args(arguments)
    configure("demo", level="ERROR")
    try:
        if asked.platform:
            held = Held.from_folder(GENERATED / "people")
            return _searched(
                _played(COMPOSE, held, asked.race or 200, of_compose, auditor.of_compose())
            )
        return _embedded(asked.port, asked.race or 25, stay=not asked.once)
    except JourneyFailed as failed:
        print(f"\nThe journey did not hold: {failed}", file=sys.stderr)
    except (httpx.ConnectError, FileNotFoundError):
        if not asked.platform:
            raise
        print("\nNothing answers at " + COMPOSE + "; start it with: make up", file=sys.stderr)
    except OSError as taken:
        if taken.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        print(f"\nPort {asked.port}: {taken.strerror}. Say another: PORT=8001", file=sys.stderr)
    return 1


def _embedded(port: int, race: int, *, stay: bool) -> int:
    print("Starting PostgreSQL and the services in this process …", flush=True)
    started = time.monotonic()
    held = Held.made()
    with (
        tempfile.TemporaryDirectory(
            prefix="sayso-", dir=_memory(), ignore_cleanup_errors=True
        ) as folder,
        Mailbox() as mailbox,
        running(Path(folder), held, "127.0.0.1", port, mailbox=mailbox) as address,
    ):
        print(f"Ready after {time.monotonic() - started:.1f} s.", flush=True)
        _played(address, held, race, mailbox.mail, auditor.of_embedded(Path(folder)))
        if stay:
            _show(held, address)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


def _memory() -> Path | None:
    """Where what is deleted at the end never comes to a disk, if there is room; else None."""
    there = os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM
    return IN_MEMORY if there else None


def _show(held: Held, address: str) -> None:
    advocate = held.staff("advocate", uuid4(), "community", trained=True)
    coordinator = held.staff("coordinator", advocate.agency_id, "community", trained=True)
    print(
        f"\nIt stays up: {address}  (API documentation: {address}/docs). Ctrl-C ends it.\n"
        "To try it as others do, for half an hour, with nothing here but what the journey left:\n"
        f"  agency       X-API-Key: {held.agency(0).key}\n"
        f"  advocate     {advocate.id} of agency {advocate.agency_id}\n"
        f"               Authorization: Bearer {advocate.token}\n"
        f"  coordinator  Authorization: Bearer {coordinator.token}"
    )


def _searched(journey: Journey) -> int:
    """0 if nothing confidential of this journey is readable in what the platform keeps."""
    try:
        hits = canaries.found(command(), journey.confidential())
    except (CannotStart, canaries.Blind) as reason:
        print(reason, file=sys.stderr)
        return 1
    for hit in hits:
        print(f"readable: {hit}", file=sys.stderr)
    if not hits:
        print("No word, code, token or key of it is readable in a database, the broker or a log.")
    return 1 if hits else 0


def _played(address: str, held: Held, race: int, mail: Mail, auditing: auditor.Auditing) -> Journey:
    voices = Voices()
    started = time.monotonic()
    journey = Journey(address, held, voices, race, mail=mail, auditing=auditing)
    asyncio.run(journey.play())
    with voices.page("What this cannot protect") as page:
        page.print(Markdown(LIMITS.read_text("utf-8")))
    print(f"Every step held; played in {time.monotonic() - started:.1f} s.")
    return journey


if __name__ == "__main__":
    sys.exit(main())
