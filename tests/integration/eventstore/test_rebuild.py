"""Read tables are disposable: the log folded again gives the same rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from shared.contracts.refusal import NotAllowed
from shared.contracts.registry import services
from shared.eventstore.rebuild import application_of, rebuild
from tests.integration.eventstore.probe import (
    CloseNotebook,
    OpenNotebook,
    Probe,
    WriteLine,
    context,
)
from tests.support.postgres import Databases

HAVE_READ_TABLES = sorted(
    path.parent.name
    for path in (Path(__file__).parents[3] / "services").glob("*/tables.py")
    if path.parent.name in services() and application_of(path.parent.name).tables
)


def rows(stores: Databases) -> list[Any]:
    connection = psycopg2.connect(stores.dsn("probe", "owner"))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM notebooks ORDER BY id")
        found = cursor.fetchall()
    connection.close()
    return found


def some_history(app: Probe, seed: int) -> None:
    chance, ids = random.Random(seed), []
    for _ in range(60):
        if not ids or chance.random() < 0.3:
            answer = app.run(OpenNotebook(participation_id=uuid4(), title="t"), context())
            ids.append(answer.notebook_id)  # type: ignore[attr-defined]
        elif chance.random() < 0.9:
            try:
                app.run(WriteLine(notebook_id=chance.choice(ids), text="words"), context())
            except NotAllowed:
                continue
        else:
            app.run(CloseNotebook(notebook_id=chance.choice(ids)), context())


def test_a_rebuild_gives_identical_rows(app: Probe, stores: Databases) -> None:
    some_history(app, seed=1)
    before = rows(stores)
    assert len(before) > 5

    told: list[int] = []
    count = rebuild(Probe, stores.dsn("probe", "owner"), told.append)

    assert rows(stores) == before
    assert told == [count]


def test_a_rebuild_mends_rows_that_were_tampered_with(app: Probe, stores: Databases) -> None:
    some_history(app, seed=2)
    before = rows(stores)
    app.committer.execute("UPDATE notebooks SET lines = 99")
    app.committer.execute(
        "INSERT INTO notebooks SELECT gen_random_uuid(), participation_id, title,"
        " last, 1, 1, actor FROM notebooks LIMIT 1"
    )

    rebuild(Probe, stores.dsn("probe", "owner"))

    assert rows(stores) == before


def test_a_rebuild_that_fails_changes_nothing(
    app: Probe, stores: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_history(app, seed=3)
    before = rows(stores)
    wrong = [("INSERT INTO notebooks (id) VALUES (%s)", (None,))]
    monkeypatch.setattr(Probe, "fold", staticmethod(lambda event, recorded: wrong))

    with pytest.raises(psycopg2.IntegrityError):
        rebuild(Probe, stores.dsn("probe", "owner"))

    assert rows(stores) == before


def test_only_the_ledger_keeps_no_read_table() -> None:
    assert set(services()) - set(HAVE_READ_TABLES) == {"audit"}


@pytest.mark.parametrize("service", HAVE_READ_TABLES)
def test_every_service_with_read_tables_can_be_rebuilt(
    databases: Callable[..., Databases], service: str
) -> None:
    application = application_of(service)
    assert rebuild(application, databases(service).dsn(service, "owner")) == 0
