"""A service's process that says what it holds: ``python -m tests.integration.messaging.holding
intake FOLDER``.

The process is the platform's own. Only what its held keys count their time by is
ahead by as many seconds as ``FOLDER/ahead`` says; ``FOLDER/held`` says how many
keys, and answers with a key in them, are anywhere in its memory.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def in_memory() -> int:
    """Data keys, and the keyring's answers as types or as data."""
    import gc

    from shared.contracts.keyring import OpenedKey
    from shared.sealing.keys import DataKey

    gc.collect()
    return sum(isinstance(o, DataKey | OpenedKey) or _answers(o) for o in gc.get_objects())


def _answers(found: Any) -> bool:
    # A dictionary of nothing but text is not listed; whatever it is in, is.
    inside = found.get("ok") if type(found) is dict else None
    return isinstance(inside, dict) and "secret" in inside


def main(arguments: list[str]) -> int:
    """Run the service until it is ended."""
    import eventlet

    eventlet.monkey_patch()
    import time
    from functools import partial

    name, folder = arguments[0], Path(arguments[1])
    from shared.messaging.amqp import process

    def ahead() -> float:
        return time.monotonic() + float((folder / "ahead").read_text())

    process.CachedKeySource = partial(process.CachedKeySource, monotonic=ahead)  # type: ignore[misc, assignment]

    def say() -> None:
        while True:
            (folder / "held.new").write_text(str(in_memory()))
            (folder / "held.new").replace(folder / "held")
            time.sleep(0.2)

    eventlet.spawn(say)
    return process.run(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
