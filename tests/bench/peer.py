"""The bare library: eventsourcing 9.5.6 with its own PostgreSQL module, on psycopg 3.

Its aggregates hold the same words in the clear: no sealing, read table, inbox or command id.
"""

from __future__ import annotations

from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg2.extensions import parse_dsn


class Notebook(Aggregate):
    """What the probe's notebook is, as the library's own documentation would write it."""

    @event("Opened")
    def __init__(self, participation_id: UUID, title: str) -> None:
        self.participation_id = participation_id
        self.title = title
        self.lines: tuple[str, ...] = ()

    @event("Written")
    def write(self, text: str) -> None:
        """Add a line."""
        self.lines = (*self.lines, text)


def bare(dsn: str, writers: int) -> Application[UUID]:
    """An application on that database, with a connection for each writer."""
    at = parse_dsn(dsn)
    return Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": at["dbname"],
            "POSTGRES_HOST": at["host"],
            "POSTGRES_PORT": at.get("port", "5432"),
            "POSTGRES_USER": at["user"],
            "POSTGRES_PASSWORD": at.get("password", "none"),
            "POSTGRES_POOL_SIZE": str(writers),
            "POSTGRES_MAX_OVERFLOW": "8",
        }
    )
