"""The notifications service on PostgreSQL, with a clock and keys that the test sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg2

from services.notifications.reactions import REACTIONS
from services.notifications.service import Application, build
from services.notifications.tables import TABLES
from shared.accompaniment.company import ALONE
from shared.contracts.base import Message, Request
from shared.contracts.notifications import GetNotices, GetPreference, Notices, Preference
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, Work
from shared.identity.principal import Principal
from shared.messaging.pages import Announcements, MessagesAfter
from shared.scheduler.scheduler import Scheduler
from shared.sealing.keys import DataKey, KeyDestroyed
from tests.support.examples import DANA, MARIA, NOON, SURVIVOR, an_id
from tests.support.postgres import Databases
from tests.unit.notifications import news


class Keys:
    """Data keys in memory, as if on loan from a keyring."""

    def __init__(self) -> None:
        self.holder = an_id("this process")
        self._keys: dict[tuple[UUID, str], DataKey] = {}
        self._destroyed: set[tuple[UUID, str]] = set()

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        place = (participation_id, record_class)
        if place in self._destroyed:
            raise KeyDestroyed
        # Each person's own, and the same in every process of a test.
        return self._keys.setdefault(place, DataKey(uuid4(), *place, participation_id.bytes * 2))

    def by_id(self, key_id: UUID) -> DataKey:
        for place, key in self._keys.items():
            if key.key_id == key_id and place not in self._destroyed:
                return key
        raise KeyDestroyed

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        """Nothing is held beyond the store of keys itself."""

    def destroy(self, participation_id: UUID, record_class: str) -> None:
        """What a keyring does before it tells anybody."""
        self._destroyed.add((participation_id, record_class))


def once(do: Callable[[], object]) -> Callable[[], object]:
    """``do`` the first time, and nothing afterwards."""
    left = [do]
    return lambda: left.pop()() if left else None


class Caller:
    """Remembers what was asked of other services."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def call(self, service: str, method: str, request: Any = None, *_: Any, **__: Any) -> Any:
        if isinstance(request, MessagesAfter):
            return Announcements(events=())
        self.asked.append((service, method))
        return None


NOBODY_LISTENS = 1


def relay_at(port: int) -> dict[str, str]:
    """What a deployment sets, for a relay on loopback."""
    return {
        "SAYSO_SMTP_HOST": "127.0.0.1",
        "SAYSO_SMTP_PORT": str(port),
        "SAYSO_SMTP_SECURITY": "none",
        "SAYSO_MAIL_FROM": "notes@mail.example.org",
        "SAYSO_MAIL_FROM_NAME": "Notes",
    }


class World:
    """One service, one database, and whoever speaks to it."""

    def __init__(self, stores: Databases, environ: dict[str, str] | None = None) -> None:
        self.stores = stores
        self.environ = relay_at(NOBODY_LISTENS) if environ is None else environ
        self.now = NOON
        self.keys, self.caller = Keys(), Caller()
        self.positions: dict[str, int] = {}
        self.app = self._started()

    def _started(self) -> Application:
        app = build(
            Edge(
                service="notifications",
                dsn=self.stores.role("notifications"),
                keys=self.keys,
                caller=self.caller,
                fingerprint_key=bytes(32),
                clock=lambda: self.now,
                secrets={"message_id": b"message ids" * 3},
                settings=self.environ,
            )
        )["app"]
        assert isinstance(app, Application)
        return app

    def restart(self) -> None:
        """The process ended, wherever it was, and another one began."""
        self.app.close()
        self.app = self._started()

    def run_due(self) -> int:
        """What the scheduler does in one turn."""
        return Scheduler("notifications", self.app, lambda: self.now).run_once()

    def due(self) -> list[tuple[str, datetime]]:
        """(kind, time) of what waits for its time."""
        return [(row[0], row[2]) for row in self.rows("due")]

    def states(self) -> list[tuple[str, str | None]]:
        """(state, reason) of Maria's notices, in order."""
        return [(n.state, n.reason) for n in self.notices().notices]

    def do(self, request: Request, by: Principal = SURVIVOR, key: UUID | None = None) -> Any:
        """What the service answers; a command without a key gets one of its own."""
        key = key or uuid4()
        return self.app.run(
            request, Context(by, key, an_id("correlation"), f"command/{key}", self.now)
        )

    def hear(self, message: Message) -> None:
        """Another service publishes, notifications follows."""
        producer = message.type.split(".")[0]
        self.positions[producer] = self.positions.get(producer, 0) + 1
        place = (producer, self.positions[producer])
        self.app.react(message, replace(self._news(f"{producer}/{place[1]}"), message=place))

    def are_told(self) -> None:
        """The survivors, who began alone, have read the platform's own notice."""
        for whose in (MARIA, DANA):
            self.hear(news.notice_given(ALONE, whose))

    def hear_uncounted(self, message: Message, causation: str) -> None:
        """The same without an inbox: only what is decided keeps a repeat out."""
        self.app.react(message, self._news(causation))

    def _news(self, causation: str) -> Context:
        system = Principal.system("notifications")
        return Context(system, None, an_id("correlation"), causation, self.now)

    def hear_with_something_in_between(
        self, message: Message, meanwhile: Callable[[], object]
    ) -> None:
        """The same, and after it was decided, before it is stored, something else is."""
        react = REACTIONS[message.type]

        def slowly(app: Any, heard: Any, work: Work) -> None:
            react(app, heard, work)
            meanwhile()

        app: Any = self.app
        meanwhile = once(meanwhile)
        app.reactions = {**REACTIONS, message.type: slowly}
        self.hear(message)
        del app.reactions

    def park(self, participation_id: UUID) -> None:
        """A message of intake about them could not be heard, and waits to be heard again."""
        about = json.dumps({"data": {"participation_id": str(participation_id)}})
        self.app.committer.execute(
            "INSERT INTO parked (producer, position, stream_id, message, reason, retry_at)"
            " VALUES ('intake', 1000, %s, %s, 'failed', now())",
            (str(uuid4()), about),  # the stream of their case, for instance
        )

    def preference(self, by: Principal = SURVIVOR) -> Preference:
        """What the service says of Maria's preference."""
        found: Preference = self.do(GetPreference(participation_id=MARIA), by)
        return found

    def notices(self, by: Principal = SURVIVOR) -> Notices:
        """What the service says of Maria's notices."""
        found: Notices = self.do(GetNotices(participation_id=MARIA), by)
        return found

    def assigned(self, request: Request, by: Principal = SURVIVOR) -> list[str]:
        """The staff whom the service names where Cedar asks."""
        ctx = Context(by, None, an_id("correlation"), "query", self.now)
        staff: list[str] = self.app.resource(request, ctx)["assigned"]
        return staff

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """All rows of a table, as its owner sees them."""
        owner = self.stores.dsn("notifications", "superuser")
        with closing(psycopg2.connect(owner)) as connection, connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            return cursor.fetchall()

    def read_tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every read table."""
        return {table: self.rows(table) for table in TABLES}

    def everything_stored(self) -> bytes:
        """The whole database as bytes, to look for what must not be there."""
        everything = b""
        for table in (*TABLES, "events", "commands", "due", "inbox", "parked"):
            for row in self.rows(table):
                for value in row:
                    bare = bytes(value) if isinstance(value, memoryview) else str(value).encode()
                    everything += bare + b"\n"
        return everything
