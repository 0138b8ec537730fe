"""The ledger beside every service in one process: over HTTP, and from the command line."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg2
import pytest

from services.audit.domain.merkle import root_of
from services.audit.formats.checkpoint import Checkpoint, opened
from services.audit.formats.note import Verifier
from services.audit.formats.tiles import tiles_of
from services.gateway.app import create_app
from services.gateway.serve import running
from services.gateway.settings import GatewaySettings
from shared.contracts.refusal import NotAllowed, Refused
from shared.contracts.registry import logged, services
from shared.eventstore.provision import database_name
from shared.identity.principal import Principal
from shared.identity.tokens import GATEWAY
from shared.messaging.embedded import Installation
from shared.messaging.pages import Digests, DigestsAfter
from shared.run import embedded
from tests.support.eventually import eventually
from tests.unit.gateway.door import ORDINARY

QUIET = ("XDG_RUNTIME_DIR", "PYTHONWARNINGS")
"""What would hide a warning; an auditor's shell may have neither."""

SAYSO = Path(__file__).parents[3] / "infra/sayso"


@dataclass(frozen=True)
class Running:
    """A platform with its gateway, and the folder that it lives in."""

    platform: Installation
    client: httpx.Client
    folder: Path

    @property
    def verifier(self) -> Verifier:
        return Verifier.from_vkey((self.folder / "ledger.vkey").read_text())

    def checkpoint(self) -> Checkpoint:
        answer = self.client.get("/log/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        return opened(answer.text, self.verifier)

    def recorded(self) -> dict[str, int]:
        """Positions under the newest checkpoint, by service."""
        app = self.platform.services["audit"].app
        return dict(
            app.committer.query(
                "SELECT service, max(position) FROM leaves WHERE service IS NOT NULL"
                " AND index < (SELECT max(size) FROM checkpoints) GROUP BY service"
            )
        )

    def stored(self) -> dict[str, int]:
        """Positions in each service's log."""
        found = {
            name: s.app.committer.query("SELECT coalesce(max(position), 0) FROM events")[0][0]
            for name, s in self.platform.services.items()
        }
        return {name: position for name, position in found.items() if position}

    def sayso(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(SAYSO), "--folder", str(self.folder), "audit", *words],
            capture_output=True,
            text=True,
            check=False,
            env={key: value for key, value in os.environ.items() if key not in QUIET},
        )

    def as_superuser(self, service: str, sql: str) -> None:
        dsn = self.platform.server.dsn(database_name(service))
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events DISABLE TRIGGER USER")
            cursor.execute(sql)
            cursor.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER no_change")


@pytest.fixture(scope="module")
def there() -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(prefix="sy-", dir="/tmp"))
    platform = embedded(folder, settings={"SAYSO_LEDGER_TICK": "0.5"})
    try:
        app = create_app(
            platform.transport, GatewaySettings(key=platform.key(GATEWAY), limits=ORDINARY)
        )
        with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
            for _ in range(3):
                key = {"Idempotency-Key": str(uuid4())}
                client.post("/v1/inquiries", headers=key, json={}).raise_for_status()
            yield Running(platform, client, folder)
    finally:
        platform.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_what_services_decide_is_under_a_signed_checkpoint_soon_after(there: Running) -> None:
    assert there.stored()["intake"] > 0
    eventually(lambda: there.recorded() == there.stored(), within=10)
    size = there.checkpoint().size
    eventually(lambda: there.checkpoint().size > size, within=10)


def test_anyone_derives_the_root_from_tiles_and_needs_nobody_s_leave(there: Running) -> None:
    eventually(lambda: there.client.get("/log/checkpoint").status_code == 200, within=10)
    said = there.checkpoint()
    leaves = b""
    for tile in (t for t in tiles_of(said.size) if t.level == 0):
        answer = there.client.get(f"/log/tile/0/{tile.path}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/octet-stream"
        assert "immutable" in answer.headers["cache-control"]
        leaves += answer.content
    assert root_of(leaves[i : i + 32] for i in range(0, len(leaves), 32)) == said.root
    assert there.client.get("/log/tile/entries/000.p/1").content[:2] == b"\x00\x20"


def test_the_newest_checkpoint_is_kept_beside_the_database_and_held_against_it(
    there: Running,
) -> None:
    kept = there.folder / "ledger.signed"
    eventually(kept.exists, within=10)
    size = opened(kept.read_text(), there.verifier).size
    eventually(lambda: opened(kept.read_text(), there.verifier).size > size, within=10)
    assert there.sayso("verify", "--only", "tree", "--patience", "0").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--known", "/etc/hostname"), "/etc/hostname is no checkpoint of sayso.local/log: give"),
        (("--remember", "/nonexistent/x"), "--remember /nonexistent/x: give a file, in a folder"),
    ],
)
def test_what_is_given_wrongly_is_said_and_is_no_finding(
    there: Running, words: tuple[str, ...], said: str
) -> None:
    ended = there.sayso("verify", *words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(said)


@pytest.mark.parametrize(
    "path", ["/log/tile/0/999", "/log/tile/0/x/y", "/log/tile/99/000", "/log/tile/0/000.p/256"]
)
def test_an_address_of_no_tile_is_not_found(there: Running, path: str) -> None:
    assert there.client.get(path).status_code == 404


def test_digest_records_are_for_the_ledger_and_for_nobody_else(there: Running) -> None:
    request = DigestsAfter(position=0, limit=1)
    answer = there.platform.caller("audit").call("intake", "digests_after", request)
    assert isinstance(answer, Digests)
    for name in (*services(), GATEWAY):
        for asker in (None, Principal.anyone()):
            if name != "audit":
                with pytest.raises(Refused) as refused:
                    there.platform.caller(name).call("intake", "digests_after", request, asker)
                assert refused.value.code == NotAllowed.code


def test_the_auditor_s_command_finds_all_of_it_intact(there: Running) -> None:
    eventually(lambda: there.recorded() == there.stored(), within=10)
    ended = there.sayso("verify")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "All of it holds." in ended.stdout
    assert ended.stderr == ""
    assert all(f"{name}: " in ended.stdout for name in logged())


def test_the_auditor_s_command_finds_a_changed_byte_and_not_once_it_is_changed_back(
    there: Running,
) -> None:
    eventually(lambda: there.recorded() == there.stored(), within=10)
    flip = (
        "UPDATE events SET state = set_byte(state, 30, get_byte(state, 30) # 1) WHERE position = 2"
    )
    there.as_superuser("intake", flip)
    try:
        ended = there.sayso("verify", "--only", "rows")
        assert ended.returncode == 21, ended.stdout + ended.stderr
        assert "changed: intake position 2, leaf " in ended.stdout
    finally:
        there.as_superuser("intake", flip)
    assert there.sayso("verify", "--only", "rows").returncode == 0


def test_the_verifier_key_of_an_installation_lies_beside_it(there: Running) -> None:
    name, _, encoded = there.verifier.vkey.split("+", 2)
    assert name == "sayso.local/log"
    assert base64.b64decode(encoded)[:1] == b"\x01"
