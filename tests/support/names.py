"""A name server of the test's own, and processes that ask it.

    python -m tests.support.names PORT NAME      a service, its names asked at that port

Run like this, a connection to PostgreSQL by name alone stops the whole process
for ten seconds, as libpq's own look-up in C does.
"""

from __future__ import annotations

import socket
import sys
import threading
from types import TracebackType
from typing import Any

import dns.message
import dns.rdatatype
import dns.rrset


class NameServer:
    """On loopback. It answers for ``known`` names and stays silent about every other."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            raw, asker = self._socket.recvfrom(4096)
            if not raw:
                return
            question = dns.message.from_wire(raw)
            name = question.question[0].name
            address = self.known.get(name.to_text(omit_final_dot=True))
            if address is None:
                continue
            answer = dns.message.make_response(question)
            if question.question[0].rdtype == dns.rdatatype.A:
                answer.answer.append(dns.rrset.from_text(name, 600, "IN", "A", address))
            self._socket.sendto(answer.to_wire(), asker)


def ask(port: int) -> None:
    """From now on this process, patched by eventlet, asks the name server at ``port``."""
    from eventlet.support import greendns

    def read(self: Any, _: Any) -> None:
        self.nameservers, self.port = ["127.0.0.1"], port

    greendns.dns.resolver.Resolver.read_resolv_conf = read


def _as_in_c() -> None:
    import psycopg2
    from eventlet.patcher import original
    from psycopg2.extensions import parse_dsn

    connect, sleep = psycopg2.connect, original("time").sleep

    def connected(dsn: str, **options: Any) -> Any:
        given = {**parse_dsn(dsn), **options}
        if not given["host"].startswith("/") and "hostaddr" not in given:
            sleep(10)
            raise psycopg2.OperationalError("could not translate host name")
        return connect(dsn, **options)

    psycopg2.connect = connected  # type: ignore[assignment]


def main(arguments: list[str]) -> int:
    """Run the service."""
    import eventlet

    eventlet.monkey_patch()
    port, name = arguments
    ask(int(port))
    _as_in_c()
    from shared.messaging.amqp.process import run

    return run(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
