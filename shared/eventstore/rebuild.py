"""``python -m shared.eventstore.rebuild SERVICE``: fold the log again; the same rows come out.

Decisions wait while it runs, readers see the old rows until it is done, and if
it fails nothing has changed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2.extras
from eventsourcing.persistence import StoredEvent
from psycopg2 import sql

from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.batch import LOCK
from shared.eventstore.location import Location
from shared.eventstore.mapper import SealingMapper, recorded
from shared.eventstore.reaching import connect
from shared.eventstore.values import EventTranscoder

_PAGE = 1_000


class _NoKeys:
    """A rebuild opens nothing: sealed values stay closed in read tables."""

    def _refuse(self, *_: Any) -> Any:
        raise RuntimeError("a rebuild needs no key")

    current = by_id = forget = _refuse


def rebuild(
    application: type[EventSourcedApplication],
    owner_dsn: str,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Empty the read tables of ``application`` and fold the whole log; how many events there were.

    The owner does it, in one transaction: a committer may not truncate.
    """
    # Nothing random is drawn and no key is asked for: stored events are closed already.
    mapper = SealingMapper(
        EventTranscoder(application.values), application.contract.name, _NoKeys(), lambda _: b""
    )
    with closing(connect(owner_dsn)) as connection, connection:
        psycopg2.extras.register_uuid(conn_or_curs=connection)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            if application.tables:
                cursor.execute(
                    sql.SQL("TRUNCATE {} RESTART IDENTITY").format(
                        sql.SQL(", ").join(map(sql.Identifier, application.tables))
                    )
                )
            last = 0
            while page := _after(cursor, last):
                for position, *row in page:
                    stream_id, version, topic, state = row
                    event = mapper.to_domain_event(
                        StoredEvent(stream_id, version, topic, bytes(state))
                    )
                    for statement, params in application.fold(event, recorded(event, position)):
                        cursor.execute(statement, params)
                    last = position
                if progress:
                    progress(last)
    return last


def application_of(service: str) -> type[EventSourcedApplication]:
    """The application class of a service, found in ``services.<service>.application``."""
    module = importlib.import_module(f"services.{service}.application")
    for found in vars(module).values():
        if (
            isinstance(found, type)
            and issubclass(found, EventSourcedApplication)
            and found.__module__ == module.__name__
        ):
            return found
    raise LookupError(f"{module.__name__} has no application")


def _after(cursor: Any, position: int) -> list[tuple[Any, ...]]:
    cursor.execute(
        "SELECT position, originator_id, originator_version, topic, state FROM events"
        " WHERE position > %s ORDER BY position LIMIT %s",
        (position, _PAGE),
    )
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when the read tables are those of the log."""
    parser = argparse.ArgumentParser(prog="python -m shared.eventstore.rebuild")
    known = sorted(p.parent.name for p in Path("services").glob("*/tables.py"))
    parser.add_argument("service", choices=known)
    service = parser.parse_args(arguments).service
    count = rebuild(
        application_of(service),
        Location().dsn(service, "owner"),
        lambda last: print(f"{service}: {last} events", flush=True),
    )
    print(f"{service}: read tables rebuilt from {count} events")
    return 0


if __name__ == "__main__":
    sys.exit(main())
