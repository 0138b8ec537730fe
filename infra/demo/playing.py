"""The demonstration, played: on a platform in this process, or on the compose platform."""

from __future__ import annotations

import asyncio
import errno
import importlib
import sys
import time
from collections.abc import Callable
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
from shared.ending import until_asked
from shared.messaging.assembly import written
from shared.observability.logs import configure

COMPOSE = "http://127.0.0.1:8000"
LIMITS = Path(__file__).with_name("limits.md")


def on_compose(race: int) -> int:
    """0 if every step held, and nothing can be read there that nobody may read; else 1."""
    configure("demo", level="ERROR")
    try:
        held = Held.from_folder(GENERATED / "people")
        return _searched(_played(COMPOSE, held, race, of_compose, auditor.of_compose()))
    except JourneyFailed as failed:
        return _failed(f"The journey did not hold: {failed}")
    except (httpx.ConnectError, FileNotFoundError):
        return _failed(f"Nothing answers at {COMPOSE}; start it with: make up")


def in_this_process(
    folder: Path,
    postgres: Callable[[], object],
    port: int,
    race: int,
    *,
    since: float,
    stay: bool,
) -> int:
    """0 if every step held, else 1.

    ``postgres`` returns once the PostgreSQL in ``folder`` answers; ``since`` is the
    monotonic clock's time of the beginning. Staying up ends with ``KeyboardInterrupt``.
    """
    configure("demo", level="ERROR")
    for name in written():
        importlib.import_module(f"services.{name}.service")
    postgres()
    held = Held.made()
    try:
        with Mailbox() as mailbox, running(folder, held, "127.0.0.1", port, mailbox=mailbox) as at:
            print(f"Ready after {time.monotonic() - since:.1f} s.", flush=True)
            _played(at, held, race, mailbox.mail, auditor.of_embedded(folder))
            if stay:
                _show(held, at)
                until_asked()
            return 0
    except JourneyFailed as failed:
        return _failed(f"The journey did not hold: {failed}")
    except OSError as taken:
        if taken.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return _failed(f"Port {port}: {taken.strerror}. Say another: PORT=8001")


def _failed(why: str) -> int:
    print(f"\n{why}", file=sys.stderr)
    return 1


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
