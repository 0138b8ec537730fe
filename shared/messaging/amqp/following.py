"""A follower that hears the doorbell over RabbitMQ."""

from __future__ import annotations

import time
from threading import Event
from typing import Any

import structlog

from shared.contracts.refusal import Unavailable
from shared.messaging.amqp.link import Broker, close
from shared.messaging.announcement import Announcement, NotAnAnnouncement
from shared.messaging.follower import ASK_EVERY, Follower
from shared.messaging.metrics import MALFORMED
from shared.messaging.topology import EVENTS_VHOST, queue_from

PREFETCH = 8
"""Low: a killed consumer counts a delivery for each message it held (stack, "Traps")."""

ASK_AGAIN = 3.0
"""Seconds until a producer that was away is asked again."""

LOOK_EVERY = 1.0
"""Seconds between looks at what is parked; no attempt is repeated sooner."""

_log = structlog.get_logger(__name__)


class FollowerPart:
    """Consumes ``<consumer>.from.<producer>``, and asks the producer itself every 30 s."""

    def __init__(self, broker: Broker, follower: Follower) -> None:
        self.name = queue_from(follower.consumer, follower.producer)
        self._broker = broker
        self._follower = follower
        self._connection: Any = None
        self._ask_at = self._look_at = float("-inf")

    def session(self, stopping: Event) -> None:
        """Until the connection is lost, or the store is away.

        A message that could not be dealt with is not acknowledged, and comes again.
        """
        # Also where the queue cannot be had: nobody waits for a broker to find what was stored.
        self._look()
        self._connection = connection = self._broker.connect(EVENTS_VHOST)
        channel = connection.channel()
        channel.basic_qos(0, PREFETCH, False)
        channel.basic_consume(self.name, callback=self._arrived)
        while not stopping.is_set():
            self._look()
            try:
                connection.drain_events(timeout=1.0)
            except TimeoutError:
                connection.heartbeat_tick()

    def close(self) -> None:
        """Throw the connection away: what was not acknowledged comes again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            close(connection)

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._ask_at:
            self._ask()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._follower.settle()
            self._follower.retry_parked()

    def _ask(self) -> None:
        self._ask_at = time.monotonic() + ASK_EVERY.total_seconds()
        try:
            self._follower.catch_up()
        except Unavailable:
            # The bell may ring all the same, and mostly needs nobody to be asked.
            self._ask_at = time.monotonic() + ASK_AGAIN
            _log.info("producer away", producer=self._follower.producer)

    def _arrived(self, message: Any) -> None:
        try:
            announcement = Announcement.from_json(message.body)
            if announcement.producer != self._follower.producer:
                raise NotAnAnnouncement("of another producer")
        except NotAnAnnouncement:
            MALFORMED.labels(self._follower.consumer).inc()
            _log.error("not a message", queue=self.name)
            message.channel.basic_reject(message.delivery_tag, requeue=False)
            return
        self._follower.receive(announcement)
        message.channel.basic_ack(message.delivery_tag)
