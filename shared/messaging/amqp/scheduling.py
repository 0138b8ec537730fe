"""The scheduler beside a service on RabbitMQ."""

from __future__ import annotations

from threading import Event

from shared.scheduler.alone import Alone
from shared.scheduler.scheduler import Scheduler

LOOK_EVERY = 1.0


class SchedulerPart:
    """Runs what falls due, where no other process of the service does."""

    name = "scheduler"

    def __init__(self, scheduler: Scheduler, alone: Alone) -> None:
        self._scheduler = scheduler
        self._alone = alone

    def session(self, stopping: Event) -> None:
        """Until the database goes away."""
        while not stopping.is_set():
            self._scheduler.run_once()
            stopping.wait(LOOK_EVERY)

    def close(self) -> None:
        """Give up the place."""
        self._alone.release()
