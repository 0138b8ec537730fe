"""A ledger of two services, its clock in the test's hand, and somebody who may do anything."""

from __future__ import annotations

import argparse
import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psycopg2
from eventsourcing.persistence import StoredEvent

from services.audit.application import AuditApplication
from services.audit.cli.verify import COMMAND
from services.audit.domain.leaf import entry_of
from shared.command_line import Command, Reading
from shared.contracts.refusal import Unavailable
from shared.eventstore.batch import Decision, Entry
from shared.eventstore.database import Database
from shared.eventstore.digests import ROWS, Pseudonyms, Row, digests_after, record_of
from shared.eventstore.edge import Edge
from shared.eventstore.log import EventLog
from shared.messaging.pages import Digests, DigestsAfter
from shared.progress import Progress
from tests.support.postgres import Databases

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SERVICES = ("audit", "consent", "intake")
LOGS = ("consent", "intake")
KEY = Pseudonyms(b"p" * 32)


def a_stream(number: int) -> UUID:
    """The id of a stream."""
    return uuid5(UUID(int=7), str(number))


def a_state(stream: UUID, version: int, **more: Any) -> bytes:
    """A state as services store it: ids in the clear, a sealed field with its commitment."""
    sealed = {"p": stream.hex, "c": "needs", "k": stream.hex, "b": "Ym94", "m": f"{version:064x}"}
    state = {
        "participation_id": {"_type_": "uuid_hex", "_data_": stream.hex},
        "timestamp": {"_type_": "datetime_iso", "_data_": NOON.isoformat()},
        "words": {"_type_": "sealed", "_data_": sealed},
        **more,
    }
    return json.dumps(state, sort_keys=True, separators=(",", ":")).encode()


