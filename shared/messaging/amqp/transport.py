"""Calls over RabbitMQ, as nameko understands them, without nameko's client.

A line is a connection with a reply queue of its own. Whatever goes wrong on
one, it is thrown away and the next call opens another: nothing has to be
repaired after a broker restart.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import Any
from uuid import uuid4

import amqp

from shared.contracts.refusal import Unavailable
from shared.messaging.amqp.link import BROKER_AWAY, Broker, close
from shared.messaging.sealed_bodies import CONTENT_TYPE, RpcKeys, Unreadable
from shared.messaging.topology import RPC, RPC_VHOST, reply_key, reply_queue

TRANSIENT = 1
IDLE_LINES = 16


class NotSent(ConnectionError):
    """The request did not reach a queue."""


class _Line:
    def __init__(self, broker: Broker, keys: RpcKeys) -> None:
        self._keys = keys
        self._number = uuid4().hex
        self._reply_to = reply_key(broker.user, self._number)
        self._waiting: str | None = None
        self._answer: Any = None
        self._confirmed = False
        self._returned = False
        self._connection = broker.connect(RPC_VHOST, heartbeat=0)
        try:
            self._channel = self._connection.channel()
            queue = reply_queue(broker.user, self._number)
            self._channel.queue_declare(queue, durable=False, exclusive=True, auto_delete=True)
            self._channel.queue_bind(queue, RPC, self._reply_to)
            self._channel.basic_consume(queue, no_ack=True, callback=self._arrived)
            self._channel.confirm_select()
            self._channel.events["basic_ack"].add(self._acked)
            self._channel.events["basic_nack"].add(self._lost)
            self._channel.events["basic_return"].add(self._lost)
        except BaseException:
            self.close()
            raise

    def send(self, service: str, method: str, envelope: dict[str, Any], timeout: float) -> None:
        """Publish, and wait for the confirm; :class:`NotSent` if it is in no queue."""
        self._waiting, self._answer = str(uuid4()), None
        self._confirmed = self._returned = False
        message = amqp.Message(
            self._keys.seal({"args": [envelope], "kwargs": {}}),
            content_type=CONTENT_TYPE,
            content_encoding="binary",
            delivery_mode=TRANSIENT,
            reply_to=self._reply_to,
            correlation_id=self._waiting,
            # Nobody waits for the answer after that.
            expiration=str(max(1, int(timeout * 1000))),
        )
        until = time.monotonic() + timeout
        self._channel.basic_publish(
            message,
            exchange=RPC,
            routing_key=f"{service}.{method}",
            mandatory=True,
            timeout=timeout,
        )
        while not self._confirmed:
            self._drain(until)
        if self._returned:
            raise NotSent

    def receive(self, timeout: float) -> dict[str, Any]:
        """Wait for the answer; ``TimeoutError``, or the connection's error."""
        until = time.monotonic() + timeout
        while self._answer is None:
            self._drain(until)
        # A line that waits for its next call keeps nothing: there may be a key in the answer.
        answer: dict[str, Any] = self._answer
        self._waiting = self._answer = None
        return answer

    def close(self) -> None:
        close(self._connection)

    def _drain(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.drain_events(timeout=left)

    def _arrived(self, message: Any) -> None:
        if message.properties.get("correlation_id") != self._waiting:
            return
        try:
            answer = self._keys.open(message.body)
        except Unreadable:
            return
        if isinstance(answer, dict) and isinstance(answer.get("result"), dict):
            self._answer = answer["result"]

    def _acked(self, *_: Any) -> None:
        self._confirmed = True

    def _lost(self, *_: Any) -> None:
        self._confirmed = self._returned = True


class AmqpTransport:
    """The :class:`~shared.messaging.envelope.Transport` of one process; safe to share."""

    def __init__(self, broker: Broker, keys: RpcKeys) -> None:
        """Connects at the first call; ``broker.user`` names the caller's reply queues."""
        self._broker = broker
        self._keys = keys
        self._idle: list[_Line] = []
        self._lock = Lock()

    def send(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        """The answer; ``Unavailable`` when there is none in time. It may have been carried out."""
        until = time.monotonic() + timeout
        try:
            line = self._sent(service, method, envelope, until)
        except BROKER_AWAY:
            raise Unavailable() from None
        try:
            answer = line.receive(until - time.monotonic())
        except BROKER_AWAY:
            line.close()
            raise Unavailable() from None
        except BaseException:
            line.close()
            raise
        with self._lock:
            if len(self._idle) < IDLE_LINES:
                self._idle.append(line)
                return answer
        line.close()
        return answer

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _sent(self, service: str, method: str, envelope: dict[str, Any], until: float) -> _Line:
        """The line on which the request was sent. Lines that broke while idle are passed over."""
        while True:
            with self._lock:
                line = self._idle.pop() if self._idle else None
            fresh = line is None
            line = line or _Line(self._broker, self._keys)
            try:
                line.send(service, method, envelope, until - time.monotonic())
                return line
            except NotSent:
                line.close()
                raise
            except BROKER_AWAY:
                line.close()
                if fresh or time.monotonic() >= until:
                    raise
            except BaseException:
                line.close()
                raise
