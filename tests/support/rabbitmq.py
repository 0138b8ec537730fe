"""A RabbitMQ for the tests, the way the machine can give one.

1. ``AMQP_URI``: the broker it names, with its management API on port 15672
   (or at ``RABBITMQ_MANAGEMENT_URL``).
2. Where Docker answers: a container of ``rabbitmq:4.0-management``.
3. An installed ``rabbitmq-server``: a private node on free ports.
4. As root on Debian or Ubuntu: ``apt-get install rabbitmq-server``, then 3.

Otherwise it fails and says what to install: never a skip. Prints which one it
is and its version. A test that needs RabbitMQ 4 says ``broker.require(4)``.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import pytest

from shared.contracts.base import ServiceContract
from shared.contracts.registry import services
from shared.messaging.amqp.link import Broker
from shared.messaging.topology import EVENTS_VHOST, RPC_VHOST, definitions, users

IMAGE = "rabbitmq:4.0-management"
PASSWORD = "for-tests-only"
STARTS_WITHIN = 120.0
FIRST_PORT, PORTS = 20_000, 12_000


class Node(Protocol):
    """A broker that can be stopped, killed and wiped; ports stay the same."""

    what: str
    host: str
    amqp_port: int
    management: str
    user: str
    password: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def wipe(self) -> None: ...
    def close(self) -> None: ...


@dataclass
class RabbitMQ:
    """What tests use: the node with the platform's topology in it."""

    node: Node
    contracts: Mapping[str, ServiceContract] | None = None
    version: str = field(default="", init=False)

    def begin(self) -> RabbitMQ:
        """Wait until it answers, load the topology, print what it is."""
        self.loaded()
        print(f"RabbitMQ {self.version}: {self.node.what}", file=sys.stderr)
        return self

    def require(self, major: int) -> None:
        """Fail, naming the version, if the broker is older."""
        if int(self.version.split(".")[0]) < major:
            pytest.fail(f"needs RabbitMQ {major}, and {self.node.what} is {self.version}")

    def broker(self, user: str) -> Broker:
        """How a service's user reaches it."""
        return Broker(self.node.host, user, PASSWORD, self.node.amqp_port)

    def also(self, contracts: Mapping[str, ServiceContract]) -> None:
        """Have the topology of these contracts too, and every queue empty."""
        self.contracts = {**(services() if self.contracts is None else self.contracts), **contracts}
        self.loaded()
        # A process that a test killed left what it had not acknowledged to the next one.
        for vhost, kept in ((EVENTS_VHOST, ""), (RPC_VHOST, "rpc-")):
            for queue in self.api("GET", f"/api/queues/{vhost}"):
                if queue["name"].startswith(kept):  # answers' queues come and go by themselves
                    self.api("DELETE", f"/api/queues/{vhost}/{queue['name']}/contents")

    def loaded(self) -> None:
        """Wait until it answers, and load the topology, as the platform's broker does at start."""
        self.version = _patiently(lambda: str(self.api("GET", "/api/overview")["rabbitmq_version"]))
        passwords = dict.fromkeys(users(self.contracts), PASSWORD)
        given = definitions(passwords, self.contracts)
        _patiently(lambda: self.api("POST", "/api/definitions", given))
        _patiently(lambda: self.api("GET", f"/api/queues/{EVENTS_VHOST}"))

    def stop_and_start(self) -> None:
        """An orderly restart."""
        self.node.stop()
        self.node.start()
        self.loaded()

    def kill_and_start(self) -> None:
        """SIGKILL, and a restart with its volume."""
        self.node.kill()
        self.node.start()
        self.loaded()

    def wipe_and_start(self) -> None:
        """SIGKILL, its volume gone, and a restart: only the definitions come back."""
        self.node.kill()
        self.node.wipe()
        self.node.start()
        self.loaded()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """The management API."""
        who = base64.b64encode(f"{self.node.user}:{self.node.password}".encode()).decode()
        request = urllib.request.Request(
            self.node.management + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Basic {who}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")


class Given:
    """The broker of ``AMQP_URI``. Nobody here may stop it."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self.host = parts.hostname or "localhost"
        self.amqp_port = parts.port or 5672
        self.user = unquote(parts.username or "guest")
        self.password = unquote(parts.password or "guest")
        default = f"http://{self.host}:15672"
        self.management = os.environ.get("RABBITMQ_MANAGEMENT_URL", default)
        self.what = f"the one at {self.host}:{self.amqp_port} (AMQP_URI)"

    def start(self) -> None:
        return

    def stop(self) -> None:
        pytest.fail("this test stops its broker; unset AMQP_URI to let it have one of its own")

    kill = wipe = stop

    def close(self) -> None:
        return


class Container:
    """A container with fixed host ports and a volume, so that it may come back empty or not."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.user, self.password = "operator", PASSWORD
        self.amqp_port, management = free_port(), free_port()
        self.management = f"http://{self.host}:{management}"
        self.what = f"a container of {IMAGE}"
        self._volume = f"sayso-test-{uuid4().hex[:12]}"
        # Ended here in any case; the reaper would be one more image to fetch.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        from testcontainers.core.container import DockerContainer

        self._container = (
            DockerContainer(IMAGE)
            .with_env("RABBITMQ_DEFAULT_USER", self.user)
            .with_env("RABBITMQ_DEFAULT_PASS", self.password)
            .with_bind_ports(5672, self.amqp_port)
            .with_bind_ports(15672, management)
            .with_volume_mapping(self._volume, "/var/lib/rabbitmq", "rw")
            .with_kwargs(hostname="rabbitmq")
        )

    def start(self) -> None:
        if self._container._container is None:
            self._container.start()
        else:
            self._docker.start()

    def stop(self) -> None:
        self._docker.stop(timeout=30)

    def kill(self) -> None:
        self._docker.kill()

    def wipe(self) -> None:
        self._remove()

    def close(self) -> None:
        self._remove()

    def _remove(self) -> None:
        if self._container._container is not None:
            client = self._docker.client
            self._docker.remove(force=True, v=True)
            self._container._container = None
            client.volumes.get(self._volume).remove(force=True)

    @property
    def _docker(self) -> Any:
        return self._container.get_wrapped_container()


class PrivateNode:
    """An installed rabbitmq-server, as a node of our own in a folder of our own."""

    def __init__(self, server: str) -> None:
        self.host = "127.0.0.1"
        self.user = self.password = "guest"
        self.amqp_port, self._management_port = free_port(), free_port()
        self.management = f"http://{self.host}:{self._management_port}"
        self.what = f"a private node of {server}"
        self._server = server
        self._folder = Path(tempfile.mkdtemp(prefix="sayso-mq-", dir="/tmp"))
        self._name = f"sayso{uuid4().hex[:8]}@localhost"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        (self._folder / "plugins").write_text("[rabbitmq_management].")
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.amqp_port}\n"
            f"management.tcp.port = {self._management_port}\n"
            "management.tcp.ip = 127.0.0.1\n"
        )
        environment = {
            **os.environ,
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "data"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
        }
        with (self._folder / "out").open("ab") as out:
            # In a process group of its own: the script starts the node; both go together.
            self._process = subprocess.Popen(
                [self._server], env=environment, stdout=out, stderr=out, start_new_session=True
            )

    def stop(self) -> None:
        self._signal(15)

    def kill(self) -> None:
        self._signal(9)

    def wipe(self) -> None:
        shutil.rmtree(self._folder / "data", ignore_errors=True)

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._process.wait(60)
            self._process = None


