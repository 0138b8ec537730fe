"""The compose platform: how soon a request is reacted to, and what memory it takes.

One that runs here already is measured as it is; else it is started, and stopped again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout

import httpx
from psycopg2.extensions import make_dsn

from infra.compose import ROOT, command, down, up
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


def measure(run: Run, sizes: Sizes, told: Callable[[str], None]) -> None:
    """Adds its bars to the run; ``CannotStart`` where it neither runs here nor can be started."""
    with _running(told) as containers:
        _measured(containers, run, sizes, told)


def _measured(
    containers: dict[str, str], run: Run, sizes: Sizes, told: Callable[[str], None]
) -> None:
    held = Held.from_folder(GENERATED / "people")
    with people(ADDRESS, held, _consent_dsn(containers["postgres"])) as (survivors, watcher):
        ours = lambda: reactions(ADDRESS, survivors, watcher, sizes.reaction_seconds)  # noqa: E731
        ours()
        samples = interleaved(
            {OURS: ours}, sizes.repeats, lambda what: told(f"compose platform: reaction: {what}")
        )
    row = Row("reaction", "ms", samples)
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


@contextmanager
def _running(told: Callable[[str], None]) -> Iterator[dict[str, str]]:
    compose = command()
    if _answers():
        yield _containers(compose)
        return
    told("compose platform: starting")
    with redirect_stdout(sys.stderr):
        up(compose)
    try:
        yield _containers(compose)
    finally:
        down(compose, data=False)


def _answers() -> bool:
    try:
        return httpx.get(f"{ADDRESS}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


def _containers(compose: list[str]) -> dict[str, str]:
    ids = _told([*compose, "ps", "-q"]).split()
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
