"""Is it alive, is it ready, what does it count."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Check = Callable[[], bool | Awaitable[bool]]
"""Whether one thing that answering needs is there; a plain function runs in a thread."""

_PATIENCE = 3.0
_log = structlog.get_logger(__name__)


async def readiness(checks: Mapping[str, Check]) -> dict[str, bool]:
    """Each check's answer; raising, or taking longer than three seconds, counts as no."""
    answers = await asyncio.gather(*(_holds(name, check) for name, check in checks.items()))
    return dict(zip(checks, answers, strict=True))


async def _holds(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            if inspect.iscoroutinefunction(check):
                return bool(await check())
            return bool(await asyncio.to_thread(check))
    except Exception as error:
        _log.warning("a readiness check failed", kind=name, error=type(error).__name__)
        return False


class _Merged(Collector):
    """Several registries as one: the embedded platform has one for each service."""

    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self._registries = tuple(registries)

    def collect(self) -> Iterable[Metric]:
        found: dict[str, Metric] = {}
        for registry in self._registries:
            for metric in registry.collect():
                if metric.name not in found:
                    found[metric.name] = Metric(metric.name, metric.documentation, metric.type)
                found[metric.name].samples.extend(metric.samples)
        return found.values()


def exposition(registries: Iterable[CollectorRegistry]) -> bytes:
    """All of them in Prometheus' text format."""
    merged = CollectorRegistry(auto_describe=False)
    merged.register(_Merged(registries))
    return generate_latest(merged)
