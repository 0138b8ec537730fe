"""``python -m tests.bench.embedded FOLDER``: the embedded platform in a process of its own.

Prints its address and runs until a line comes in.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.demo.credentials import Held
from infra.demo.mailbox import Mailbox
from infra.demo.platform import running
from shared.observability.logs import configure

if __name__ == "__main__":
    configure("bench", level="ERROR")
    with (
        Mailbox() as mailbox,
        running(Path(sys.argv[1]), Held.made(), "127.0.0.1", 0, mailbox=mailbox) as address,
    ):
        print(address, flush=True)
        sys.stdin.readline()
