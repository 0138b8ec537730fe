"""Alive, ready, counted; and the small tools of an operator."""

from __future__ import annotations

import base64
import json
import os
import socket
import stat
from pathlib import Path
from statistics import median
from uuid import UUID

import httpx
import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.gateway import dev_issuer, provision
from services.gateway.__main__ import build
from services.gateway.agencies import AgencyKeys, BadAgencies, KeyRefused, read_keys
from services.gateway.serve import running
from services.gateway.settings import GatewaySettings
from services.gateway.staff import StaffTokens, read_issuers
from shared.identity.keys import SigningKey
from shared.observability.metrics import Metrics
from tests.support.examples import HOUSING_AGENCY, NOOR, PROSECUTOR_OFFICE
from tests.unit.gateway.door import Door, row_of

RPC_KEYS = json.dumps({"current": "1", "keys": {"1": base64.b64encode(bytes(32)).decode()}})


async def _there() -> bool:
    return True


def _broken() -> bool:
    raise ConnectionError("amqp://user:canary@host")


def test_it_is_alive_whatever_else_is_away() -> None:
    door = Door(options={"checks": {"bus": _broken}})
    assert door.ask("GET", "/health/live").status_code == 200


def test_readiness_tells_the_public_neither_what_is_away_nor_why() -> None:
    door = Door(options={"checks": {"bus": _there, "intake": lambda: True, "consent": _broken}})
    answer = door.ask("GET", "/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False}


def test_it_is_ready_when_everything_is_there() -> None:
    door = Door(options={"checks": {"bus": _there}})
    assert door.ask("GET", "/health/ready").json() == {"ready": True}


def test_requests_are_counted_by_action_and_outcome_and_never_by_id() -> None:
    metrics = Metrics("gateway")
    door = Door(options={"metrics": metrics})
    door.use(row_of("get_case"), "Maria")
    door.use(row_of("get_case"), "another survivor")
    door.ask("GET", "/v1/nowhere/at-all")
    counted = {
        (sample.labels["method"], sample.labels["outcome"]): sample.value
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        for sample in family.samples
        if sample.name == "sayso_requests_total"
    }
    assert counted[("get_case", "ok")] == 1
    assert counted[("get_case", "not_allowed")] == 1
    assert counted[("unrouted", "not_found")] == 1


def test_nothing_public_shows_the_counts(door: Door) -> None:
    assert door.ask("GET", "/metrics").status_code == 404
    assert "/metrics" not in door.ask("GET", "/openapi.json").text


def test_the_operator_finds_counts_and_checks_on_the_internal_port(tmp_path: Path) -> None:
    (tmp_path / "gateway_key.pem").write_bytes(SigningKey.from_seed("gateway", bytes(32)).pem())
    (tmp_path / "broker").write_text("password")
    (tmp_path / "rpc_keys.json").write_text(RPC_KEYS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app, _ = build(
        {
            "SAYSO_SECRETS": str(tmp_path),
            "SAYSO_BROKER_HOST": "127.0.0.1",
            "SAYSO_BROKER_PORT": "1",
            "SAYSO_HEALTH_PORT": str(port),
        }
    )
    with running(app) as public:
        inside = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{public}/health/ready", timeout=10).json() == {"ready": False}
        ready = httpx.get(f"{inside}/health/ready", timeout=10)
        assert ready.json() == {"ready": False, "checks": {"rabbitmq": False}}
        assert "sayso_requests_total" in httpx.get(f"{inside}/metrics", timeout=10).text
        assert httpx.get(f"{public}/metrics", timeout=10).status_code == 404


def test_an_answer_does_not_wait_until_its_headers_are_acknowledged(door: Door) -> None:
    # 40 ms is how long the other end's kernel puts an acknowledgement off.
    with running(door.app) as address, httpx.Client(base_url=address) as client:
        seconds = [client.get("/health/live").elapsed.total_seconds() for _ in range(25)]
    assert median(seconds) < 0.03


def test_the_development_issuers_tokens_open_the_door_where_it_is_pinned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "secrets"
    assert dev_issuer.main(["keys", str(folder)]) == 0
    capsys.readouterr()
    asked = ["--role", "advocate", "--id", str(NOOR.id), "--agency", str(NOOR.agency_id)]
    dev_issuer.main(
        [
            "token",
            str(folder),
            *asked,
            "--base",
            "community",
            "--unit-kind",
            "community",
            "--trained",
        ]
    )
    token = capsys.readouterr().out.strip()
    tokens = StaffTokens(read_issuers((folder / "staff_issuers.json").read_text()))
    assert tokens.whose(token, dev_issuer.datetime.now(dev_issuer.UTC)) == NOOR
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_making_keys_again_changes_nothing(tmp_path: Path) -> None:
    first = dev_issuer.make_keys(tmp_path)
    assert dev_issuer.make_keys(tmp_path).key.key_id == first.key.key_id


def test_the_development_issuer_vouches_for_staff_alone(door: Door) -> None:
    with pytest.raises(ValueError, match="staff alone"):
        door.issuer.token(dev_issuer.Principal.survivor(HOUSING_AGENCY))


def test_an_agencys_key_is_shown_once_kept_as_a_hash_and_taken_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def keys() -> AgencyKeys:
        kept = read_keys((tmp_path / "agencies.json").read_text())
        return AgencyKeys(kept, (tmp_path / "agency_pepper").read_bytes().strip())

    folder = str(tmp_path)
    provision.main([folder, "add", "--agency", str(HOUSING_AGENCY), "--unit-kind", "housing"])
    key = capsys.readouterr().out.strip()
    other = provision.add_agency(tmp_path, PROSECUTOR_OFFICE, "prosecution")
    assert keys().whose(key).agency_id == HOUSING_AGENCY
    assert keys().whose(other).unit_kind == "prosecution"
    assert key.removeprefix("sayso_") not in (tmp_path / "agencies.json").read_text()
    provision.main([folder, "remove", "--agency", str(HOUSING_AGENCY)])
    with pytest.raises(KeyRefused):
        keys().whose(key)
    assert keys().whose(other).agency_id == PROSECUTOR_OFFICE


@pytest.mark.parametrize("unit", ["", "Parole", "parole_unit", None])
def test_an_agency_of_no_known_kind_of_unit_is_refused(unit: str | None, tmp_path: Path) -> None:
    row = {"agency_id": str(HOUSING_AGENCY), "unit_kind": unit, "key_hash": "0" * 64}
    with pytest.raises(BadAgencies):
        read_keys(json.dumps([row]))
    with pytest.raises(ValueError, match="unit_kind"):
        provision.add_agency(tmp_path, HOUSING_AGENCY, str(unit))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", "[{}]", '[{"agency_id": "x"}]'])
def test_a_file_of_agencies_that_cannot_be_right_does_not_start(text: str) -> None:
    with pytest.raises(BadAgencies):
        read_keys(text)


def test_the_settings_come_from_a_folder_of_secrets_and_do_not_show_them(tmp_path: Path) -> None:
    key = SigningKey.from_seed("gateway", os.urandom(32))
    (tmp_path / "gateway_key.pem").write_bytes(key.pem())
    provision.add_agency(tmp_path, UUID(int=1), "housing")
    dev_issuer.make_keys(tmp_path)
    settings = GatewaySettings.from_files(tmp_path, {"SAYSO_CODES_PER_MINUTE": "7"})
    assert settings.key.key_id == key.key_id
    assert settings.limits.codes_each.burst == 7
    assert len(settings.agency_keys) == len(settings.staff_issuers) == 1
    assert settings.agency_pepper.decode() not in repr(settings)


def test_agencies_without_the_pepper_do_not_start(tmp_path: Path) -> None:
    key = SigningKey.from_seed("gateway", os.urandom(32))
    (tmp_path / "gateway_key.pem").write_bytes(key.pem())
    provision.add_agency(tmp_path, UUID(int=1), "housing")
    (tmp_path / "agency_pepper").unlink()
    with pytest.raises(ValueError, match="agency_pepper"):
        GatewaySettings.from_files(tmp_path)
