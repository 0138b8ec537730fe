"""Calls over RabbitMQ: what survives a broker that goes away, and what the broker gets to see."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import amqp
import pytest

from shared.contracts.base import ServiceContract
from shared.contracts.refusal import Unavailable
from shared.messaging.amqp.aio import AioBus
from shared.messaging.amqp.transport import AmqpTransport
from shared.messaging.sealed_bodies import CONTENT_TYPE, RpcKeys
from shared.messaging.topology import RPC, RPC_VHOST
from tests.support.eventually import eventually
from tests.support.processes import ROOT
from tests.support.rabbitmq import PASSWORD, RabbitMQ

CANARY = "words-of-a-survivor"


CONTRACTS = {
    "slow": ServiceContract(name="slow"),
    "asker": ServiceContract(name="asker", calls=("slow", "silent")),
    "silent": ServiceContract(name="silent"),
}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "rpc_keys.json"
    key = base64.b64encode(b"k" * 32).decode()
    path.write_text(json.dumps({"current": "1", "keys": {"1": key}}))
    return path


@pytest.fixture
def broker(rabbitmq: RabbitMQ) -> RabbitMQ:
    rabbitmq.require(4)
    rabbitmq.also(CONTRACTS)
    return rabbitmq


@pytest.fixture
def slow(broker: RabbitMQ, keys: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The slow service, as a process."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.integration.messaging.slow_service"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        _start(process, broker, keys)
        yield process
    finally:
        process.kill()
        process.wait(10)


def _start(process: subprocess.Popen[bytes], broker: RabbitMQ, keys: Path) -> None:
    assert process.stdin
    assert process.stdout
    settings = {
        "keys": str(keys),
        "host": broker.node.host,
        "port": broker.node.amqp_port,
        "password": PASSWORD,
    }
    process.stdin.write(json.dumps(settings).encode())
    process.stdin.close()
    assert process.stdout.readline() == b"started\n"


@pytest.fixture
def transport(broker: RabbitMQ, keys: Path) -> Iterator[AmqpTransport]:
    made = AmqpTransport(broker.broker("asker"), RpcKeys(keys))
    yield made
    made.close()


def envelope(seconds: float = 0) -> dict[str, Any]:
    return {"request": {"seconds": seconds}}


ANSWER = {"ok": {"state": "took its time"}}


def answers(transport: AmqpTransport) -> bool:
    try:
        return transport.send("slow", "take_time", envelope(), 3) == ANSWER
    except Unavailable:
        return False


def test_many_calls_at_once_each_get_their_own_answer(
    slow: subprocess.Popen[bytes], transport: AmqpTransport
) -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(
            pool.map(lambda n: transport.send("slow", "take_time", envelope(n / 50), 10), range(16))
        )
    assert given == [ANSWER] * 16


def test_whoever_answers_too_late_is_unavailable_and_the_next_call_is_not_confused(
    slow: subprocess.Popen[bytes], transport: AmqpTransport
) -> None:
    with pytest.raises(Unavailable):
        transport.send("slow", "take_time", envelope(2), 0.5)
    assert transport.send("slow", "take_time", envelope(), 5) == ANSWER


def test_a_method_that_is_not_there_is_refused_as_data(
    slow: subprocess.Popen[bytes], transport: AmqpTransport
) -> None:
    answer = transport.send("slow", "tell_all", {"request": {}}, 5)
    assert answer["refused"]["code"] == "no_such_method"


@pytest.mark.parametrize("fault", ["stop_and_start", "kill_and_start", "wipe_and_start"])
def test_an_answer_that_is_due_while_the_broker_is_down_leaves_the_process_alive(
    broker: RabbitMQ, slow: subprocess.Popen[bytes], transport: AmqpTransport, fault: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        # Their answers fall due while there is no broker to take them.
        under_way = [
            pool.submit(transport.send, "slow", "take_time", envelope(seconds), 30)
            for seconds in (1.5, 2.5, 3.5, 4.5)
        ]
        assert slow.stdout
        assert [slow.stdout.readline() for _ in under_way] == [b"began\n"] * 4
        getattr(broker, fault)()
        failed = [call.exception(40) for call in under_way]
    # An orderly stop may let one out before it closes.
    assert any(isinstance(error, Unavailable) for error in failed)
    assert all(error is None or isinstance(error, Unavailable) for error in failed)
    assert slow.poll() is None
    back = time.monotonic()
    eventually(lambda: answers(transport), within=30)
    assert time.monotonic() - back < 20
    assert slow.poll() is None


def test_the_gateways_client_survives_the_broker_and_many_calls_share_its_connection(
    broker: RabbitMQ, slow: subprocess.Popen[bytes], keys: Path
) -> None:
    async def journey() -> None:
        bus = AioBus(broker.broker("asker"), RpcKeys(keys))

        async def call(seconds: float = 0, timeout: float = 5) -> dict[str, Any]:
            return await bus.call("slow", "take_time", envelope(seconds), timeout)

        assert await asyncio.gather(*(call(n / 50) for n in range(16))) == [ANSWER] * 16
        with pytest.raises(Unavailable):
            await call(2, timeout=0.3)
        with pytest.raises(Unavailable):
            await bus.call("unheard_of", "take_time", envelope(), 5)
        waiting = asyncio.create_task(call(60, timeout=60))
        await asyncio.sleep(0)
        await asyncio.to_thread(broker.kill_and_start)
        with pytest.raises(Unavailable):
            await waiting
        until = time.monotonic() + 30
        while True:
            try:
                assert await call() == ANSWER
                break
            except Unavailable:
                assert time.monotonic() < until
                await asyncio.sleep(0.2)
        await bus.close()

    asyncio.run(journey())
    assert slow.poll() is None


def test_what_is_no_request_is_dropped_and_stops_nothing(
    broker: RabbitMQ, slow: subprocess.Popen[bytes], transport: AmqpTransport, keys: Path
) -> None:
    sealed = RpcKeys(keys)
    bodies = [b"", b"garbage", sealed.seal(None), sealed.seal([]), sealed.seal({"args": 1})]
    connection = broker.broker("asker").connect(RPC_VHOST)
    channel = connection.channel()
    for body in bodies:
        for kind in (CONTENT_TYPE, "application/json", "application/x-python-serialize", None):
            properties = {"content_type": kind} if kind else {}
            message = amqp.Message(body, content_encoding="binary", **properties)
            channel.basic_publish_confirm(message, RPC, "slow.take_time")
    connection.close()
    eventually(lambda: answers(transport), within=20)
    eventually(lambda: _waiting(broker, "rpc-slow") == 0, within=30)
    assert slow.poll() is None


def test_the_broker_sees_no_word_of_what_is_asked(
    broker: RabbitMQ, transport: AmqpTransport
) -> None:
    with pytest.raises(Unavailable):
        transport.send("silent", "take_time", {"request": {"words": CANARY}}, 0.5)
    transport.close()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(
            transport.send, "silent", "take_time", {"request": {"words": CANARY}}, 8
        )
        found = eventually(lambda: _peek(broker, "rpc-silent"), within=6)
        with pytest.raises(Unavailable):
            asked.result(20)
    assert CANARY not in json.dumps(found)
    assert CANARY not in base64.b64decode(found[0]["payload"]).decode("latin-1")
    assert found[0]["properties"]["delivery_mode"] == 1


def test_a_service_that_may_not_ask_another_does_not_reach_it(
    broker: RabbitMQ, slow: subprocess.Popen[bytes], keys: Path
) -> None:
    stranger = AmqpTransport(broker.broker("silent"), RpcKeys(keys))
    with pytest.raises(Unavailable):
        stranger.send("slow", "take_time", envelope(), 3)


def _peek(broker: RabbitMQ, queue: str) -> Any:
    body = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "base64"}
    return broker.api("POST", f"/api/queues/{RPC_VHOST}/{queue}/get", body)


def _waiting(broker: RabbitMQ, queue: str) -> int:
    return int(broker.api("GET", f"/api/queues/{RPC_VHOST}/{queue}").get("messages", 0))