def provide() -> Node:
    """A broker, the way this machine can give one."""
    if uri := os.environ.get("AMQP_URI"):
        return Given(uri)
    if _docker_answers():
        return Container()
    server = _installed() or _apt_installed()
    if server:
        return PrivateNode(server)
    pytest.fail(
        "These tests need RabbitMQ. Set AMQP_URI to one with its management plugin, or start "
        "Docker (the image is rabbitmq:4.0-management), or install the package rabbitmq-server."
    )


@contextmanager
def running(contracts: Mapping[str, ServiceContract] | None = None) -> Iterator[RabbitMQ]:
    """A broker with the topology of ``contracts`` (the platform's by default) in it."""
    node = provide()
    try:
        node.start()
        yield RabbitMQ(node, contracts).begin()
    finally:
        node.close()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitMQ]:
    """The broker of this run; tests with contracts of their own call ``also``."""
    with running() as broker:
        yield broker


def free_port() -> int:
    """A port on the loopback interface that nobody has.

    From below those that the system gives to whoever asks for any: between this
    and the start of the server many may ask.
    """
    while True:
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _docker_answers() -> bool:
    try:
        import docker

        docker.from_env(timeout=5).ping()
    except Exception:
        return False
    return True


def _installed() -> str | None:
    # Debian's command changes to a user who may not read our folder; the script itself does not.
    folders = ("/usr/lib/rabbitmq/bin", os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")
    return shutil.which("rabbitmq-server", path=os.pathsep.join(folders))


def _apt_installed() -> str | None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("RabbitMQ: installing the package rabbitmq-server", file=sys.stderr)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update"], ["install", "-y", "--no-install-recommends", "rabbitmq-server"]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, check=False)
        if done.returncode:
            return None
    return _installed()


def _patiently(ask: Callable[[], Any]) -> Any:
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            return ask()
        except (OSError, ValueError, KeyError) as error:
            if time.monotonic() > until:
                raise TimeoutError(f"RabbitMQ did not answer: {error}") from error
        time.sleep(0.25)
