"""Names that nobody knows now stop nobody, and are asked again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from shared.observability.health import PATIENCE
from tests.support.eventually import eventually
from tests.support.names import NameServer
from tests.support.processes import ROOT, Processes, Service

AWAY = {"SAYSO_POSTGRES_HOST": "postgres.test"}


def asked(service: Service, path: str) -> tuple[int, dict[str, Any], float]:
    """Status, body, seconds."""
    began = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{service.port}{path}", timeout=15) as answer:
            status, body = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        status, body = error.code, json.load(error)
    return status, body, time.monotonic() - began


def test_a_service_whose_postgresql_has_no_address_lives_and_says_what_is_away(
    platform: Processes,
) -> None:
    """As when the container of PostgreSQL is stopped: its name is asked for, and nobody answers."""
    with NameServer() as names:
        service = platform.start(
            "intake", "tests.support.names", str(names.port), "intake", environment=AWAY
        )
        eventually(service.health, within=40)
        for _ in range(5):
            status, body, took = asked(service, "/health/live")
            assert (status, body) == (200, {"alive": True})
            assert took < 1
            status, body, took = asked(service, "/health/ready")
            assert status == 503
            assert body["checks"] == {"postgresql": False, "rabbitmq": True, "service": False}
            assert took < PATIENCE + 0.8
        began = time.monotonic()
        assert service.end() == 0
        assert time.monotonic() - began < 10


def test_a_service_lives_with_both_names_unknown(platform: Processes) -> None:
    with NameServer() as names:
        both = {**AWAY, "SAYSO_BROKER_HOST": "rabbitmq.test"}
        service = platform.start(
            "consent", "tests.support.names", str(names.port), "consent", environment=both
        )
        eventually(service.health, within=40)
        for _ in range(3):
            assert asked(service, "/health/live")[2] < 1
            status, body, took = asked(service, "/health/ready")
            assert status == 503
            assert body["checks"] == {"postgresql": False, "rabbitmq": False, "service": False}
            assert took < PATIENCE + 0.8
        names.known["rabbitmq.test"] = "127.0.0.1"
        eventually(lambda: service.health()["checks"]["rabbitmq"], within=20)
        assert service.end() == 0
        assert "Traceback" not in service.log.read_text()


MOVED = """
import sys, eventlet
eventlet.monkey_patch()
import socket
from shared.messaging.amqp.names import ask_anew
from tests.support.names import ask
ask(int(sys.argv[1]))
ask_anew()
for line in sys.stdin:
    print(socket.getaddrinfo("postgres.test", 5432)[0][4][0], flush=True)
"""


def test_what_comes_back_with_another_address_is_found_there() -> None:
    """Docker says of each answer that it holds for ten minutes, and gives new addresses."""
    with NameServer() as names:
        asking = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", MOVED, str(names.port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert asking.stdin is not None
        assert asking.stdout is not None
        for address in ("127.0.0.1", "127.0.0.2"):
            names.known["postgres.test"] = address
            print(file=asking.stdin, flush=True)
            assert asking.stdout.readline().strip() == address
        asking.stdin.close()
        assert asking.wait(10) == 0
