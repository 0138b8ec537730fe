"""nameko's RPC consumer, made to stay: it survives a broker that goes away with answers unsent."""

# nameko has no types: calling what is inherited from it cannot be checked.
# mypy: disallow-untyped-calls=False, disallow-subclassing-any=False, disable-error-code="has-type"

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import eventlet
import structlog
from kombu import Exchange, Queue
from nameko.amqp.publish import Publisher
from nameko.messaging import QueueConsumer
from nameko.rpc import Rpc, RpcConsumer

from shared.contracts.refusal import Refused
from shared.messaging.metrics import RECONNECTS, REPLIES_DROPPED
from shared.messaging.sealed_bodies import SERIALIZER
from shared.messaging.topology import RPC, rpc_queue

_log = structlog.get_logger(__name__)

RETRY_FOR_EVER = {
    "max_retries": None,
    "interval_start": 0.1,
    "interval_step": 0.3,
    "interval_max": 2.0,
}
TRANSIENT = 1


class NoSuchMethod(Refused):
    """The service has no such method, or was called in another way than by an envelope."""

    code = "no_such_method"
    because = "not_found"
    detail = "The service does not know this request."
    what_to_do = "Compare it with the contract."


def container_of(extension: Any) -> Any:
    """The container that an extension is bound to."""
    return cast(Any, extension.container)


class PatientQueueConsumer(QueueConsumer):
    """Reconnects for ever, within seconds, also while its queue does not exist yet."""

    def run(self, _tokens: int = 1, **kwargs: Any) -> None:
        """Consume until told to stop; nothing else ends it."""
        while not self.should_stop:
            try:
                super().run(_tokens, **kwargs)
            except Exception as lost:
                RECONNECTS.labels(container_of(self).service_name, "rpc").inc()
                _log.warning("rpc queue lost", error=type(lost).__name__)
                eventlet.sleep(0.5)

    @contextmanager
    def establish_connection(self) -> Iterator[Any]:
        """kombu's, with shorter waits: the broker is usually back within seconds."""
        with self.create_connection() as connection:
            connection.ensure_connection(
                self.on_connection_error,
                None,
                interval_start=0.2,
                interval_step=0.4,
                interval_max=2,
            )
            yield connection


class SealedRpcConsumer(RpcConsumer):
    """Takes requests from ``rpc-<service>`` and answers them sealed, or not at all."""

    queue_consumer = PatientQueueConsumer()

    def setup(self) -> None:
        """The queue is declared by the broker's definitions, never here."""
        if self.queue is None:
            self.queue = Queue(rpc_queue(container_of(self).service_name), no_declare=True)
            self.queue_consumer.register_provider(self)
            self._registered = True

    def handle_result(self, message: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        """Answer and acknowledge. Never raises: an error here would end the process."""
        if exc_info is not None or not isinstance(result, dict):
            result = {"refused": NoSuchMethod().as_data()}
        try:
            self._answer(message, result)
        except Exception as lost:
            REPLIES_DROPPED.labels(container_of(self).service_name).inc()
            _log.warning("answer dropped", error=type(lost).__name__)
        try:
            self.queue_consumer.ack_message(message)
        except Exception as lost:
            # It comes again; every request may be repeated.
            _log.warning("not acknowledged", error=type(lost).__name__)
        return result, None

    def _answer(self, message: Any, result: dict[str, Any]) -> None:
        reply_to = message.properties.get("reply_to")
        if not isinstance(reply_to, str) or not reply_to.startswith("reply."):
            raise ValueError("nobody to answer")
        publisher = Publisher(
            container_of(self).config["AMQP_URI"],
            serializer=SERIALIZER,
            delivery_mode=TRANSIENT,
            retry=True,
            retry_policy=RETRY_FOR_EVER,
        )
        publisher.publish(
            {"result": result, "error": None},
            exchange=Exchange(RPC, type="topic", no_declare=True),
            routing_key=reply_to,
            correlation_id=message.properties.get("correlation_id"),
            transport_options=dict(RETRY_FOR_EVER),
        )


class SealedRpc(Rpc):
    """nameko's RPC entrypoint on :class:`SealedRpcConsumer`."""

    rpc_consumer = SealedRpcConsumer()
