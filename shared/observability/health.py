"""A small HTTP server beside a service: is it alive, is it ready, what does it count.

Standard library and one thread a request, so it runs the same under eventlet's
patched threads and without them. Bind it to an internal network only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

_log = structlog.get_logger(__name__)

_TICK = 0.2
"""Seconds after which a stop is noticed."""

PATIENCE = 3.0
"""Seconds after which ``/health/ready`` says what it knows: whoever asks gives up after 4."""

Check = Callable[[], bool]
"""Whether one thing that a service needs is there. Raising counts as no, and so does being late."""


class HealthServer:
    """``/health/live``, ``/health/ready`` and ``/metrics``; ``start``, then ``stop``."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        registry: CollectorRegistry,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Binds at once; port 0 takes a free one. ``OSError`` where the port is taken."""
        self._server = ThreadingHTTPServer((host, port), _handler(_Checks(checks), registry))
        self._server.daemon_threads = True
        self._server.socket.settimeout(_TICK)
        self._stopped = Event()
        self._thread = Thread(target=self._serve, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._server.server_close()

    def _serve(self) -> None:
        # Not serve_forever: its selector blocks every greenlet where the module
        # was imported before eventlet patched the threads. A plain accept never does.
        while not self._stopped.is_set():
            try:
                connection, address = self._server.get_request()
            except OSError:
                continue
            self._server.process_request(connection, address)


def _handler(checks: _Checks, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5
        server_version = "sayso"
        sys_version = ""

        def handle(self) -> None:
            # Who asked has left, or was cut off: there is nobody to tell.
            with suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            path = self.path.split("?", 1)[0]
            if path == "/health/live":
                self._json(200, {"alive": True})
            elif path == "/health/ready":
                found = checks.found(PATIENCE)
                ready = all(found.values())
                self._json(200 if ready else 503, {"ready": ready, "checks": found})
            elif path == "/metrics":
                self._answer(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))
            else:
                self._json(404, {"detail": "There is nothing here under that path."})

        def _json(self, status: int, body: dict[str, Any]) -> None:
            self._answer(status, "application/json", json.dumps(body).encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            # Probes come every few seconds, and a request line is somebody else's text.
            return

    return Handler


class _Checks:
    """All at once, each in a thread of its own, so that none makes another late."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = dict(checks)
        self._under_way: dict[str, _Asked] = {}
        self._lock = Lock()

    def found(self, within: float) -> dict[str, bool]:
        """What each says by then."""
        until = time.monotonic() + within
        with self._lock:
            asked = {name: self._ask(name) for name in self._checks}
        return {name: one.holds(until - time.monotonic()) for name, one in asked.items()}

    def _ask(self, name: str) -> _Asked:
        # One that is late is waited for again, and never asked twice at once.
        one = self._under_way.get(name)
        if one is None or one.done:
            one = self._under_way[name] = _Asked(name, self._checks[name])
        return one


class _Asked:
    def __init__(self, name: str, check: Check) -> None:
        self._name, self._check = name, check
        self._holds = False
        self._answered = Event()
        Thread(target=self._run, name=f"check {name}", daemon=True).start()

    @property
    def done(self) -> bool:
        return self._answered.is_set()

    def holds(self, within: float) -> bool:
        return self._answered.wait(max(0.0, within)) and self._holds

    def _run(self) -> None:
        try:
            self._holds = bool(self._check())
        except Exception:
            _log.warning("a readiness check failed", kind=self._name, exc_info=True)
        finally:
            self._answered.set()
