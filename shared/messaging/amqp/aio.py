"""The gateway's way in, over RabbitMQ: asyncio, one connection, without nameko and eventlet."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import aio_pika
import aiormq.exceptions
from aio_pika.abc import AbstractIncomingMessage

from shared.contracts.refusal import Unavailable
from shared.messaging.amqp.link import Broker
from shared.messaging.sealed_bodies import CONTENT_TYPE, RpcKeys, Unreadable
from shared.messaging.topology import RPC, RPC_VHOST, reply_key, reply_queue

_AWAY = (aiormq.exceptions.AMQPError, aio_pika.exceptions.AMQPError, OSError, RuntimeError)
CONNECT_PATIENCE = 5.0


class _Line:
    """A connection with one reply queue, for many calls at once."""

    def __init__(self, broker: Broker, keys: RpcKeys) -> None:
        self._broker = broker
        self._keys = keys
        number = uuid4().hex
        self._reply_to = reply_key(broker.user, number)
        self._queue = reply_queue(broker.user, number)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._connection: Any = None
        self._exchange: Any = None
        self._closed = False

    async def open(self) -> _Line:
        self._connection = await aio_pika.connect(
            self._broker.uri(RPC_VHOST), timeout=CONNECT_PATIENCE, heartbeat=10
        )
        self._connection.close_callbacks.add(self._lost)
        channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(self._queue, exclusive=True, auto_delete=True)
        self._exchange = await channel.get_exchange(RPC, ensure=False)
        await queue.bind(RPC, self._reply_to)
        await queue.consume(self._arrived, no_ack=True)
        channel.close_callbacks.add(self._lost)
        return self

    @property
    def broken(self) -> bool:
        """Whether the connection or its one channel is closed: a refused publish closes that."""
        return self._closed or self._connection is None or self._connection.is_closed

    async def ask(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        number = str(uuid4())
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        message = aio_pika.Message(
            self._keys.seal({"args": [envelope], "kwargs": {}}),
            content_type=CONTENT_TYPE,
            content_encoding="binary",
            delivery_mode=aio_pika.DeliveryMode.NOT_PERSISTENT,
            reply_to=self._reply_to,
            correlation_id=number,
            # Nobody waits for the answer after that.
            expiration=timeout,
        )
        try:
            await self._exchange.publish(message, f"{service}.{method}", mandatory=True)
            return await answered
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(*_AWAY):
                await self._connection.close()

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        answered = self._waiting.get(message.correlation_id or "")
        if answered is None or answered.done():
            return
        try:
            answer = self._keys.open(message.body)
        except Unreadable:
            return
        if isinstance(answer, dict) and isinstance(answer.get("result"), dict):
            answered.set_result(answer["result"])

    def _lost(self, *_: Any) -> None:
        self._closed = True
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(ConnectionError("the broker went away"))


class AioBus:
    """The :class:`~shared.messaging.bus.AsyncBus`. Connects when first needed, and again."""

    def __init__(self, broker: Broker, keys: RpcKeys) -> None:
        """``broker.user`` names the reply queue."""
        self._broker = broker
        self._keys = keys
        self._current: _Line | None = None
        self._connecting = asyncio.Lock()

    async def call(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        """The answer as data; ``Unavailable`` when there is none in time.

        It may have been carried out all the same: repeat with the same command id.
        """
        try:
            async with asyncio.timeout(timeout):
                line = await self._line()
                return await line.ask(service, method, envelope, timeout)
        except (TimeoutError, *_AWAY):
            raise Unavailable() from None

    async def ready(self) -> bool:
        """Whether the broker is there now."""
        try:
            async with asyncio.timeout(CONNECT_PATIENCE):
                await self._line()
        except (TimeoutError, *_AWAY):
            return False
        return True

    async def close(self) -> None:
        """Close the connection; calls that are under way end as ``Unavailable``."""
        line, self._current = self._current, None
        if line is not None:
            await line.close()

    async def _line(self) -> _Line:
        async with self._connecting:
            if self._current is not None and self._current.broken:
                await self.close()
            if self._current is None:
                line = _Line(self._broker, self._keys)
                try:
                    self._current = await line.open()
                except BaseException:
                    await line.close()
                    raise
            return self._current
