"""Publishing with confirms: mandatory, persistent, many at once, all or an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import amqp

from shared.messaging.amqp.link import Broker, close
from shared.messaging.announcement import CONTENT_TYPE, Announcement
from shared.messaging.topology import EVENTS, EVENTS_VHOST

PATIENCE = 10.0
PERSISTENT = 2


class NotConfirmed(ConnectionError):
    """The broker refused a message, or had nowhere to put it; nothing may be taken as announced."""


class ConfirmingPublisher:
    """Holds one connection; throws it away on any error and opens another next time."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._connection: Any = None
        self._channel: Any = None
        self._sent = 0
        self._open: set[int] = set()
        self._refused: list[str] = []

    def publish(self, batch: Sequence[Announcement]) -> None:
        """Return when the broker has confirmed every one; :class:`NotConfirmed`, ``AMQPError``
        or ``OSError`` otherwise."""
        try:
            self._connect()
            self._send(batch)
            while self._open:
                self._connection.drain_events(timeout=PATIENCE)
            if self._refused:
                raise NotConfirmed(self._refused[0])
        except BaseException:
            self.close()
            raise

    def tick(self) -> None:
        """Answer heartbeats; call every few seconds while there is nothing to publish."""
        if self._connection is None:
            return
        try:
            self._connection.heartbeat_tick()
            self._connection.drain_events(timeout=0.001)
        except TimeoutError:
            return
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Throw the connection away."""
        connection, self._connection = self._connection, None
        if connection is not None:
            close(connection)

    def _connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = self._broker.connect(EVENTS_VHOST)
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._sent = 0
        self._open, self._refused = set(), []
        self._channel.events["basic_ack"].add(self._acked)
        self._channel.events["basic_nack"].add(self._nacked)
        self._channel.events["basic_return"].add(self._returned)

    def _send(self, batch: Sequence[Announcement]) -> None:
        for announcement in batch:
            self._sent += 1
            self._open.add(self._sent)
            message = amqp.Message(
                announcement.to_json(),
                content_type=CONTENT_TYPE,
                delivery_mode=PERSISTENT,
                message_id=announcement.id,
            )
            self._channel.basic_publish(
                message,
                exchange=EVENTS,
                routing_key=announcement.type,
                mandatory=True,
                timeout=PATIENCE,
            )

    def _acked(self, delivery_tag: int, multiple: bool) -> None:
        self._settle(delivery_tag, multiple)

    def _nacked(self, delivery_tag: int, multiple: bool) -> None:
        self._refused.append("the broker refused a message")
        self._settle(delivery_tag, multiple)

    def _returned(self, *_: Any) -> None:
        self._refused.append("the broker has no queue for a message")

    def _settle(self, delivery_tag: int, multiple: bool) -> None:
        if multiple:
            self._open = {tag for tag in self._open if tag > delivery_tag}
        else:
            self._open.discard(delivery_tag)
