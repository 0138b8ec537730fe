"""The compose platform is as closed as it says, and its secrets are random and apart."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.secrets import generate
from services.audit.formats.note import Signer, Verifier
from shared.contracts.registry import logged, services
from shared.eventstore.location import HALF_OPEN
from shared.identity.tokens import GATEWAY

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
CONTAINERS: dict[str, Any] = COMPOSE["services"]
OURS = (*services(), GATEWAY)
EVERY = sorted(CONTAINERS)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Freshly generated secrets."""
    generate(tmp_path / "generated")
    return tmp_path / "generated"


def contents(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_every_service_of_the_registry_has_a_container() -> None:
    assert set(OURS) <= set(CONTAINERS)


@pytest.mark.parametrize("name", EVERY)
def test_a_container_is_read_only_unprivileged_and_not_root(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["user"])
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(container)


def test_the_server_gives_up_a_vanished_client_when_clients_give_up_a_vanished_server() -> None:
    """Else the place of a process that vanished would stay taken for hours."""
    for name, value in HALF_OPEN.items():
        server = name if name.startswith("tcp_") else f"tcp_{name}"
        assert f"-c{server}={value}" in CONTAINERS["postgres"]["command"]


def test_only_the_gateway_publishes_a_port_and_only_on_this_machine() -> None:
    published = {name: c["ports"] for name, c in CONTAINERS.items() if "ports" in c}
    assert list(published) == [GATEWAY]
    assert all(port.startswith("127.0.0.1:") for port in published[GATEWAY])


def test_only_the_gateway_is_on_a_network_that_reaches_outside() -> None:
    internal = {name for name, n in COMPOSE["networks"].items() if n.get("internal")}
    outside = [name for name, c in CONTAINERS.items() if set(c["networks"]) - internal]
    assert outside == [GATEWAY]


def listens_outside(container: dict[str, Any], internal: set[str]) -> bool:
    """Whether its health and metrics can be reached on a network that is not internal."""
    networks = container["networks"]
    outside = set(networks) - internal
    if not outside:
        return False
    host = container["environment"]["SAYSO_HEALTH_HOST"]
    known_as = {name: (of or {}).get("aliases", []) for name, of in networks.items()}
    inside = any(host in known_as[name] for name in set(networks) & internal)
    return not inside or any(host in known_as[name] for name in outside)


def test_health_and_metrics_listen_on_internal_networks_only() -> None:
    internal = {name for name, n in COMPOSE["networks"].items() if n.get("internal")}
    assert [name for name in OURS if listens_outside(CONTAINERS[name], internal)] == []


@pytest.mark.parametrize(
    ("host", "networks"),
    [
        ("0.0.0.0", {"bus": {"aliases": ["inside"]}, "front": {}}),
        ("inside", {"bus": {}, "front": {"aliases": ["inside"]}}),
        ("inside", {"bus": {"aliases": ["inside"]}, "front": {"aliases": ["inside"]}}),
    ],
)
def test_the_check_of_where_health_listens_bites(host: str, networks: dict[str, Any]) -> None:
    container = {"networks": networks, "environment": {"SAYSO_HEALTH_HOST": host}}
    assert listens_outside(container, {"bus", "data"})


def test_the_gateway_cannot_reach_a_database() -> None:
    assert not set(CONTAINERS[GATEWAY]["networks"]) & set(CONTAINERS["postgres"]["networks"])


@pytest.mark.parametrize("name", EVERY)
def test_a_container_mounts_its_own_secrets_alone_and_cannot_write_them(name: str) -> None:
    mounted = [v for v in CONTAINERS[name]["volumes"] if "secrets" in v]
    assert mounted == [f"./infra/secrets/generated/{name}:/run/secrets:ro"]


def test_what_the_ledger_keeps_is_written_by_it_alone_and_lies_where_no_database_reaches() -> None:
    mounted = {
        name: volume
        for name, container in CONTAINERS.items()
        for volume in container["volumes"]
        if volume.startswith("kept:")
    }
    assert mounted == {"audit": "kept:/var/lib/sayso", "auditor": "kept:/var/lib/sayso:ro"}
    for name in mounted:
        assert CONTAINERS[name]["environment"]["SAYSO_KEPT"] == "/var/lib/sayso"
    image = (ROOT / "infra/docker/Dockerfile").read_text("utf-8")
    assert "--owner=sayso --group=sayso --mode=0700 /var/lib/sayso" in image


@pytest.mark.parametrize("name", EVERY)
def test_no_password_stands_in_the_compose_file(name: str) -> None:
    for variable, value in CONTAINERS[name].get("environment", {}).items():
        secret = re.search("PASS|SECRET|KEY|TOKEN", variable)
        assert not secret or str(value).startswith("/run/secrets"), variable


@pytest.mark.parametrize("name", [n for n in EVERY if n not in ("migrate", "auditor")])
def test_a_container_that_stays_says_whether_it_is_healthy(name: str) -> None:
    assert CONTAINERS[name]["healthcheck"]["test"][0] == "CMD"


def test_secrets_lie_in_a_folder_for_their_owner_in_files_that_a_container_can_read(
    secrets: Path,
) -> None:
    assert secrets.stat().st_mode & 0o777 == 0o700
    for path in secrets.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644)


