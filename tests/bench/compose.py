"""The compose platform as it runs: how soon a request is reacted to, and what memory it takes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import httpx
from psycopg2.extensions import make_dsn

from infra.compose import ROOT, CannotStart, command
from infra.demo.credentials import Held
from infra.secrets import GENERATED
from shared.eventstore.provision import database_name, role_name
from tests.bench import memory
from tests.bench.figures import OURS, Bar, Row, interleaved
from tests.bench.reacting import people, reactions
from tests.bench.report import Run
from tests.bench.services import bar
from tests.bench.sizes import Sizes

ADDRESS = "http://127.0.0.1:8000"


class NotUp(Exception):
    """The platform does not run here; says what to do."""


def measure(run: Run, sizes: Sizes, told: Callable[[str], None]) -> None:
    """Adds its row and its bars to the run."""
    containers = _containers()
    held = Held.from_folder(GENERATED / "people")
    with people(ADDRESS, held, _consent_dsn(containers["postgres"])) as (survivors, watcher):
        ours = lambda: reactions(ADDRESS, survivors, watcher, sizes.reaction_seconds)  # noqa: E731
        ours()
        samples = interleaved({OURS: ours}, sizes.repeats, lambda what: told(f"reaction: {what}"))
    row = Row("reaction", "ms", samples)
    run.rows.append(row)
    run.bars.append(bar(row, "compose platform"))
    if memory.root():
        run.bars.append(_memory(containers.values()))
    else:
        run.left_out.append("memory of the containers: only root may look at their processes")


def _memory(ids: object) -> Bar:
    each = memory.containers(ids)  # type: ignore[arg-type]
    return Bar(
        "compose platform, all services, their database and broker: PSS in MiB",
        sum(each.values()),
        memory.PLATFORM_BAR_MIB,
        at_least=False,
        note=", ".join(f"{name} {size:.0f}" for name, size in sorted(each.items())),
    )


def _containers() -> dict[str, str]:
    try:
        compose = command()
    except CannotStart as reason:
        raise NotUp(str(reason)) from reason
    ids = _told([*compose, "ps", "-q"]).split()
    try:
        healthy = ids and httpx.get(f"{ADDRESS}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        healthy = False
    if not healthy:
        raise NotUp("The compose platform does not run here. Start it first: make up")
    inspected = _told(["docker", "inspect", *ids])
    return {
        found["Config"]["Labels"]["com.docker.compose.service"]: found["Id"]
        for found in json.loads(inspected)
        if found["State"]["Running"]
    }


def _consent_dsn(postgres: str) -> str:
    """The container publishes no port; the host reaches it at its own address all the same."""
    told = _told(["docker", "inspect", postgres])
    [network] = json.loads(told)[0]["NetworkSettings"]["Networks"].values()
    password = (GENERATED / "migrate" / "db_consent_relay").read_text("utf-8").strip()
    return str(
        make_dsn(
            host=network["IPAddress"],
            dbname=database_name("consent"),
            user=role_name("consent", "relay"),
            password=password,
        )
    )


def _told(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
