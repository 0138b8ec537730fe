"""PostgreSQL pulled out from under the platform, and what may not happen then."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import psycopg2

from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name
from tests.e2e.conftest import Running
from tests.support.eventually import eventually


@dataclass
class Begins:
    """Somebody who begins inquiries one after the other and notes what they are told."""

    address: str
    acknowledged: dict[UUID, str] = field(default_factory=dict)
    unanswered: list[UUID] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx.Client(base_url=self.address, timeout=30) as http:
            while not self.stopping.is_set() and len(self.statuses) < 10_000:
                key = uuid4()
                if not self.begin(http, key):
                    self.unanswered.append(key)
                self.stopping.wait(0.02)

    def begin(self, http: httpx.Client, key: UUID) -> bool:
        answer = http.post("/v1/inquiries", json={}, headers={"Idempotency-Key": str(key)})
        self.statuses.add(answer.status_code)
        if answer.is_success:
            self.acknowledged[key] = answer.json()["participation_id"]
        return answer.is_success


def test_postgresql_killed_in_the_middle_loses_no_acknowledged_decision(embedded: Running) -> None:
    somebody = Begins(embedded.address)
    thread = threading.Thread(target=somebody.run)
    server = EmbeddedServer(embedded.folder / "pg")
    thread.start()
    try:
        eventually(lambda: len(somebody.acknowledged) >= 5, within=30)
        server.kill()
        eventually(lambda: somebody.unanswered, within=30)
        assert httpx.get(f"{embedded.address}/health/ready", timeout=30).status_code == 503
        assert httpx.get(f"{embedded.address}/health/live", timeout=30).status_code == 200
        server.restart()
        eventually(
            lambda: httpx.get(f"{embedded.address}/health/ready", timeout=30).is_success, within=60
        )
        known = len(somebody.acknowledged)
        eventually(lambda: len(somebody.acknowledged) > known, within=60)
    finally:
        somebody.stopping.set()
        thread.join()

    # Whoever was told nothing repeats with the same key, and is told now.
    with httpx.Client(base_url=embedded.address, timeout=30) as http:
        for key in somebody.unanswered:
            assert somebody.begin(http, key)
    assert somebody.statuses == {200, 503}
    assert stored(embedded) == sorted(somebody.acknowledged.values())


def stored(embedded: Running) -> list[str]:
    """The participations whose beginning is in the log."""
    connection = psycopg2.connect(embedded.dsn(database_name("intake")))
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT originator_id::text FROM events WHERE topic LIKE '%Participation.%' "
            "AND originator_version = 1 ORDER BY 1"
        )
        rows = [row[0] for row in cursor.fetchall()]
    connection.close()
    return rows