@contextmanager
def planted(world: World, service: str, plant: str, undo: str) -> Iterator[Any]:
    """As the superuser; taken away again, since the databases are those of every test."""
    with closing(psycopg2.connect(world.databases.dsn(service, "superuser"))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("SET allow_system_table_mods = on")
        cursor.execute(plant)
        try:
            yield cursor
        finally:
            cursor.execute(undo)


@dataclass
class World:
    """``store``, ``pull``, ``tick``; then ``verify`` what ``tamper`` has changed."""

    databases: Databases
    now: datetime = NOON
    away: set[str] = field(default_factory=set)
    quantum: int = 64
    kept: str = ""
    told: StringIO = field(default_factory=StringIO)
    versions: dict[tuple[str, UUID], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.logs = {name: EventLog(self._database(name, "committer")) for name in LOGS}
        self.app = self.audit()

    def audit(self, **settings: str) -> AuditApplication:
        """A process of the ledger."""
        caller: Any = self
        nobody: Any = None
        return AuditApplication(
            Edge(
                service="audit",
                dsn=self.databases.role("audit"),
                keys=nobody,
                caller=caller,
                fingerprint_key=b"f" * 32,
                clock=lambda: self.now,
                secrets={"ledger": b"l" * 32, "pseudonyms": b"p" * 32},
                settings={
                    "SAYSO_LEDGER_TICK": "1",
                    "SAYSO_LEDGER_QUANTUM": str(self.quantum),
                    "SAYSO_KEPT": self.kept,
                    **settings,
                },
            )
        )

    def call(
        self, service: str, method: str, request: DigestsAfter, ctx: Any = None, command: Any = None
    ) -> Digests:
        """What a service answers: the records of its log."""
        if service in self.away:
            raise Unavailable
        with self.database(service, "relay", whole=True) as database:
            found = digests_after(database, service, KEY, request.position, request.limit)
        return Digests(records=tuple(record.decode() for record in found))

    def store(self, service: str, count: int = 1, streams: int = 7, **more: Any) -> None:
        """Decisions of a service, every other one published."""
        entries = []
        for number in range(count):
            stream = a_stream(number % streams)
            version = self.versions[service, stream] = self.versions.get((service, stream), 0) + 1
            event = StoredEvent(
                stream,
                version,
                f"services.{service}.domain:Thing",
                a_state(stream, version, **more),
            )
            entries.append(Entry(event, published=number % 2 == 0))
        self.logs[service].store(Decision(entries=tuple(entries)))

    def fill(self, count: int) -> None:
        """Many records of a service that is away from now on."""
        self.away.add("keyring")
        for after in range(0, count, 5_000):
            some = range(after + 1, min(count, after + 5_000) + 1)
            records = [b'{"pos":%d,"svc":"keyring"}' % i for i in some]
            assert self.app._ledger.append("keyring", after, records)

    def records(self, service: str) -> list[bytes]:
        """The records of what is stored now."""
        with self.database(service, "relay", whole=True) as database:
            return digests_after(database, service, KEY, 0, 10_000)

    def tick(self, pull: bool = True) -> None:
        """A second passes: what is stored is taken in, padded and signed."""
        self.now += timedelta(seconds=1)
        for service in SERVICES if pull else ():
            self.app.pull(service)
        self.app.tick(self.now)

    def verify(self, *words: str, key: str | None = None, patience: float = 0) -> Verdict:
        """What ``sayso audit verify`` says, and its exit status."""
        pinned = key or self.app.verifier.vkey
        return self.sayso(COMMAND, *words, "--key", pinned, "--patience", str(patience))

    def sayso(self, command: Command, *words: str) -> Verdict:
        """What a command of the auditor's says, and its exit status."""
        parser = argparse.ArgumentParser()
        command.arguments(parser)
        reading = Reading(
            SERVICES,
            lambda service: self.databases.dsn(service, "audit"),
            Path("/nowhere"),
            Progress(StringIO()),
            kept=Path(self.kept) if self.kept else None,
            clock=lambda: self.now,
        )
        said = StringIO()
        with redirect_stdout(said), redirect_stderr(self.told):
            status = command.run(parser.parse_args(words), reading)
        assert status == 0 or status in command.statuses
        return Verdict(status, said.getvalue())

    @contextmanager
    def superuser(self, service: str) -> Iterator[Any]:
        """A cursor of somebody who may do anything, whom no trigger stops."""
        connection = psycopg2.connect(self.databases.dsn(service, "superuser"))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica; SET search_path = public")
                for table in _TABLES[service]:
                    cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                yield cursor
                for table in _TABLES[service]:
                    cursor.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER no_change")
        finally:
            connection.close()

    def tamper(self, service: str, sql: str, *params: Any) -> None:
        """Change what is stored, by hand."""
        with self.superuser(service) as cursor:
            cursor.execute(sql, params)
            assert cursor.rowcount != 0, "nothing was tampered with"

    def remake(self, index: int, record: bytes, **columns: Any) -> None:
        """Another record in a leaf, with all that hangs together within its row."""
        random = secrets.token_bytes(32)
        columns |= {"random": random, "record": record, "entry": entry_of(random, record)}
        named = ", ".join(f"{name} = %s" for name in columns)
        sql = f"UPDATE leaves SET {named} WHERE index = %s"
        self.tamper("audit", sql, *columns.values(), index)

    def forge(self, service: str, position: int) -> None:
        """Change an event by one byte, and its record and leaf so that they fit."""
        sql = "UPDATE events SET state = set_byte(state, 40, get_byte(state, 40) # 1)"
        self.tamper(service, f"{sql} WHERE position = %s", position)
        where = f"service = '{service}' AND position = {position}"
        [(index, record)] = self.rows(f"SELECT index, record FROM leaves WHERE {where}")
        with self.database(service, "relay", whole=True) as database:
            [row] = database.query(f"{ROWS} LIMIT 1", (position - 1,))
        said = json.loads(bytes(record))
        self.remake(index, record_of(service, Row.of(row), said["sid"]))

    def forget_signatures(self, size: int = 0) -> None:
        """Remove what was signed of more leaves than these, and the hashes over them."""
        with self.superuser("audit") as cursor:
            cursor.execute("DELETE FROM nodes WHERE (index + 1) * 256 ^ level > %s", (size,))
            cursor.execute("DELETE FROM checkpoints WHERE size > %s", (size,))
            assert cursor.rowcount, "nothing was signed"

    def again(self) -> World:
        """The same databases after a restart."""
        return World(self.databases, self.now, kept=self.kept, versions=dict(self.versions))

    def keep(self) -> None:
        """Remember every row."""
        self._each("CREATE TABLE kept_{0} AS TABLE {0}")

    def put_back(self) -> None:
        """Every row as it was kept."""
        self._each("TRUNCATE {0}; INSERT INTO {0} TABLE kept_{0}")

    def empty(self) -> None:
        """Not a row is left."""
        self._each("TRUNCATE {0}")

    def _each(self, sql: str) -> None:
        for service, tables in _TABLES.items():
            with self.superuser(service) as cursor:
                for table in tables:
                    cursor.execute(sql.format(table))

    def rows(self, sql: str, service: str = "audit") -> list[tuple[Any, ...]]:
        """What is stored."""
        with self.superuser(service) as cursor:
            cursor.execute(sql)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    @contextmanager
    def database(self, service: str, kind: str, *, whole: bool = False) -> Iterator[Database]:
        """Connections of a role, for as long as this lasts."""
        database = self._database(service, kind, whole=whole)
        try:
            yield database
        finally:
            database.close()

    def _database(self, service: str, kind: str, *, whole: bool = False) -> Database:
        return Database(self.databases.dsn(service, kind), size=2, whole=whole)

    def close(self) -> None:
        """Close what was opened."""
        self.app.close()
        for log in self.logs.values():
            log._database.close()


_TABLES = {
    "audit": ("leaves", "nodes", "checkpoints"),
    "consent": ("events",),
    "intake": ("events",),
}


@dataclass(frozen=True)
class Verdict:
    """An exit status, and what was printed."""

    status: int
    said: str

    def found(self, kind: str) -> list[str]:
        """The findings of one kind."""
        return [line for line in self.said.splitlines() if line.startswith(f"{kind}: ")]
