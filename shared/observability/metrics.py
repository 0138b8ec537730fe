"""What is counted of requests: how many, how they ended, how long they took. Never about whom.

Labels are words out of the code (a method, an outcome, a producer): no id is
ever a label.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Histogram

from shared.contracts.refusal import Refused

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one service in a registry of its own."""

    def __init__(self, service: str, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._service = service
        self._requests = Counter(
            "sayso_requests",
            "Requests answered, by outcome",
            ("service", "method", "outcome"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "sayso_request_seconds",
            "How long requests took",
            ("service", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    @contextmanager
    def request(self, method: str) -> Iterator[None]:
        """Count and time one request; refusals are counted by their code."""
        started = perf_counter()
        outcome = "ok"
        try:
            yield
        except Refused as refused:
            outcome = refused.code
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            self._requests.labels(self._service, method, outcome).inc()
            self._seconds.labels(self._service, method).observe(perf_counter() - started)

    def answered(self, method: str, outcome: str, seconds: float) -> None:
        """Count one request that was answered as data: ``ok`` or the refusal's code."""
        self._requests.labels(self._service, method, outcome).inc()
        self._seconds.labels(self._service, method).observe(seconds)
