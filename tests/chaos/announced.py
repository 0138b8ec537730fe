"""What the broker was really given: a queue of the checker's own beside those of the followers.

Bound to everything that is published. It says what no relay says of itself: that each
message was there, and in which order. Whatever wipes the broker takes it along: then
what it held and was not read yet is not known any more, and only the order is judged.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field

from shared.messaging.topology import EVENTS, EVENTS_VHOST
from tests.support.rabbitmq import RabbitMQ

_QUEUE = "chaos-heard"
_AT_ONCE = 500


@dataclass
class Heard:
    """Producer → the positions of its messages as they came, repeats included."""

    positions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    complete: bool = True
    """Whether nothing can have been missed since the producers' first messages."""


@dataclass
class Listening:
    """The queue, and what came of it so far. Before the first message: :meth:`begin`."""

    broker: RabbitMQ
    heard: Heard = field(default_factory=Heard)

    def begin(self) -> None:
        """Have the queue, empty."""
        self._place()
        self.broker.api("DELETE", f"/api/queues/{EVENTS_VHOST}/{_QUEUE}/contents")

    def begin_again(self) -> None:
        """Have the queue on a broker that was wiped."""
        self.heard.complete = False
        self._place()

    def up_to_now(self) -> Heard:
        """Read what came since the last time."""
        wanted = {"count": _AT_ONCE, "ackmode": "ack_requeue_false", "encoding": "auto"}
        while came := self.broker.api("POST", f"/api/queues/{EVENTS_VHOST}/{_QUEUE}/get", wanted):
            for message in came:
                producer, _, position = json.loads(message["payload"])["id"].partition("/")
                self.heard.positions[producer].append(int(position))
        return self.heard

    def _place(self) -> None:
        kind = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
        self.broker.api("PUT", f"/api/queues/{EVENTS_VHOST}/{_QUEUE}", kind)
        everything = f"/api/bindings/{EVENTS_VHOST}/e/{EVENTS}/q/{_QUEUE}"
        self.broker.api("POST", everything, {"routing_key": "#"})
