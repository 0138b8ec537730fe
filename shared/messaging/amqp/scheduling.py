"""The scheduler beside a service on RabbitMQ."""

from __future__ import annotations

from threading import Event

from shared.messaging.doorbell import Doorbell
from shared.scheduler.alone import Alone
from shared.scheduler.scheduler import Scheduler

LOOK_EVERY = 1.0


class SchedulerPart:
    """Runs what falls due, where no other process of the service does."""

    name = "scheduler"

    def __init__(self, scheduler: Scheduler, alone: Alone, bell: Doorbell) -> None:
        """``bell`` is rung when something ran, because it may have stored something."""
        self._scheduler = scheduler
        self._alone = alone
        self._bell = bell

    def session(self, stopping: Event) -> None:
        """Until the database goes away."""
        while not stopping.is_set():
            if self._scheduler.run_once():
                self._bell.ring()
            stopping.wait(LOOK_EVERY)

    def close(self) -> None:
        """Give up the place."""
        self._alone.release()
