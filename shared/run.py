"""Starts the platform, in either of its two forms.

    python -m shared.run service consent      one service, with RabbitMQ and PostgreSQL
    python -m shared.run embedded FOLDER      every service, without the gateway, in one process

Both build the same dependencies in the same place (``shared.messaging.assembly``)
and refuse to start with one missing. Imports are inside the functions: eventlet
must patch the standard library before anything else has imported from it.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.collecting import seldom

if TYPE_CHECKING:
    from shared.messaging.embedded import Installation


def embedded(folder: Path, **options: Any) -> Installation:
    """Every written service in this process, started; see ``shared.messaging.embedded``.

    ``folder`` holds PostgreSQL's files and the installation's secret: keep its
    path short. ``stop()`` on what is returned ends everything.
    """
    from shared.messaging.embedded import Installation

    platform = Installation(folder, **options)
    try:
        platform.start()
    except BaseException:
        platform.stop()
        raise
    return platform


def service(name: str) -> int:
    """One service on RabbitMQ, until SIGTERM; its exit code."""
    import eventlet

    eventlet.monkey_patch()
    from shared.messaging.amqp.process import run

    return run(name)


def until_asked(folder: Path) -> int:
    """The embedded platform until SIGTERM, Ctrl-C, or its terminal closes; 0."""
    from shared.ending import interruptible, until_asked

    with suppress(KeyboardInterrupt), interruptible():
        platform = embedded(folder)
        try:
            until_asked()
        finally:
            platform.stop()
    return 0


def main(arguments: list[str]) -> int:
    """The command line; 2 if it is none of those above."""
    seldom()
    match arguments:
        case ["service", name]:
            return service(name)
        case ["embedded", folder]:
            return until_asked(Path(folder))
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    # The module that others import must be this one: shared.run, not __main__.
    from shared.run import main as start

    sys.exit(start(sys.argv[1:]))
