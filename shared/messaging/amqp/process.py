"""The process of one service: health first, then nameko, again whenever it falls over.

Start it through ``python -m shared.run service NAME``, which lets eventlet
patch the standard library before this is imported.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from threading import Event
from typing import Any

import structlog
from eventlet import sleep, spawn
from nameko.runners import ServiceRunner
from prometheus_client import REGISTRY

from shared.eventstore.database import Database
from shared.eventstore.edge import Edge, utc_now
from shared.identity.principal import Principal
from shared.messaging.amqp.background import BACKGROUND, Background, Part
from shared.messaging.amqp.following import FollowerPart
from shared.messaging.amqp.names import ask_anew
from shared.messaging.amqp.publisher import ConfirmingPublisher
from shared.messaging.amqp.relaying import SURE_FOR, RelayPart, StoreRelayLog
from shared.messaging.amqp.scheduling import SchedulerPart
from shared.messaging.amqp.settings import ServiceSettings
from shared.messaging.amqp.transport import AmqpTransport
from shared.messaging.amqp.turning import TurnPart
from shared.messaging.assembly import Assembled, assemble, exposed
from shared.messaging.doorbell import Doorbell
from shared.messaging.envelope import SigningCaller
from shared.messaging.follower import Follower
from shared.messaging.gate import STORE_AWAY
from shared.messaging.pages import ask_messages
from shared.messaging.provided import PROVIDED
from shared.messaging.relay import Relay
from shared.messaging.sealed_bodies import SERIALIZER
from shared.messaging.store_inbox import StoreInbox
from shared.messaging.topology import EVENTS_VHOST, RPC_VHOST
from shared.observability.health import HealthServer
from shared.observability.logs import configure
from shared.observability.metrics import Metrics
from shared.scheduler.alone import RELAY, SCHEDULER, Alone
from shared.scheduler.scheduler import Scheduler
from shared.sealing.keys import CachedKeySource
from shared.settings import SettingsError

GRACE = 10
"""Seconds for requests under way when the process is asked to end."""

_log = structlog.get_logger(__name__)


class ServiceProcess:
    """Everything of one service in this process."""

    def __init__(self, settings: ServiceSettings) -> None:
        """Builds all of it, and connects to nothing yet."""
        self.settings = settings
        self.name = settings.service
        self.bell = Doorbell()
        settings.rpc_keys.register()
        self._transport = AmqpTransport(settings.broker, settings.rpc_keys)
        self.caller = SigningCaller(settings.signing_key, self._transport, utc_now)
        metrics = Metrics(self.name, REGISTRY)
        self.keys = CachedKeySource(self.caller, Principal.service(self.name))
        self.assembled: Assembled = assemble(
            self.name,
            self._edge(),
            settings.issuers,
            measure=metrics.request,
        )
        at = settings.surroundings
        self.health = HealthServer(
            {
                "postgresql": self._store_ready,
                "rabbitmq": self._broker_ready,
                "service": self._up,
                **self.assembled.checks,
            },
            REGISTRY,
            at.health_host,
            at.health_port,
        )
        self._running = False
        self._stopping = Event()

    def run(self) -> int:
        """Serve until :meth:`stop`; 0."""
        self.health.start()
        while not self._stopping.is_set():
            self._wait_for_stores()
            if not self._stopping.is_set():
                self._serve()
        self.health.stop()
        self._transport.close()
        self.assembled.app.close()
        self.keys.close()
        return 0

    def stop(self) -> None:
        """Ask it to end; what is under way has :data:`GRACE` seconds."""
        self._stopping.set()

    def _serve(self) -> None:
        runner = ServiceRunner(self._config())
        runner.add_service(self._service_class())
        starting = spawn(runner.start)
        watching = spawn(self._watch, runner)
        while not self._stopping.is_set() and not watching.dead:
            self._running = starting.dead and not watching.dead
            sleep(0.2)
        self._running = False
        ending = spawn(self._end, runner)
        for _ in range(GRACE * 10):
            if ending.dead:
                return
            sleep(0.1)
        _log.warning("ended without waiting any longer")
        with suppress(Exception):
            runner.kill()

    def _watch(self, runner: Any) -> None:
        try:
            runner.wait()
        except Exception:
            _log.exception("fell over, and is started again")

    def _end(self, runner: Any) -> None:
        with suppress(Exception):
            runner.stop()

    def _wait_for_stores(self) -> None:
        while not self._stopping.is_set():
            if self._store_ready() and self._broker_ready():
                return
            _log.info("waiting for PostgreSQL and RabbitMQ")
            self._stopping.wait(1.0)

    def _store_ready(self) -> bool:
        return self.assembled.app.is_ready()

    def _broker_ready(self) -> bool:
        broker = self.settings.broker
        follows_or_publishes = self.assembled.contract.publishes or self.assembled.contract.follows
        return broker.answers(RPC_VHOST) and (
            not follows_or_publishes or broker.answers(EVENTS_VHOST)
        )

    def _up(self) -> bool:
        return self._running

    def _edge(self) -> Edge:
        settings = self.settings
        return Edge(
            service=self.name,
            dsn=settings.dsn,
            keys=self.keys,
            caller=self.caller,
            fingerprint_key=settings.fingerprint_key,
            secrets=settings.named_keys,
            settings=settings.variables,
            stored=lambda published: self.bell.ring() if published else None,
        )

    def _service_class(self) -> type:
        parts = ("followers", "relay", "scheduler", "turns")
        return exposed(self.assembled.service_class, **{part: Background(part) for part in parts})

    def _config(self) -> dict[str, Any]:
        return {
            "AMQP_URI": self.settings.broker.uri(RPC_VHOST),
            "HEARTBEAT": 20,
            "serializer": SERIALIZER,
            "ACCEPT": [SERIALIZER],
            "max_workers": self.settings.surroundings.workers,
            PROVIDED: self.assembled.provided,
            BACKGROUND: {
                "followers": self._followers(),
                "relay": self._relay(),
                "scheduler": [self._scheduler()],
                "turns": [TurnPart(turn) for turn in self.assembled.turns],
            },
        }

    def _followers(self) -> list[Part]:
        inbox = StoreInbox(self.assembled.app, utc_now)
        return [
            FollowerPart(
                self.settings.broker,
                Follower(
                    self.name,
                    producer,
                    inbox,
                    partial(ask_messages, self.caller, producer),
                    utc_now,
                    pause=lambda attempt: sleep(0.1 * attempt),
                    infrastructure=STORE_AWAY,
                ),
            )
            for producer in sorted(self.assembled.contract.follows)
        ]

    def _relay(self) -> list[Part]:
        if not self.assembled.contract.publishes:
            return []
        dsn = self.settings.dsn("relay")
        log = StoreRelayLog(self.name, self.assembled.app, Database(dsn, size=1))
        return [
            RelayPart(
                lambda publisher: Relay(self.name, log, publisher.publish),
                ConfirmingPublisher(self.settings.broker),
                Alone(dsn, RELAY, sure_for=SURE_FOR),
                self.bell,
            )
        ]

    def _scheduler(self) -> Part:
        alone = Alone(self.settings.dsn("committer"), SCHEDULER)
        scheduler = Scheduler(
            self.name, self.assembled.app, utc_now, alone.hold, store_away=STORE_AWAY
        )
        return SchedulerPart(scheduler, alone)


def run(name: str) -> int:
    """The process of ``name``; 1 if it cannot start as it is set up."""
    try:
        settings = ServiceSettings(name, os.environ)
    except SettingsError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    configure(name, settings.surroundings.log_level)
    ask_anew()
    process = ServiceProcess(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop())
    return process.run()
