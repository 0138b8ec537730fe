"""Real services as processes: started before their stores, through broker and database outages."""

from __future__ import annotations

import signal
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest

from shared.contracts.intake import BeginInquiry, GetOptions
from shared.contracts.refusal import Refused
from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name
from shared.identity.principal import Principal
from shared.messaging.pages import MessagesAfter
from tests.support.eventually import eventually
from tests.support.processes import Processes
from tests.support.rabbitmq import RabbitMQ


def answers(platform: Processes) -> bool:
    try:
        platform.caller().call("intake", "get_options", GetOptions(), Principal.anyone())
    except Refused:
        return False
    return True


def test_a_service_waits_for_its_stores_says_so_and_goes_on_when_they_come_and_go(
    platform: Processes, server: EmbeddedServer, rabbitmq: RabbitMQ
) -> None:
    rabbitmq.node.kill()
    service = platform.start("intake")
    eventually(lambda: service.health().get("checks", {}).get("postgresql"), within=30)
    assert service.health() == {
        "ready": False,
        "checks": {"postgresql": True, "rabbitmq": False, "service": False},
    }
    rabbitmq.node.start()
    rabbitmq.loaded()
    eventually(service.ready, within=30)
    eventually(lambda: answers(platform), within=10)

    server.kill()
    eventually(lambda: service.health()["checks"]["postgresql"] is False, within=20)
    assert service.alive()
    server.restart()
    eventually(service.ready, within=30)

    rabbitmq.wipe_and_start()
    eventually(service.ready, within=30)
    eventually(lambda: answers(platform), within=30)
    assert service.end(signal.SIGTERM) == 0


def test_only_a_follower_may_read_what_a_service_published(platform: Processes) -> None:
    service = platform.start("intake")
    eventually(service.ready, within=40)
    request = MessagesAfter(position=0, limit=10)
    answer = platform.caller("consent").call("intake", "messages_after", request)
    assert answer.model_dump() == {"events": ()}
    with pytest.raises(Refused) as refused:
        platform.caller("gateway").call("intake", "messages_after", request, Principal.anyone())
    assert refused.value.code == "not_allowed"
    service.end()


def test_a_service_that_lacks_a_secret_names_the_file_and_does_not_start(
    platform: Processes, tmp_path: Path
) -> None:
    broken = platform.secrets / "notifications" / "issuers.json"
    kept = broken.read_text()
    broken.unlink()
    try:
        service = platform.start("notifications")
        assert service.process.wait(30) == 1
    finally:
        broken.write_text(kept)
    said = service.log.read_text()
    assert "issuers.json" in said
    assert "Traceback" not in said


def test_what_intake_announces_reaches_consent_and_is_kept_once(
    platform: Processes, server: EmbeddedServer
) -> None:
    running = [platform.start(name) for name in ("keyring", "intake", "consent", "consent")]
    for service in running:
        eventually(service.ready, within=60)
    caller, command_id = platform.caller(), uuid4()
    anyone = Principal.anyone()
    begun = caller.call("intake", "begin_inquiry", BeginInquiry(), anyone, command_id)
    again = caller.call("intake", "begin_inquiry", BeginInquiry(), anyone, command_id)
    assert again.model_dump()["case_id"] == begun.model_dump()["case_id"], "a repeat is harmless"

    def cursors() -> bool:
        intake = _number(
            server,
            "intake",
            "SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL",
        )
        consent = _number(
            server,
            "consent",
            "SELECT coalesce(max(position), 0) FROM inbox WHERE producer = 'intake'",
        )
        return 0 < intake == consent

    eventually(cursors, within=20)
    for service in running:
        assert service.end() == 0


def _number(server: EmbeddedServer, service: str, question: str) -> int:
    with closing(psycopg2.connect(server.dsn(database_name(service)))) as connection:
        cursor = connection.cursor()
        cursor.execute(question)
        return int(cursor.fetchone()[0])
