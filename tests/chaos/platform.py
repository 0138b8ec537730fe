"""The platform's processes on stores of their own, each of which can be killed and comes back."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL
from typing import Any

import psycopg2

from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name
from shared.messaging.assembly import written
from tests.chaos.acknowledged import Acknowledged, now
from tests.chaos.announced import Listening
from tests.chaos.steps import Doom, status_of
from tests.support.eventually import eventually
from tests.support.postgres import embedded_server
from tests.support.processes import Processes, Service, processes
from tests.support.rabbitmq import RabbitMQ
from tests.support.rabbitmq import running as a_broker

COMES_BACK = 90.0
"""Seconds after which something that was killed is given up."""

FACING_PEOPLE = ("intake", "consent", "notifications")
"""Whose recovery is seen in an answer to somebody; that of the others in their own readiness."""

VARIABLES = {"SAYSO_LEDGER_TICK": "1", "SAYSO_LOG_LEVEL": "WARNING"}


@dataclass(frozen=True)
class Recovery:
    """What was killed, and after how many seconds it did again what it is there for."""

    what: str
    seconds: float
    instead: str = ""
    """What came instead, where it did not."""


@dataclass
class Platform:
    """Services, broker and PostgreSQL. Kills only what it has started, by process or container."""

    broker: RabbitMQ
    server: EmbeddedServer
    processes: Processes
    listening: Listening
    up: dict[str, Service] = field(default_factory=dict)
    recoveries: list[Recovery] = field(default_factory=list)
    """One for each kill, in the order in which they came about."""

    def begin(self) -> Platform:
        """Start every service and wait until all are ready."""
        self.listening.begin()
        self.up = {name: self.processes.start(name) for name in written()}
        self.wait_until_ready()
        return self

    def standing(self) -> str:
        """How every service is, and the last that those said that are not ready."""
        said = []
        for name, service in self.up.items():
            health = service.health()
            said.append(f"{name}: {health or service.process.poll()}")
            if not health.get("ready"):
                said.append(service.log.read_text(errors="replace")[-600:])
        return "; ".join(said)

    def wait_until_ready(self) -> None:
        """Until every service says so; fails with the log of one that has ended."""
        for name, service in self.up.items():
            eventually(lambda s=service: s.ready() or self._must_live(s), within=COMES_BACK)  # type: ignore[misc]
            assert service.alive(), name

    def restart(self, name: str, number: int = SIGKILL) -> None:
        """Kill a service's process and start another at once, as a supervisor does."""
        self.up[name].end(number)
        self.up[name] = self.processes.start(name)

    def kill_service(self, name: str, acknowledged: Acknowledged) -> threading.Thread:
        """SIGKILL; the thread that is returned ends when the service has recovered."""
        at = now()
        self.restart(name)
        service = self.up[name]

        def back() -> bool:
            if not service.alive():
                raise RuntimeError(f"ended by itself with {service.process.returncode}")
            if name in FACING_PEOPLE:
                return acknowledged.answered_since(name, at)
            return service.ready()

        return self._recovering(f"service {name}", at, back)

    def kill_broker(self, acknowledged: Acknowledged, *, wiped: bool) -> threading.Thread:
        """SIGKILL, with or without its data; started again at once."""
        if wiped:
            self.broker.wipe_and_start()
            self.listening.begin_again()
        else:
            self.broker.kill_and_start()
        what = "broker, wiped" if wiped else "broker"
        at = now()  # its own start is not ours to shorten
        return self._recovering(what, at, lambda: acknowledged.answered_since(None, at))

    def kill_postgres(self, acknowledged: Acknowledged) -> threading.Thread:
        """SIGKILL to every process of it; started again at once."""
        at = now()
        self.server.kill()
        self.server.restart()
        return self._recovering("postgresql", at, lambda: acknowledged.answered_since(None, at))

    def crash(self, name: str, doom: Doom) -> Callable[[], str | None]:
        """Run the service so that it dies at a step. Call what is returned to wait for that,
        and to have it run as before; None, or what came instead."""
        self.up[name].end(SIGKILL)
        doomed = self.processes.start(name, "tests.chaos.process", name, str(doom))
        self.up[name] = doomed

        def died() -> str | None:
            try:
                status = doomed.process.wait(COMES_BACK)
            except Exception:
                status = doomed.end(SIGKILL)
            self.up[name] = self.processes.start(name)
            expected = status_of(doom.step)
            if status == expected:
                return None
            log = doomed.log.read_text(errors="replace")[-600:]
            return (
                f"{name} should have died at {doom} with {expected}, and ended with {status}: {log}"
            )

        return died

    def connection(self, service: str) -> Any:
        """The superuser's, to a service's database."""
        return psycopg2.connect(self.server.dsn(database_name(service)))

    def value(self, service: str, sql: str) -> Any:
        """The one value of a query."""
        with closing(self.connection(service)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def _recovering(self, what: str, at: float, back: Callable[[], bool]) -> threading.Thread:
        def wait() -> None:
            try:
                eventually(back, within=COMES_BACK, every=0.05)
                self.recoveries.append(Recovery(what, now() - at))
            except (AssertionError, RuntimeError) as never:
                why = f"{never}; {self.standing()}"
                self.recoveries.append(Recovery(what, COMES_BACK, why))

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread

    def _must_live(self, service: Service) -> bool:
        if not service.alive():
            raise RuntimeError(f"{service.name} ended: {service.log.read_text()[-2000:]}")
        return False


@contextmanager
def platform(broker: RabbitMQ | None = None) -> Iterator[Platform]:
    """A running platform; ends with the block, and all it has started with it."""
    with ExitStack() as stack:
        if broker is None:
            broker = stack.enter_context(a_broker())
        broker.require(4)
        server = stack.enter_context(embedded_server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-chaos-")))
        made = stack.enter_context(processes(broker, server, folder, VARIABLES))
        yield Platform(broker, server, made, Listening(broker)).begin()
