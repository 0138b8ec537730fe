"""SMTP servers for the tests: a mailbox that works, and a relay that does as its script says."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

HANG_UP = None
Reply = str | None | tuple[float, str]
"""A line; nothing more, the connection is closed; or a line after so many seconds."""

_USUAL: dict[str, Reply] = {
    "CONNECT": "220 ready",
    "EHLO": "250 relay",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "END": "250 taken",
    "QUIT": "221 bye",
    "RSET": "250 ok",
}


@dataclass
class ScriptedRelay:
    """A relay on loopback that answers each verb as ``script`` says, else as usual.

    ``END`` is the answer to a whole message. ``taken`` holds the messages whose
    end was read, each with the time.
    """

    script: Mapping[str, Reply] = field(default_factory=dict)
    before_data: Callable[[], object] = lambda: None
    """Called when DATA was asked for, before it is answered."""
    before_end: Callable[[], object] = lambda: None
    """Called when the message is here, before it is answered."""
    taken: list[tuple[float, bytes]] = field(default_factory=list)
    tls: ssl.SSLContext | None = None
    """TLS from the first byte."""
    verbs: list[str] = field(default_factory=list)
    port: int = 0
    serving: int = 0
    """How many connections are open."""

    def __enter__(self) -> ScriptedRelay:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()
        self._thread.join(5)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            self.serving += 1
            threading.Thread(target=self._until_closed, args=(connection,), daemon=True).start()

    def _until_closed(self, connection: socket.socket) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self._served(connection)
        except OSError:
            return
        finally:
            self.serving -= 1

    def _served(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                if not self._answer(connection, "CONNECT"):
                    return
                for line in lines:
                    verb = line.decode().split()[0].upper()
                    self.verbs.append(verb)
                    if verb == "DATA":
                        self.before_data()
                    if not self._answer(connection, verb):
                        return
                    if verb == "DATA" and str(self.script.get("DATA", "354")).find("354") >= 0:
                        content = b""
                        for part in lines:
                            content += part
                            if part == b".\r\n":
                                break
                        else:
                            return
                        self.taken.append((time.monotonic(), content))
                        self.before_end()
                        if not self._answer(connection, "END"):
                            return
        except OSError:
            return

    def _answer(self, connection: socket.socket, verb: str) -> bool:
        reply = self.script.get(verb, _USUAL.get(verb, "500 what"))
        if reply is HANG_UP:
            return False
        if isinstance(reply, tuple):
            threading.Event().wait(reply[0])
            reply = reply[1]
        connection.sendall(reply.encode() + b"\r\n")
        return True
