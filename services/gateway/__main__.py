"""The gateway of the platform: ``python -m services.gateway``.

``SAYSO_HTTP_HOST`` and ``SAYSO_HTTP_PORT`` say where to listen,
``SAYSO_BROKER_HOST`` and ``SAYSO_BROKER_PORT`` where RabbitMQ is,
``SAYSO_HEALTH_HOST`` and ``SAYSO_HEALTH_PORT`` where the operator finds health
by name and metrics (an internal network, never the public one); the folder
``SAYSO_SECRETS`` holds the secret files (see ``settings.py``). RabbitMQ
may be away at the start: requests are answered with 503 until it is there.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import FastAPI

from services.gateway.app import create_app
from services.gateway.serve import config, proxies
from services.gateway.settings import GatewaySettings
from shared.identity.tokens import GATEWAY
from shared.messaging.amqp.aio import AioBus
from shared.messaging.amqp.link import Broker
from shared.messaging.sealed_bodies import RpcKeys
from shared.observability.health import HealthServer
from shared.observability.logs import configure
from shared.observability.metrics import Metrics
from shared.settings import DEFAULT_SECRETS_DIR, SECRETS_DIR, Secrets, SettingsError, Variable, load

_PATIENCE = 10.0


@dataclass(frozen=True)
class Surroundings:
    """Addresses, from the environment."""

    broker_host: Annotated[str, Variable("SAYSO_BROKER_HOST", "RabbitMQ's host")]
    broker_port: Annotated[int, Variable("SAYSO_BROKER_PORT", "RabbitMQ's AMQP port")] = 5672
    http_host: Annotated[str, Variable("SAYSO_HTTP_HOST", "where to listen")] = "127.0.0.1"
    http_port: Annotated[int, Variable("SAYSO_HTTP_PORT", "the port to listen on")] = 8000
    trusted_proxy: Annotated[
        str, Variable("SAYSO_TRUSTED_PROXY", "whose X-Forwarded-For is believed; nobody's if empty")
    ] = ""
    health_host: Annotated[str, Variable("SAYSO_HEALTH_HOST", "where health listens")] = "127.0.0.1"
    health_port: Annotated[int, Variable("SAYSO_HEALTH_PORT", "health's port")] = 9100
    log_level: Annotated[str, Variable("SAYSO_LOG_LEVEL", "the least that is logged")] = "INFO"


def build(environ: Mapping[str, str]) -> tuple[FastAPI, Surroundings]:
    """The application over RabbitMQ; ``SettingsError``, ``ValueError`` or ``OSError``."""
    at = load(Surroundings, environ)
    proxies(at.trusted_proxy)
    folder = Path(environ.get(SECRETS_DIR) or DEFAULT_SECRETS_DIR)
    password = Secrets(folder).text("broker").reveal()
    broker = Broker(at.broker_host, GATEWAY, password, at.broker_port)
    counted = Metrics(GATEWAY)
    bus = AioBus(broker, RpcKeys(folder / "rpc_keys.json"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()

        def reachable() -> bool:
            return asyncio.run_coroutine_threadsafe(bus.ready(), loop).result(_PATIENCE)

        inside = HealthServer(
            {"rabbitmq": reachable}, counted.registry, at.health_host, at.health_port
        )
        inside.start()
        try:
            yield
        finally:
            await asyncio.to_thread(inside.stop)
            await bus.close()

    settings = GatewaySettings.from_files(folder, environ)
    app = create_app(
        bus, settings, checks={"rabbitmq": bus.ready}, metrics=counted, lifespan=lifespan
    )
    return app, at


def main(environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM; 1 if it cannot start as it is set up."""
    try:
        app, at = build(environ)
    except (SettingsError, ValueError, OSError) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    configure(GATEWAY, at.log_level)
    uvicorn.Server(config(app, at.http_host, at.http_port, proxies(at.trusted_proxy))).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
