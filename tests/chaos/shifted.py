"""A service's process whose clock is wrong: ``python -m tests.chaos.shifted intake FILE``.

The process is the platform's own. Only the machine's clock, as the edge reads it,
is off by as many seconds as the file says at that moment.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path


def shifted(file: Path) -> datetime:
    """What such a clock shows, in UTC."""
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))


def main(arguments: list[str]) -> int:
    """Run the service until it is ended."""
    import eventlet

    eventlet.monkey_patch()
    name, file = arguments
    offset = Path(file)
    from shared.eventstore import edge

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return shifted(offset).astimezone(tz)

    edge.datetime = Clock  # type: ignore[misc]
    from shared.messaging.amqp import process

    return process.run(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
