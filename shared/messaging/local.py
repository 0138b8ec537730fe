"""One process, no broker: direct calls, and followers that look for themselves.

Arguments and answers pass through the same JSON bytes as over a broker, so
nothing works here that would not work there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

import structlog

from shared.contracts.refusal import Refused, Unavailable
from shared.messaging.doorbell import Doorbell
from shared.messaging.entry import REQUEST
from shared.messaging.follower import Follower

LOOK_EVERY = 1.0
"""Seconds between looks of a follower that nobody rang, and between retries of what is parked."""

_log = structlog.get_logger(__name__)


class LocalTransport:
    """Calls services in this process."""

    def __init__(self, threads: int = 16) -> None:
        self._services: dict[str, Any] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sayso-call")

    def add(self, name: str, service: Any) -> None:
        """Make a bound service instance reachable."""
        self._services[name] = service

    def send(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        """Call in the caller's own thread; ``timeout`` is bounded by the store's own limits."""
        called = getattr(self._services.get(service), method, None)
        if getattr(called, REQUEST, None) is None or called is None:
            raise Unavailable()
        answer: dict[str, Any] = json.loads(json.dumps(called(json.loads(json.dumps(envelope)))))
        return answer

    async def call(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        """The :class:`~shared.messaging.bus.AsyncBus`: the call runs in a thread of its own."""
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._pool, self.send, service, method, envelope, timeout)
        try:
            return await asyncio.wait_for(running, timeout)
        except TimeoutError:
            raise Unavailable() from None

    def close(self) -> None:
        """Wait for what is running, and take nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class Loop:
    """A thread that does something whenever the bell rings, and at least every so often.

    Failures are logged and tried again at the next turn; nothing ends the
    thread but :meth:`stop`.
    """

    def __init__(
        self, name: str, turn: Callable[[], object], bell: Doorbell, every: float = LOOK_EVERY
    ) -> None:
        self._turn = turn
        self._bell = bell
        self._every = every
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, with a first turn at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; ``join`` waits."""
        self._stopping.set()

    def join(self, timeout: float = 30.0) -> None:
        """Wait until the turn that is under way has ended."""
        self._thread.join(timeout)

    def _run(self) -> None:
        heard = 0
        while not self._stopping.is_set():
            try:
                self._turn()
            except Refused as away:
                _log.warning("turn put off", kind=self._thread.name, code=away.code)
            except Exception:
                _log.exception("turn failed", kind=self._thread.name)
            if not self._stopping.is_set():
                heard = self._bell.wait(heard, self._every)


def following(follower: Follower, bell: Doorbell, every: float = LOOK_EVERY) -> Loop:
    """The loop of one polling follower."""

    def turn() -> None:
        follower.catch_up()
        follower.retry_parked()

    return Loop(f"{follower.consumer}.from.{follower.producer}", turn, bell, every)
