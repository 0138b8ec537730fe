"""The gateway behind its real HTTP server: what only a socket can do to it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from services.gateway.serve import running
from tests.support.eventually import eventually
from tests.support.examples import an_id
from tests.unit.gateway.door import ORDINARY, Bus, Door, problem

KEY = {"Idempotency-Key": str(an_id("over http"))}
LIMITS = replace(ORDINARY, body_bytes=10_000, body_seconds=0.3)
HEAD = b"POST /v1/inquiries HTTP/1.1\r\nHost: x\r\nIdempotency-Key: %s\r\n" % (
    KEY["Idempotency-Key"].encode()
)


@pytest.fixture(scope="module")
def door() -> Door:
    return Door(limits=LIMITS)


@pytest.fixture(scope="module")
def address(door: Door) -> Iterator[str]:
    with running(door.app) as found:
        yield found


@pytest.fixture(autouse=True)
def fresh(door: Door) -> Bus:
    door.bus.asked.clear()
    door.bus.answers.clear()
    return door.bus


def raw(address: str, sent: bytes) -> bytes:
    """Everything that comes back for these bytes."""
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
        line.sendall(sent)
        found = b""
        while piece := line.recv(65_536):
            found += piece
            head, _, body = found.partition(b"\r\n\r\n")
            lengths = [h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")]
            if lengths and len(body) >= int(lengths[0].split(b":")[1]):
                break
        return found


def test_a_request_goes_through_the_server_and_its_answer_names_no_software(
    address: str, door: Door
) -> None:
    answer = httpx.post(f"{address}/v1/inquiries", json={}, headers=KEY)
    assert answer.status_code == 200
    assert "server" not in answer.headers
    assert len(door.bus.asked) == 1


def test_a_body_that_grows_beyond_the_limit_is_cut_off(address: str, door: Door) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1_000):
            yield b" " * 1_000

    headers = {**KEY, "Content-Type": "application/json"}
    try:
        answer = httpx.post(f"{address}/v1/inquiries", content=endless(), headers=headers)
    except httpx.WriteError:
        answer = None  # the server hung up while we were still sending
    assert answer is None or problem(answer)["status"] == 413
    assert door.bus.asked == []


def test_a_body_that_trickles_is_not_waited_for(address: str, door: Door) -> None:
    found = raw(address, HEAD + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
    assert found.startswith(b"HTTP/1.1 408")
    document = json.loads(found.partition(b"\r\n\r\n")[2])
    assert document["code"] == "body_too_slow"
    assert door.bus.asked == []


@pytest.mark.parametrize(
    "sent",
    [
        b"canary\r\n\r\n",
        b"\x16\x03\x01\x02\x00canary\r\n\r\n",
        b"POST /v1/inquiries HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/inquiries HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET /v1/options HTTP/1.1\r\nHost: x\r\nX-Long: " + b"canary" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"canary" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/options\x00canary HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_not_echoed(sent: bytes, address: str, door: Door) -> None:
    try:
        found = raw(address, sent)
    except (ConnectionResetError, BrokenPipeError):
        found = b""  # hung up on before everything was sent
    assert found == b"" or found.startswith(b"HTTP/1.1 4")
    assert b"canary" not in found
    assert door.bus.asked == []


def test_somebody_who_leaves_in_the_middle_is_not_missed(address: str, door: Door) -> None:
    parts = urlsplit(address)
    for _ in range(20):
        with socket.create_connection((parts.hostname, parts.port), timeout=5) as line:
            line.sendall(HEAD + b"Content-Length: 50\r\n\r\n{")
    assert eventually(lambda: httpx.get(f"{address}/health/live").status_code == 200)
    assert door.bus.asked == []


def test_a_path_with_a_nul_or_dots_in_it_leads_nowhere(address: str) -> None:
    for path in (
        b"/v1/%00",
        b"/../etc/passwd",
        b"/v1/participations/%2e%2e/needs",
        b"//v1/options",
    ):
        assert raw(address, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(
            (b"HTTP/1.1 404", b"HTTP/1.1 401")
        )


def test_a_server_whose_application_does_not_start_says_so() -> None:
    async def refuses_to_start(scope: dict[str, str], receive: object, send: object) -> None:
        if scope["type"] == "lifespan":
            await receive()  # type: ignore[operator]
            await send({"type": "lifespan.startup.failed", "message": ""})  # type: ignore[operator]

    with pytest.raises(RuntimeError, match="did not start"), running(refuses_to_start):  # type: ignore[arg-type]
        pass
