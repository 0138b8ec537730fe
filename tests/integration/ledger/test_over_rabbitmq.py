"""The ledger as processes on RabbitMQ: it takes in what others store, killed or not."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import Any
from uuid import uuid4

import psycopg2
import pytest

from shared.contracts.audit import GetCheckpoint, GetTile
from shared.contracts.intake import BeginInquiry
from shared.contracts.refusal import Refused
from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name
from shared.identity.principal import Principal
from shared.messaging.pages import DigestsAfter
from tests.support.eventually import eventually
from tests.support.processes import Processes, Service

ANYONE = Principal.anyone()


def ask(server: EmbeddedServer, service: str, question: str) -> Any:
    with closing(psycopg2.connect(server.dsn(database_name(service)))) as connection:
        cursor = connection.cursor()
        cursor.execute(question)
        return cursor.fetchone()[0]


def all_signed(server: EmbeddedServer) -> bool:
    stored = ask(server, "intake", "SELECT count(*) FROM events")
    signed = "index < (SELECT max(size) FROM checkpoints)"
    recorded = f"SELECT count(*) FROM leaves WHERE service = 'intake' AND {signed}"
    return bool(0 < stored == ask(server, "audit", recorded))


def test_what_is_decided_is_signed_by_whichever_process_lives_and_the_auditor_finds_it_intact(
    platform: Processes, server: EmbeddedServer
) -> None:
    running = [platform.start(name) for name in ("intake", "audit", "audit")]
    for service in running:
        eventually(service.ready, within=90)
    caller = platform.caller()
    for service in running[1:]:
        caller.call("intake", "begin_inquiry", BeginInquiry(), ANYONE, uuid4())
        eventually(lambda: all_signed(server), within=30)
        service.end(signal.SIGKILL)
    caller.call("intake", "begin_inquiry", BeginInquiry(), ANYONE, uuid4())
    again = platform.start("audit")
    eventually(again.ready, within=60)
    eventually(lambda: all_signed(server), within=30)
    note = caller.call("audit", "get_checkpoint", GetCheckpoint(), ANYONE).model_dump()["note"]
    assert note.startswith("sayso.local/log\n")
    caller.call("audit", "get_tile", GetTile(level="0", tile="000.p/64"), ANYONE)
    ended = platform.audit("verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "intake: " in ended.stdout
    request = DigestsAfter(position=0, limit=10)
    with pytest.raises(Refused) as refused:
        platform.caller("consent").call("intake", "digests_after", request)
    assert refused.value.code == "not_allowed"
    checks_of_a_log_cut_off(again, server)
    for service in (running[0], again):
        assert service.end() == 0


def checks_of_a_log_cut_off(audit: Service, server: EmbeddedServer) -> None:
    """The ledger is not ready while a log ends before what is on record."""

    def by_hand(*statements: str) -> None:
        with (
            closing(psycopg2.connect(server.dsn(database_name("intake")))) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("ALTER TABLE events DISABLE TRIGGER USER")
            for statement in statements:
                cursor.execute(statement)
            cursor.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER no_change")

    assert audit.health()["checks"]["ledger"] is True
    last = "position = (SELECT max(position) FROM events)"
    by_hand(
        f"CREATE TABLE cut_off AS SELECT * FROM events WHERE {last}",
        f"DELETE FROM events WHERE {last}",
    )
    eventually(lambda: audit.health()["checks"]["ledger"] is False, within=30)
    assert not audit.ready()
    by_hand("INSERT INTO events SELECT * FROM cut_off", "DROP TABLE cut_off")
    eventually(audit.ready, within=30)
