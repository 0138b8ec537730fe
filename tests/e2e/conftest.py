"""A whole embedded platform with its gateway, for the tests that speak HTTP to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg2.extensions import make_dsn

from infra.demo.credentials import Held
from infra.demo.mailbox import Mailbox
from infra.demo.platform import running
from services.gateway.limits import Rate
from services.gateway.settings import Limits

MANY = Rate(10_000, 10_000)
UNHURRIED = Limits(beginnings_each=MANY, beginnings_together=MANY)
"""Many begin at once here; how that is slowed down has tests of its own."""


@dataclass(frozen=True)
class Running:
    """Where it answers, what people hold, and the folder that keeps all of it."""

    address: str
    held: Held
    folder: Path
    mailbox: Mailbox

    def dsn(self, database: str = "postgres") -> str:
        """The superuser's connection to its PostgreSQL."""
        return make_dsn(host=str(self.folder / "pg"), dbname=database, user="postgres")


@pytest.fixture
def embedded() -> Iterator[Running]:
    """One of the test's own, on a free port of loopback."""
    folder = Path(tempfile.mkdtemp(prefix="sayso-", dir="/tmp"))
    held = Held.made()
    try:
        with (
            Mailbox() as mailbox,
            running(folder, held, "127.0.0.1", 0, UNHURRIED, mailbox=mailbox) as address,
        ):
            yield Running(address, held, folder, mailbox)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
