"""The services as processes on RabbitMQ: an RPC, a decision over HTTP, and what it leads to."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import amqp
import httpx

from infra.demo.credentials import Held
from shared.contracts.intake import GetOptions
from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name
from shared.identity.principal import Principal
from shared.messaging.amqp.link import close
from shared.messaging.assembly import written as services
from tests.bench import peer
from tests.bench.appending import empty_database
from tests.bench.figures import FLOOR, OURS, PEER, Bar, Row, Sample, interleaved
from tests.bench.reacting import PACE, over_http, people, reactions
from tests.bench.sizes import Sizes
from tests.bench.writers import written
from tests.support.eventually import eventually
from tests.support.processes import ROOT, Processes, processes
from tests.support.rabbitmq import RabbitMQ, free_port, running

BAR_MS = 100
BODY = b"x" * 1_000


def measure(server: EmbeddedServer, sizes: Sizes, told: Callable[[str], None]) -> list[Row]:
    """Three rows, all beside a publish that the broker confirms."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-bench-")))
        told("services: starting RabbitMQ and the services")
        broker = stack.enter_context(running())
        platform = stack.enter_context(processes(broker, server, folder))
        started = [platform.start(name) for name in services()]
        for service in started:
            eventually(service.ready, within=90)
        address = stack.enter_context(_gateway(platform))
        held = Held.from_folder(platform.secrets / "people")
        consent = server.dsn(database_name("consent"))
        survivors, watcher = stack.enter_context(people(address, held, consent))
        confirmed = stack.enter_context(_publisher(broker))
        caller = platform.caller()

        def ask(_writer: int, _number: int) -> None:
            caller.call("intake", "get_options", GetOptions(), Principal.anyone())

        def confirm() -> Sample:
            return written(1, sizes.calls, lambda _writer, _number: confirmed())

        library = stack.enter_context(
            peer.following(stack.enter_context(empty_database(server.dsn())))
        )
        rows = []
        measured: dict[str, dict[str, Callable[[], Sample]]] = {
            "rpc": {OURS: lambda: written(1, sizes.calls, ask)},
            "http": {OURS: lambda: over_http(address, survivors, sizes.calls // 2)},
            "reaction": {
                OURS: lambda: reactions(address, survivors, watcher, sizes.reaction_seconds),
                PEER: lambda: peer.reactions(library, sizes.calls // 4, PACE),
            },
        }
        for name, variants in measured.items():
            variants[FLOOR] = confirm
            for once in variants.values():
                once()
            samples = interleaved(
                variants, sizes.repeats, lambda what, name=name: told(f"{name}: {what}")
            )
            rows.append(Row(name, "ms", samples))
        return rows


def bar(row: Row, where: str) -> Bar:
    """A request has led to its reaction in time."""
    return Bar(
        f"{where}: request to reaction at 50 decisions/s, p99 in ms",
        row.p99,
        BAR_MS,
        at_least=False,
        note=f"median {row.median:.3g}, of {row.count:,}",
    )


@contextmanager
def _gateway(platform: Processes) -> Iterator[str]:
    port = free_port()
    secrets = platform.secrets / "gateway"
    environment = {
        **os.environ,
        "SAYSO_SECRETS": str(secrets),
        "SAYSO_BROKER_HOST": platform.broker.node.host,
        "SAYSO_BROKER_PORT": str(platform.broker.node.amqp_port),
        "SAYSO_HTTP_PORT": str(port),
        "SAYSO_HEALTH_PORT": str(free_port()),
    }
    address = f"http://127.0.0.1:{port}"
    with (platform.folder / "gateway.log").open("ab") as out:
        command = [sys.executable, "-W", "ignore", "-m", "services.gateway"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        eventually(lambda: _answers(address), within=60)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/ready", timeout=5).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def _publisher(broker: RabbitMQ) -> Iterator[Callable[[], None]]:
    """Publishes a persistent message to a durable queue and returns once it is confirmed."""
    node = broker.node
    connection: Any = amqp.Connection(
        host=f"{node.host}:{node.amqp_port}", userid=node.user, password=node.password
    )
    connection.connect()
    channel = connection.channel()
    queue = f"bench-{uuid4().hex[:8]}"
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-max-length": 100})
    channel.confirm_select()

    def publish() -> None:
        message = amqp.Message(BODY, delivery_mode=2)
        channel.basic_publish_confirm(message, exchange="", routing_key=queue)

    try:
        yield publish
        channel.queue_delete(queue)
    finally:
        close(connection)
