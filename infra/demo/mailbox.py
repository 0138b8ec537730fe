"""A mailbox with an SMTP server of its own, for the demonstration and the tests only.

It takes every message and passes none on. A deployment has a relay instead.

    python mailbox.py serve     in the compose platform: STARTTLS, login, port 2525
    python mailbox.py list      what came, one JSON object a line
    python mailbox.py healthy   ends with 0 if it listens

Stands alone: its container holds this file and aiosmtpd, and nothing of Sayso.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import signal
import socket
import ssl
import sys
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER = "sayso"
KEPT = Path("/tmp/mail")  # noqa: S108 - the container's own tmpfs: it ends with it
PORT = 2525


@dataclass(frozen=True)
class Received:
    """One message as it arrived: its envelope, and every byte of it."""

    helo: str
    sender: str
    recipients: tuple[str, ...]
    encrypted: bool
    data: bytes

    @property
    def message(self) -> EmailMessage:
        """The parsed message."""
        found = message_from_bytes(self.data, policy=default)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def text(self) -> str:
        """What a person reads."""
        return str(self.message.get_content())

    def to_json(self) -> str:
        """One line."""
        return json.dumps({**vars(self), "data": base64.b64encode(self.data).decode()})

    @classmethod
    def from_json(cls, line: str) -> Received:
        """What :meth:`to_json` wrote."""
        row = json.loads(line)
        return cls(
            row["helo"],
            row["sender"],
            tuple(row["recipients"]),
            row["encrypted"],
            base64.b64decode(row["data"]),
        )


class Mailbox:
    """Listens from ``start`` to ``stop``, in a thread of its own.

    Port 0 takes a free one. With ``tls`` it takes mail after STARTTLS only,
    with ``password`` after a login of :data:`USER` only. ``kept`` is a folder
    where another process can read what came.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        password: str | None = None,
        kept: Path | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.received: list[Received] = []
        self._tls, self._password, self._kept = tls, password, kept
        # It would write every line of every message into the log of this process.
        for name in ("mail.log", "mail.error", "mail.debug"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mailbox", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> Mailbox:
        """Listen; ``port`` is known afterwards. ``OSError`` where it is taken."""
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Close the port; what came stays readable."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self) -> Mailbox:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def mail(self) -> list[Received]:
        """What came, oldest first."""
        return list(self.received)

    async def handle_DATA(self, _server: Any, session: Session, envelope: Envelope) -> str:
        """Keep a message."""
        content = envelope.content
        assert isinstance(content, bytes)
        came = Received(
            helo=str(session.host_name),
            sender=str(envelope.mail_from),
            recipients=tuple(envelope.rcpt_tos),
            encrypted=session.ssl is not None,
            data=content,
        )
        self.received.append(came)
        if self._kept is not None:
            self._kept.mkdir(parents=True, exist_ok=True)
            number = len(self.received)
            (self._kept / f"{number:06}.part").write_text(came.to_json() + "\n", "utf-8")
            (self._kept / f"{number:06}.part").rename(self._kept / f"{number:06}.json")
        return "250 kept"

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(self._protocol, self.host, self.port)

    def _protocol(self) -> SMTP:
        return SMTP(
            self,
            loop=self._loop,
            hostname="mailbox",
            ident="mailbox",
            tls_context=self._tls,
            require_starttls=self._tls is not None,
            authenticator=self._admit,
            auth_required=self._password is not None,
            auth_require_tls=self._tls is not None,
            enable_SMTPUTF8=False,
        )

    def _admit(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, who: Any
    ) -> AuthResult:
        expected = LoginPassword(USER.encode(), (self._password or "").encode())
        return AuthResult(success=who == expected, handled=False)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            if task is not asyncio.current_task():
                task.cancel()


def kept(folder: Path = KEPT) -> list[Received]:
    """What came, oldest first."""
    return [Received.from_json(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]


def main(arguments: list[str]) -> int:
    """2 for a wrong argument."""
    if arguments == ["list"]:
        for received in kept():
            print(received.to_json())
        return 0
    if arguments == ["healthy"]:
        with socket.create_connection(("127.0.0.1", PORT), timeout=3) as connection:
            return 0 if connection.recv(3) == b"220" else 1
    if arguments == ["serve"]:
        secrets = Path(os.environ.get("SAYSO_SECRETS", "/run/secrets"))
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(secrets / "certificate.pem", secrets / "key.pem")
        password = (secrets / "smtp_password").read_text("utf-8").strip()
        mailbox = Mailbox("0.0.0.0", PORT, tls=tls, password=password, kept=KEPT).start()  # noqa: S104
        # A log that is there can be searched: nothing of any message is ever in it.
        print(json.dumps({"event": "mailbox listens", "port": PORT}), flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
        mailbox.stop()
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
