"""The decision that is measured, and the same rows without any of the work.

A notebook is opened or a line written in it: words sealed, a read-table row, a
command id with its answer, an inbox cursor, and one event: what every decision
of every service stores. It is the small service of the event store's own tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from shared.eventstore.batch import LOCK, Decision, End, inserts
from shared.eventstore.work import Context
from shared.identity.principal import Principal
from tests.bench.figures import Sample
from tests.bench.writers import written
from tests.integration.eventstore.probe import NOON, OpenNotebook, Probe, edge

WORDS = "I want somebody to fix the lock on my door, and to sleep at night."
WHO = Principal.staff(uuid4(), "advocate", uuid4())
SUBJECTS = [uuid4() for _ in range(64)]


class Decisions:
    """Decides through an application; each writer is a producer whose messages it consumes."""

    def __init__(self, app: Probe) -> None:
        self.app = app
        self._name = uuid4().hex[:8]
        self._heard: dict[int, int] = {}

    def run(self, writers: int, each: int) -> Sample:
        """So many decisions of each writer; what their callers send is made before."""
        sent = [[self.asked(writer, number) for number in range(each)] for writer in range(writers)]

        def decide(writer: int, number: int) -> None:
            self.app.run(*sent[writer][number])

        return written(writers, each, decide)

    def asked(self, writer: int, number: int) -> tuple[OpenNotebook, Context]:
        """What a caller sends, and the gate makes of it."""
        command_id = uuid4()
        heard = self._heard[writer] = self._heard.get(writer, 0) + 1
        context = Context(
            principal=WHO,
            command_id=command_id,
            correlation_id=uuid4(),
            causation=f"command/{command_id}",
            now=NOON,
            message=(f"{self._name}-{writer}", heard),
        )
        subject = SUBJECTS[number % len(SUBJECTS)]
        return OpenNotebook(participation_id=subject, title=WORDS), context


def application(dsn: Callable[[str], str], **settings: Any) -> Probe:
    """The service on its database."""
    return Probe(edge(dsn, **settings))


def decided(writers: int, each: int) -> list[list[Decision]]:
    """What so many decisions would store: the very rows, for each writer, and nothing stored."""
    app = application(lambda kind: f"host=/nowhere user={kind}")
    kept: list[Decision] = []

    def keep(decision: Decision) -> list[int]:
        kept.append(decision)
        return [1]

    app._log.store = keep  # type: ignore[method-assign]
    decisions = Decisions(app)
    found = []
    for writer in range(writers):
        kept.clear()
        for number in range(each):
            app.run(*decisions.asked(writer, number))
        found.append(list(kept))
    return found


def event_alone(cursor: Any, decision: Decision, position: int) -> bytes:
    """The floor: one INSERT that commits by itself, at a position given beforehand."""
    stored = decision.entries[0].stored
    row = (position, stored.originator_id, 1, stored.topic, stored.state)
    text: bytes = cursor.mogrify(
        b"INSERT INTO events (position, originator_id, originator_version, topic, state)"
        b" VALUES (%s,%s,%s,%s,%s)",
        row,
    )
    return text


def rows_one_by_one(cursor: Any, decision: Decision, _position: int) -> bytes:
    """All rows of one decision, one transaction under the log's lock, in one round trip."""
    [entry] = decision.entries
    stored = entry.stored
    event = cursor.mogrify(
        b"INSERT INTO events (position, originator_id, originator_version, topic, state, previous)"
        b" SELECT coalesce(max(position), 0) + 1, %s, %s, %s, %s,"
        b" (SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL) FROM events",
        (stored.originator_id, stored.originator_version, stored.topic, stored.state),
    )
    tables = [cursor.mogrify(sql, params) for sql, params in entry.read_tables(0)]
    # The command, the inbox and the COMMIT, in the very words of the store.
    rest, _, _ = inserts(cursor, [replace(decision, entries=())], End(0, 0))
    lock = b"SELECT pg_advisory_xact_lock(%d)" % LOCK
    return b"; ".join([b"BEGIN", lock, event, *tables, rest])
