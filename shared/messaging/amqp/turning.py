"""What a service does by itself, beside a service on RabbitMQ."""

from __future__ import annotations

from threading import Event

import structlog

from shared.contracts.refusal import Refused
from shared.messaging.turns import Turn

_log = structlog.get_logger(__name__)


class TurnPart:
    """One turn after another; other services' storing is not heard here, time alone is."""

    def __init__(self, turn: Turn) -> None:
        self.name = turn.name
        self._turn = turn

    def session(self, stopping: Event) -> None:
        """Until it is told to stop."""
        while not stopping.is_set():
            try:
                self._turn.run()
            except Refused as away:
                _log.info("turn put off", kind=self.name, code=away.code)
            except Exception:
                _log.exception("turn failed", kind=self.name)
            stopping.wait(self._turn.every)

    def close(self) -> None:
        """Nothing is held."""
