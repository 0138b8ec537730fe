"""Start and stop the compose platform: ``python -m infra.compose up|down|rebuild|audit``.

Works with ``docker compose`` and with docker-compose 1.29. ``up`` generates the
secrets that are missing, builds, starts, waits until every container is healthy
and says where to go.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from infra.secrets import GENERATED, generate
from shared.contracts.registry import services

ROOT = Path(__file__).parent.parent
PROJECT = "sayso"
PATIENCE = 300.0
RESTARTS = 3
"""A container that ended more often than this does not only wait for another one."""


class CannotStart(Exception):
    """What is missing or failed, and what to do about it."""


def main(arguments: list[str] | None = None) -> int:
    """0, or 1 with the reason on stderr; of ``audit`` the exit status of its command."""
    parser = argparse.ArgumentParser(prog="python -m infra.compose")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("up", help="build, start, wait")
    ending = commands.add_parser("down", help="stop")
    ending.add_argument("--data", action="store_true", help="delete volumes and secrets too")
    again = commands.add_parser("rebuild", help="fold a service's log into its read tables again")
    again.add_argument("service", choices=sorted(n for n, s in services().items() if s.database))
    checking = commands.add_parser("audit", help="the auditor's command line: sayso audit ...")
    checking.add_argument("words", nargs=argparse.REMAINDER, help="verify, if nothing is said")
    asked = parser.parse_args(arguments)
    try:
        compose = command()
        if asked.what == "up":
            up(compose)
        elif asked.what == "down":
            down(compose, data=asked.data)
        elif asked.what == "audit":
            return audit(compose, asked.words or ["verify"])
        else:
            rebuild(compose, asked.service)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def command() -> list[str]:
    """The compose command of this machine."""
    if not shutil.which("docker") or _run(["docker", "info"]).returncode:
        raise CannotStart(
            "No Docker answers here. Install and start it, or use `make demo`, which needs none."
        )
    for candidate in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(candidate[0]) and _run([*candidate, "version"]).returncode == 0:
            return [*candidate, "-p", PROJECT]
    raise CannotStart(
        "Docker answers, but neither `docker compose` nor `docker-compose` is installed."
    )


def up(compose: list[str]) -> None:
    """Secrets, images, containers; returns when all are healthy."""
    volume = ["docker", "volume", "inspect", f"{PROJECT}_postgres"]
    if not GENERATED.exists() and _run(volume).returncode == 0:
        raise CannotStart(
            f"There is data of an earlier platform, but its secrets ({GENERATED}) are gone.\n"
            "Put them back, or delete the data too: make down DATA=1"
        )
    generate()
    _compose(compose, "build", "--quiet", "migrate", "mailbox")
    _compose(compose, "up", "-d", "--remove-orphans")
    _wait(compose)
    print("The platform is up: http://127.0.0.1:8000  (API documentation: /docs)")
    print("Play the journey on it: make journey. Stop it: make down.")


def down(compose: list[str], *, data: bool) -> None:
    """Stop; with ``data`` nothing remains."""
    _compose(compose, "down", "--remove-orphans", *(["--volumes"] if data else []))
    if data:
        shutil.rmtree(GENERATED, ignore_errors=True)


def rebuild(compose: list[str], service: str) -> None:
    """In the container that may: it holds the owners' passwords."""
    module = "shared.eventstore.rebuild"
    _compose(compose, "run", "--rm", "migrate", "python", "-m", module, service)


def audit(compose: list[str], words: list[str]) -> int:
    """In the container that reads every database under its audit role; its exit status."""
    running = [*compose, "run", "--rm", "--no-deps", "auditor", "sayso", "audit", *words]
    return subprocess.run(running, cwd=ROOT, check=False).returncode


def _wait(compose: list[str]) -> None:
    print("Waiting until everything is healthy ", end="", flush=True)
    until = time.monotonic() + PATIENCE
    while waiting := _not_ready(compose):
        failing = [name for name, restarts in waiting.items() if restarts > RESTARTS]
        if failing or time.monotonic() > until:
            print()
            _compose(compose, "logs", "--tail", "40", *(failing or waiting))
            raise CannotStart(f"Not healthy: {', '.join(failing or waiting)}; see above.")
        print(".", end="", flush=True)
        time.sleep(1)
    print(" healthy.")


def _not_ready(compose: list[str]) -> dict[str, int]:
    """Services not healthy yet, or jobs that have not ended well: name → how often restarted."""
    ids = _run([*compose, "ps", "-a", "-q"])
    inspected = _run(["docker", "inspect", *ids.stdout.split()])
    if inspected.returncode:
        raise CannotStart(f"The containers cannot be inspected: {inspected.stderr.strip()}")
    return {
        container["Config"]["Labels"]["com.docker.compose.service"]: container["RestartCount"]
        for container in json.loads(inspected.stdout)
        if not _well(container["State"])
    }


def _well(state: dict[str, object]) -> bool:
    health = state.get("Health")
    if isinstance(health, dict) and health.get("Status") != "none":
        return health["Status"] == "healthy"
    return state["Status"] == "exited" and state["ExitCode"] == 0


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)


def _compose(compose: list[str], *arguments: str) -> None:
    ended = subprocess.run([*compose, *arguments], cwd=ROOT, check=False)
    if ended.returncode:
        raise CannotStart(f"`{' '.join([*compose, *arguments])}` failed; what it said is above.")


if __name__ == "__main__":
    sys.exit(main())
