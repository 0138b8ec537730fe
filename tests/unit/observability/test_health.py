"""A service answers whether it lives, whether it is ready, and what it counts."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from shared.contracts.refusal import NotFound
from shared.observability import health
from shared.observability.health import HealthServer
from shared.observability.metrics import Metrics
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[3]


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Needs:
    database = True
    broker = True


@pytest.fixture
def needs() -> Needs:
    return Needs()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("consent")


@pytest.fixture
def port(needs: Needs, metrics: Metrics) -> Iterator[int]:
    checks = {"database": lambda: needs.database, "broker": lambda: needs.broker}
    server = HealthServer(checks, metrics.registry)
    server.start()
    yield server.port
    server.stop()


def test_ready_says_which_need_is_missing(port: int, needs: Needs) -> None:
    assert get(port, "/health/ready")[0] == 200
    needs.broker = False
    status, body = get(port, "/health/ready")
    assert status == 503
    assert json.loads(body) == {"ready": False, "checks": {"database": True, "broker": False}}


def test_a_check_that_fails_is_a_no_and_not_an_error(metrics: Metrics) -> None:
    def away() -> bool:
        raise ConnectionError("password=hunter2")

    server = HealthServer({"database": away}, metrics.registry)
    server.start()
    try:
        status, body = get(server.port, "/health/ready")
    finally:
        server.stop()
    assert status == 503
    assert "hunter2" not in body


def test_it_lives_although_it_is_not_ready(port: int, needs: Needs) -> None:
    needs.database = False
    assert get(port, "/health/live") == (200, '{"alive": true}')


def test_an_unknown_path_is_not_echoed(port: int) -> None:
    status, body = get(port, "/health/<script>")
    assert status == 404
    assert "script" not in body


def test_requests_are_counted_by_method_and_outcome(port: int, metrics: Metrics) -> None:
    with metrics.request("give_grant"):
        pass
    with pytest.raises(NotFound), metrics.request("give_grant"):
        raise NotFound()
    with pytest.raises(ZeroDivisionError), metrics.request("give_grant"):
        raise ZeroDivisionError
    metrics.answered("give_grant", "not_found", 0.1)
    _, text = get(port, "/metrics")
    counted = 'sayso_requests_total{method="give_grant",outcome="%s",service="consent"} %s'
    assert counted % ("ok", "1.0") in text
    assert counted % ("not_found", "2.0") in text
    assert counted % ("failed", "1.0") in text
    assert 'sayso_request_seconds_count{method="give_grant",service="consent"} 4.0' in text


def test_it_stops_and_frees_its_port(metrics: Metrics) -> None:
    first = HealthServer({}, metrics.registry)
    first.start()
    first.stop()
    second = HealthServer({}, metrics.registry, port=first.port)
    second.start()
    assert get(second.port, "/health/live")[0] == 200
    second.stop()


def test_a_server_that_never_started_can_be_stopped(metrics: Metrics) -> None:
    HealthServer({}, metrics.registry).stop()


UNDER_EVENTLET = """
import sys
if sys.argv[1] == "late":
    import shared.observability.health
import eventlet
eventlet.monkey_patch()
from eventlet.green.urllib import request
from prometheus_client import CollectorRegistry
from shared.observability.health import HealthServer

ticks = []
def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.01)
eventlet.spawn(tick)
server = HealthServer({"database": lambda: True}, CollectorRegistry())
server.start()
for _ in range(3):
    with eventlet.Timeout(5):
        assert request.urlopen(f"http://127.0.0.1:{server.port}/health/ready").status == 200
eventlet.sleep(0.5)
server.stop()
print("ticks", len(ticks))
"""


@pytest.mark.parametrize("imported", ["early", "late"])
def test_under_eventlet_it_answers_and_holds_nobody_up(imported: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", UNDER_EVENTLET, imported],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 20


def test_no_label_can_be_an_id(metrics: Metrics) -> None:
    with metrics.request("give_grant"):
        pass
    labels = {
        name
        for family in metrics.registry.collect()
        for sample in family.samples
        for name in sample.labels
    }
    assert labels <= {"service", "method", "outcome", "le"}
    assert str(uuid4()) not in labels


def test_a_check_that_is_late_is_a_no_by_name_and_makes_nobody_else_late(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.3)
    going_on, asked = threading.Event(), []

    def late() -> bool:
        asked.append(1)
        return going_on.wait(30)

    server = HealthServer({"database": late, "broker": lambda: True}, metrics.registry)
    server.start()
    try:
        for _ in range(2):
            began = time.monotonic()
            status, body = get(server.port, "/health/ready")
            assert time.monotonic() - began < 2
            assert status == 503
            assert json.loads(body)["checks"] == {"database": False, "broker": True}
        assert asked == [1], "what is under way is not asked again"
        going_on.set()
        eventually(lambda: get(server.port, "/health/ready")[0] == 200)
    finally:
        going_on.set()
        server.stop()


def test_who_leaves_before_the_answer_leaves_no_trace(
    metrics: Metrics, capfd: pytest.CaptureFixture[str]
) -> None:
    going_on, asked = threading.Event(), threading.Event()

    def late() -> bool:
        asked.set()
        return going_on.wait(30)

    server = HealthServer({"database": late}, metrics.registry)
    server.start()
    before = threading.active_count()
    try:
        caller = socket.create_connection(("127.0.0.1", server.port))
        caller.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
        assert asked.wait(5)
        # Closed at once with a reset, so that the answer finds nobody.
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()
        going_on.set()
        eventually(lambda: threading.active_count() <= before)
    finally:
        server.stop()
    assert capfd.readouterr().err == ""
