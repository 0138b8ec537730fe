"""``make demo`` and ``make journey``: play the journey, and say what it showed.

python -m infra.demo                 the embedded platform, which then stays up
python -m infra.demo --once          the same, and end: 0 if every step held, else 1
python -m infra.demo --platform      the compose platform that `make up` started; what it keeps is
                                     searched afterwards for what nobody may read
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from shared.ending import interruptible
from shared.eventstore.embedded import EmbeddedServer

IN_MEMORY, ROOM = Path("/dev/shm"), 2 << 30  # noqa: S108 - the folder in it is made for its owner alone

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """0 if every step held; 1 with what did not; 2 for a wrong argument; 130 if it was ended.

    However it is asked to end, PostgreSQL and its folder go with it.
    """
    parser = argparse.ArgumentParser(prog="python -m infra.demo")
    parser.add_argument("--once", action="store_true", help="end when the journey has ended")
    parser.add_argument("--platform", action="store_true", help="play on the compose platform")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--race", type=int, help="pairs of concurrent requests and revocations")
    asked = parser.parse_args(arguments)
    if asked.platform:
        from infra.demo.playing import on_compose

        return on_compose(asked.race or 200)
    try:
        with interruptible():
            return _in_this_process(asked)
    except KeyboardInterrupt:
        print("\nEnded before the journey was over; nothing of it is left.", file=sys.stderr)
        return INTERRUPTED


def _in_this_process(asked: argparse.Namespace) -> int:
    since = time.monotonic()
    print("Starting PostgreSQL and the services in this process …", flush=True)
    with (
        tempfile.TemporaryDirectory(
            prefix="sayso-", dir=_memory(), ignore_cleanup_errors=True
        ) as folder,
        _beginning(Path(folder) / "pg") as postgres,
    ):
        from infra.demo.playing import in_this_process

        return in_this_process(
            Path(folder), postgres, asked.port, asked.race or 25, since=since, stay=not asked.once
        )


@contextmanager
def _beginning(folder: Path) -> Iterator[Callable[[], object]]:
    """PostgreSQL makes its files while this process imports; what is yielded waits for it."""
    with ThreadPoolExecutor(1) as beside:
        begun = beside.submit(EmbeddedServer(folder).start)
        try:
            yield begun.result
        finally:
            begun.result().stop()


def _memory() -> Path | None:
    """Where what is deleted at the end never comes to a disk, if there is room; else None."""
    there = os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM
    return IN_MEMORY if there else None


if __name__ == "__main__":
    sys.exit(main())