def test_every_mounted_folder_is_generated(secrets: Path) -> None:
    assert set(CONTAINERS) <= {p.name for p in secrets.iterdir()}


def test_generating_again_changes_no_secret_and_makes_what_is_missing(secrets: Path) -> None:
    before = contents(secrets)
    (secrets / "consent/broker").unlink()
    generate(secrets)
    after = contents(secrets)
    changed = {name for name in before if before[name] != after[name]}
    # The broker's hashes are salted anew each time they are written.
    assert changed == {"consent/broker", "rabbitmq/definitions.json"}


def test_the_mailbox_of_development_is_reached_by_nobody_but_who_sends(secrets: Path) -> None:
    assert {name for name, c in CONTAINERS.items() if "mail" in c["networks"]} == {
        "mailbox",
        "notifications",
    }
    held = contents(secrets / "notifications")
    assert held["smtp_ca.pem"] == (secrets / "mailbox/certificate.pem").read_text()
    assert held["smtp_password"] == (secrets / "mailbox/smtp_password").read_text()
    assert "key.pem" not in held


def test_a_relay_of_the_deployments_own_is_kept(secrets: Path) -> None:
    (secrets / "notifications/smtp_password").write_text("the relay's")
    generate(secrets)
    assert (secrets / "notifications/smtp_password").read_text() == "the relay's"


def test_two_platforms_share_no_secret(tmp_path: Path) -> None:
    generate(tmp_path / "one")
    generate(tmp_path / "two")
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one.keys() == two.keys()
    assert not {name for name in one if one[name] == two[name]}


def test_no_service_holds_a_secret_of_another(secrets: Path) -> None:
    shared_by_design = {"issuers.json", "rpc_keys.json"}
    seen: dict[str, str] = {}
    for name in OURS:
        for file in (secrets / name).iterdir():
            if file.name not in shared_by_design:
                assert seen.setdefault(file.read_text(), name) == name, file


def test_a_service_holds_neither_the_owner_s_nor_the_superuser_s_password(secrets: Path) -> None:
    held = {text for name in OURS for text in contents(secrets / name).values()}
    for file in (secrets / "migrate").iterdir():
        if file.name == "superuser" or file.name.endswith(("_owner", "_audit")):
            assert file.read_text() not in held


def test_whoever_checks_reads_every_log_under_its_audit_role_and_holds_nothing_else(
    secrets: Path,
) -> None:
    given = {p.name for p in (secrets / "auditor").iterdir()}
    assert given == {"ledger.vkey", *(f"db_{name}_audit" for name in logged())}


def test_the_key_that_signs_checkpoints_is_the_ledger_s_alone(secrets: Path) -> None:
    assert [p.parent.name for p in secrets.rglob("ledger")] == ["audit"]
    seed = base64.b64decode((secrets / "audit/ledger").read_text())
    verifier = Verifier.from_vkey((secrets / "auditor/ledger.vkey").read_text())
    assert verifier == Signer.from_seed(verifier.name, seed).verifier


def test_the_key_that_wraps_keys_is_the_keyring_s_alone(secrets: Path) -> None:
    assert [p.parent.name for p in secrets.rglob("kek")] == ["keyring"]


def test_the_broker_knows_every_service_by_its_own_password_and_by_its_hash_alone(
    secrets: Path,
) -> None:
    text = (secrets / "rabbitmq/definitions.json").read_text()
    users = {user["name"]: user for user in json.loads(text)["users"]}
    assert set(users) == set(OURS)
    for name, user in users.items():
        password = (secrets / name / "broker").read_text()
        kept = base64.b64decode(user["password_hash"])
        assert kept[4:] == hashlib.sha256(kept[:4] + password.encode()).digest()
        assert password not in text
