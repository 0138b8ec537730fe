"""Connections to the broker, and what counts as losing one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import amqp
from amqp.exceptions import AMQPError

BROKER_AWAY = (AMQPError, OSError)
"""What is raised when the broker is away, goes away, or does not know a queue yet."""

HEARTBEAT = 20
PATIENCE = 5.0


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and who we are there."""

    host: str
    user: str
    password: str = field(repr=False)
    port: int = 5672

    @classmethod
    def at(cls, uri: str) -> Broker:
        """That of ``amqp://user:password@host:port``; the virtual host in it is not used."""
        parts = urlsplit(uri)
        return cls(
            host=parts.hostname or "localhost",
            user=unquote(parts.username or "guest"),
            password=unquote(parts.password or "guest"),
            port=parts.port or 5672,
        )

    def uri(self, vhost: str) -> str:
        """For libraries that take one string; holds the password."""
        secret = quote(self.password, safe="")
        user = quote(self.user, safe="")
        return f"amqp://{user}:{secret}@{self.host}:{self.port}/{quote(vhost, safe='')}"

    def connect(self, vhost: str, heartbeat: int = HEARTBEAT) -> Any:
        """An open py-amqp connection; raises one of :data:`BROKER_AWAY`."""
        connection = amqp.Connection(
            host=f"{self.host}:{self.port}",
            userid=self.user,
            password=self.password,
            virtual_host=vhost,
            heartbeat=heartbeat,
            connect_timeout=PATIENCE,
            read_timeout=PATIENCE,
            write_timeout=PATIENCE,
        )
        try:
            connection.connect()
        except BaseException:
            close(connection)
            raise
        return connection

    def answers(self, vhost: str) -> bool:
        """Whether the broker is there now and lets us in."""
        try:
            connection = self.connect(vhost, heartbeat=0)
        except BROKER_AWAY:
            return False
        close(connection)
        return True


def close(connection: Any) -> None:
    """Throw a connection away without waiting for a broker that may not be there."""
    with suppress(Exception):
        connection.collect()
