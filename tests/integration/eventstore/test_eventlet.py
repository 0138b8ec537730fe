"""Under eventlet, as in a nameko service, waiting for PostgreSQL does not stop the others."""

from __future__ import annotations

import subprocess
import sys

from tests.support.postgres import Databases

SCRIPT = """
import eventlet
eventlet.monkey_patch()
import sys, time
from uuid import uuid4
from eventsourcing.persistence import StoredEvent
from shared.eventstore.database import Database
from shared.eventstore.persistence import Datastore, LogApplicationRecorder

database = Database(sys.argv[1], size=4)
recorder = LogApplicationRecorder(Datastore(database))
longest, beats, running = 0.0, 0, True

def heart():
    global longest, beats
    last = time.monotonic()
    while running:
        eventlet.sleep(0.01)
        now = time.monotonic()
        longest, last, beats = max(longest, now - last), now, beats + 1

def write(i):
    return recorder.insert_events([StoredEvent(uuid4(), 1, "probe:Written", b"x")])[0]

beating = eventlet.spawn(heart)
pool = eventlet.GreenPool(40)
positions = list(pool.imap(write, range(400)))
slow = [eventlet.spawn(database.query, "SELECT pg_sleep(0.5)") for _ in range(8)]
began = time.monotonic()
for each in slow:
    each.wait()
took = time.monotonic() - began
running = False
beating.wait()
assert sorted(positions) == list(range(1, 401)), positions
assert took < 3.0, took
assert beats > 20 and longest < 0.4, (beats, longest)
print("ok")
"""


def test_greenlets_commit_together_and_nobody_blocks_the_hub(stores: Databases) -> None:
    """Eight sleeps of half a second over four connections; a heart beats beside them."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, stores.dsn("probe", "committer")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "ok", done.stderr[-2000:]
