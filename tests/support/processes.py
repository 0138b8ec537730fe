"""Services as processes of their own, on a RabbitMQ and a PostgreSQL of the test's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from infra.secrets import generate
from shared.eventstore.edge import utc_now
from shared.eventstore.embedded import EmbeddedServer
from shared.identity.keys import SigningKey
from shared.messaging.amqp.link import Broker
from shared.messaging.amqp.transport import AmqpTransport
from shared.messaging.envelope import PATIENCE, SigningCaller
from shared.messaging.sealed_bodies import RpcKeys
from tests.support.rabbitmq import PASSWORD, RabbitMQ, free_port

ROOT = Path(__file__).parents[2]


@dataclass
class Service:
    """One process of one service."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def ready(self) -> bool:
        """What its health server says."""
        return bool(self.health().get("ready"))

    def health(self) -> dict[str, Any]:
        """The answer of ``/health/ready``; empty while nobody answers."""
        try:
            address = f"http://127.0.0.1:{self.port}/health/ready"
            with urllib.request.urlopen(address, timeout=15) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except OSError:
            return {}

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and wait for its exit code."""
        if self.alive():
            self.process.send_signal(number)
        return self.process.wait(30)


@dataclass
class Processes:
    """The platform's processes, each with its own secrets and nobody else's."""

    broker: RabbitMQ
    server: EmbeddedServer
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    """What every process is told beside where its stores are."""
    running: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.secrets = self.folder / "secrets"
        generate(self.secrets)
        self.kept = self.folder / "kept"
        self.kept.mkdir(exist_ok=True)
        for each in self.secrets.glob("*/broker"):
            each.write_text(PASSWORD)
        self._run("shared.eventstore.migrate", self.secrets / "migrate")

    def start(
        self, name: str, *module: str, environment: Mapping[str, str] | None = None
    ) -> Service:
        """A process of the service; it may not be ready yet.

        ``module`` with its arguments is run instead of what the platform runs;
        ``environment`` goes before what is told to all.
        """
        what = module or ("shared.run", "service", name)
        port = free_port()
        log = self.folder / f"{name}-{port}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *what],
                cwd=ROOT,
                env=self._environment(self.secrets / name, port) | dict(environment or {}),
                stdout=out,
                stderr=out,
            )
        service = Service(name, port, process, log)
        self.running.append(service)
        return service

    def caller(
        self,
        name: str = "gateway",
        patience: float = PATIENCE,
        clock: Callable[[], datetime] = utc_now,
    ) -> SigningCaller:
        """Calls over RabbitMQ in the name of a service; ``gateway`` speaks for people."""
        folder = self.secrets / name
        key = SigningKey.from_pem(name, (folder / f"{name}_key.pem").read_bytes())
        broker: Broker = self.broker.broker(name)
        transport = AmqpTransport(broker, RpcKeys(folder / "rpc_keys.json"))
        return SigningCaller(key, transport, clock, patience)

    def close(self) -> None:
        """End every process that was started here."""
        for service in self.running:
            service.end(signal.SIGKILL)

    def audit(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``sayso audit ...`` as the auditor runs it."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "shared.command_line", "audit", *words],
            cwd=ROOT,
            env=self._environment(self.secrets / "auditor", 0),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def _run(self, module: str, secrets: Path) -> None:
        command = [sys.executable, "-m", module]
        subprocess.run(command, cwd=ROOT, env=self._environment(secrets, 0), check=True, timeout=60)

    def _environment(self, secrets: Path, port: int) -> dict[str, str]:
        return {
            **os.environ,
            **self.variables,
            "SAYSO_SECRETS": str(secrets),
            "SAYSO_POSTGRES_HOST": str(self.server.folder),
            "SAYSO_BROKER_HOST": self.broker.node.host,
            "SAYSO_BROKER_PORT": str(self.broker.node.amqp_port),
            "SAYSO_HEALTH_PORT": str(port),
            "SAYSO_KEPT": str(self.kept),
        }


@contextmanager
def processes(
    broker: RabbitMQ, server: EmbeddedServer, folder: Path, variables: dict[str, str] | None = None
) -> Iterator[Processes]:
    """Processes that end with the block."""
    made = Processes(broker, server, folder, variables or {})
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def platform(
    rabbitmq: RabbitMQ, server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    """Processes of the module's own, none started yet; a ledger among them signs each second."""
    rabbitmq.require(4)
    rabbitmq.also({})
    folder = tmp_path_factory.mktemp("processes")
    with processes(rabbitmq, server, folder, {"SAYSO_LEDGER_TICK": "1"}) as made:
        yield made
