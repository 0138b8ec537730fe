"""uvicorn around the application: the same for the platform, the demonstration and the tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from threading import Thread
from time import monotonic, sleep

import uvicorn
from starlette.types import ASGIApp

_STARTS_WITHIN = 10.0
_LONGEST_HEADERS = 32_768


def config(
    app: ASGIApp, host: str, port: int, trusted_proxies: Sequence[str] = ()
) -> uvicorn.Config:
    """No access log (its lines hold paths, and paths hold ids), no server header.

    ``X-Forwarded-For`` is believed from ``trusted_proxies`` and from nobody else.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        ws="none",
        http="h11",  # it bounds the size of headers; the faster one does not
        timeout_keep_alive=20,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=_LONGEST_HEADERS,
        backlog=512,
    )


def proxies(given: str) -> tuple[str, ...]:
    """Addresses or networks with commas between; ``ValueError`` for anything else, or for all."""
    named = tuple(part.strip() for part in given.split(",") if part.strip())
    for name in named:
        if ip_network(name).prefixlen == 0:
            raise ValueError("SAYSO_TRUSTED_PROXY: everybody is no proxy")
    return named


@contextmanager
def running(
    app: ASGIApp,
    host: str = "127.0.0.1",
    port: int = 0,
    trusted_proxies: Sequence[str] = (),
) -> Iterator[str]:
    """Serve in a thread of this process while the block runs; its address.

    Port 0 takes a free one. ``OSError`` where the port is taken,
    ``RuntimeError`` where the application does not start.
    """
    # Said to be TCP, for asyncio sends what is written at once only where it knows that it is: else
    # the body of each answer waits for the acknowledgement of its headers, which takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        server = uvicorn.Server(config(app, host, port, trusted_proxies))
        address = f"http://{host}:{listening.getsockname()[1]}"
        thread = Thread(target=_serve, args=(server, listening), name="http", daemon=True)
        thread.start()
        try:
            _wait(server, thread)
            yield address
        finally:
            server.should_exit = True
            thread.join(15)


def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    # uvicorn ends the process where it cannot start; here the waiting thread tells it instead.
    with suppress(SystemExit):
        server.run([listening])


def _wait(server: uvicorn.Server, thread: Thread) -> None:
    until = monotonic() + _STARTS_WITHIN
    while not server.started:
        if not thread.is_alive() or monotonic() > until:
            raise RuntimeError("the gateway did not start")
        sleep(0.01)
