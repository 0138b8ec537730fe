"""The named steps at which a process may die, and where each of them is.

All of them are at the edge, where a process speaks to PostgreSQL or RabbitMQ:
nothing inside the services knows that it is watched.

    before_commit    everything is sent but the COMMIT
    after_commit     committed, and the answer not looked at
    before_publish   read from the log, and not sent
    after_publish    handed to the broker, and its confirm not looked at
    before_confirm   confirmed by the broker, and the cursor of the relay not moved
    after_confirm    the cursor moved, and nothing done after that
    before_ack       the effect is stored, and the message not acknowledged
    after_ack        acknowledged, and nothing done after that
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

STEPS = (
    "before_commit",
    "after_commit",
    "before_publish",
    "after_publish",
    "before_confirm",
    "after_confirm",
    "before_ack",
    "after_ack",
)

DOMAIN_SERVICES = ("intake", "consent", "notifications", "keyring")

SERVICES_OF = {
    step: (*DOMAIN_SERVICES, "audit") if step.endswith("_commit") else DOMAIN_SERVICES
    for step in STEPS
}
"""The ledger publishes nothing and follows nobody; it commits."""


def status_of(step: str) -> int:
    """The exit status of a process that died at this step, and of no other."""
    return 80 + STEPS.index(step)


@dataclass(frozen=True)
class Doom:
    """The step at which a process dies, and at which time of coming there."""

    step: str
    time: int = 1

    def __post_init__(self) -> None:
        if self.step not in STEPS or self.time < 1:
            raise ValueError(f"{self}: a step is one of {', '.join(STEPS)}, and a time at least 1")

    @classmethod
    def parse(cls, text: str) -> Doom:
        """``after_commit:17``."""
        step, _, time = text.partition(":")
        return cls(step, int(time or 1))

    def __str__(self) -> str:
        return f"{self.step}:{self.time}"


def crashes(services_each: int, shuffle: Callable[[list[str]], None]) -> list[tuple[str, str]]:
    """(step, service): every step, each in at most so many services, the first after shuffling."""
    found = []
    for step in STEPS:
        services = list(SERVICES_OF[step])
        shuffle(services)
        found += [(step, service) for service in services[:services_each]]
    return found
