"""What a service does besides answering: each part in a greenlet of its own, for ever.

A nameko extension, so that the container starts and stops it. Nothing a part
meets may end it, and with it the process: it waits a little and goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any, Protocol

import eventlet
import structlog
from nameko.extensions import DependencyProvider

from shared.contracts.refusal import Refused
from shared.messaging.amqp.link import BROKER_AWAY
from shared.messaging.metrics import RECONNECTS

_log = structlog.get_logger(__name__)
SHORTEST, LONGEST = 0.1, 3.0
STOPS_WITHIN = 2.0


class Part(Protocol):
    """Something that runs until it is told to stop."""

    name: str

    def session(self, stopping: Event) -> None:
        """Work until ``stopping`` is set; raise when a connection is lost."""

    def close(self) -> None:
        """Let go of whatever is held, in whatever state."""


class Background(DependencyProvider):
    """``followers = Background("followers")``: runs the parts built under that key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._stopping = Event()
        self._threads: list[Any] = []

    def start(self) -> None:
        """Start each part."""
        container: Any = self.container
        parts: Sequence[Part] = container.config[BACKGROUND].get(self.key, ())
        for part in parts:
            self._threads.append(
                container.spawn_managed_thread(self._runner(part, container.service_name))
            )

    def stop(self) -> None:
        """Ask each part to stop, and wait a little for it.

        What waits longer, for a service that does not answer, is cut off: every
        effect is one transaction, and what was not acknowledged comes again.
        """
        self._stopping.set()
        with eventlet.Timeout(STOPS_WITHIN, False):
            for thread in self._threads:
                thread.wait()
        for thread in self._threads:
            thread.kill()

    def kill(self) -> None:
        """Ask each part to stop; the container ends their greenlets."""
        self._stopping.set()

    def get_dependency(self, worker_ctx: Any) -> None:
        """Nothing that a method could use."""
        return

    def _runner(self, part: Part, service: str) -> Callable[[], None]:
        return lambda: forever(part, service, self._stopping)


BACKGROUND = "SAYSO_BACKGROUND"
"""Where a container's configuration holds the parts by key."""


def forever(part: Part, service: str, stopping: Event) -> None:
    """Run sessions of ``part`` until ``stopping``; waits longer while they keep failing."""
    pause = SHORTEST
    while not stopping.is_set():
        try:
            part.session(stopping)
            pause = SHORTEST
        except BROKER_AWAY as away:
            RECONNECTS.labels(service, part.name).inc()
            _log.warning("broker away", kind=part.name, error=type(away).__name__)
        except Refused as away:
            _log.warning("put off", kind=part.name, code=away.code)
        except Exception:
            _log.exception("failed, and tried again", kind=part.name)
        finally:
            part.close()
        stopping.wait(pause)
        pause = min(LONGEST, pause * 2)
