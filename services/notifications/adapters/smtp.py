"""Hands one message to the deployment's relay (RFC 5321), over TLS, in bounded time.

Everything slow comes before the intent is stored: connecting, TLS, login,
sender, recipient. What comes after it is the message itself, which leaves
within the time it was given or not at all.
"""

from __future__ import annotations

import re
import select
import smtplib
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer

from services.notifications.adapters.settings import RelaySettings

CONNECT_WITHIN = 20.0
"""Seconds until the relay has accepted sender and recipient."""
REPLY_WITHIN = 60.0
"""Seconds for the relay's answer to a whole message."""
GOODBYE_WITHIN = 2.0

CUT_WITHIN = 0.05
"""Seconds kept back of a hand-over, to cut the connection in."""
LOOK_EVERY = 0.002
PIECE = 16_384
"""Bytes handed to the system at once: one record of TLS."""

_LINE_DOT = re.compile(rb"(?m)^\.")


class RelayAway(Exception):
    """Nothing of the message left. The relay does not answer, or does not work as it is set up."""


class RefusedForNow(Exception):
    """The relay took nothing, and may later (a reply 4xx)."""


class RefusedForEver(Exception):
    """The relay took nothing, and never will (a reply 5xx about recipient or message)."""


class OutcomeUnknown(Exception):
    """The message left, and whether the relay took it was not heard."""


class Handover:
    """A relay that waits for the message, its sender and recipient accepted."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def give(self, message: bytes, until: float) -> None:
        """Hand the message over; no byte of it leaves after ``until`` (``time.monotonic``).

        What the system has taken has not left yet: a line that stalls lets it go minutes
        later. So it is through when the other machine has acknowledged all of it; what it
        has not by then is discarded with the connection, and an unfinished message is none.

        Raises ``RelayAway``, ``RefusedForNow`` or ``RefusedForEver`` where it was
        surely not taken, ``OutcomeUnknown`` where that is not known.
        """
        smtp = self._smtp
        try:
            with _silent_as(RelayAway), _bounded(smtp, until - time.monotonic()):
                _expect((354,), smtp.docmd("DATA"))
            stuffed = _LINE_DOT.sub(b"..", message)
            if until - time.monotonic() <= CUT_WITHIN:
                raise RelayAway
            with _silent_as(OutcomeUnknown):
                _push(_socket(smtp), stuffed + b".\r\n", until - CUT_WITHIN)
            with _silent_as(OutcomeUnknown), _bounded(smtp, REPLY_WITHIN):
                _expect((250,), smtp.getreply(), otherwise=OutcomeUnknown)
        except (OutcomeUnknown, RelayAway):
            # Anything more on this connection could be read as the message.
            _reset(smtp)
            raise


class Relay:
    """The relay of a deployment."""

    def __init__(self, settings: RelaySettings) -> None:
        self.settings = settings
        self._tls = settings.tls()

    @contextmanager
    def ready_for(self, recipient: str) -> Iterator[Handover]:
        """A connection on which the relay has accepted this recipient; closed at the end.

        ``RelayAway``, ``RefusedForNow`` or ``RefusedForEver`` where there is none.
        """
        smtp = self._client()
        try:
            with _silent_as(RelayAway), _bounded(smtp, CONNECT_WITHIN):
                self._introduce(smtp)
                _expect((250, 251), smtp.rcpt(recipient))
            yield Handover(smtp)
        finally:
            _end(smtp)

    def _client(self) -> smtplib.SMTP:
        at = self.settings
        # Not the machine's name: what is said here stands in the message's Received line.
        if at.security == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(local_hostname=at.domain, context=self._tls)
        else:
            smtp = smtplib.SMTP(local_hostname=at.domain)
        smtp.timeout = CONNECT_WITHIN
        # The certificate is checked against it. Given to the constructor it would connect at once.
        vars(smtp)["_host"] = at.host
        return smtp

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        at = self.settings
        _ours((220,), smtp.connect(at.host, at.port))
        _ours((250,), smtp.ehlo())
        if at.security == "starttls":
            _ours((220,), smtp.starttls(context=self._tls))
            _ours((250,), smtp.ehlo())
        if at.password is not None:
            smtp.login(at.user, at.password.reveal())
        _ours((250,), smtp.mail(at.sender))


def _expect(
    wanted: tuple[int, ...],
    reply: tuple[int, bytes],
    otherwise: type[Exception] = RelayAway,
) -> None:
    code, _ = reply  # its text may repeat the address
    if code in wanted:
        return
    raise {4: RefusedForNow, 5: RefusedForEver}.get(code // 100, otherwise)


def _ours(wanted: tuple[int, ...], reply: tuple[int, bytes]) -> None:
    """What is refused before the recipient was named is refused to us, not to the person."""
    if reply[0] not in wanted:
        raise RelayAway


@contextmanager
def _silent_as(kind: type[Exception]) -> Iterator[None]:
    """The library's errors may carry addresses and replies: none of them goes further."""
    try:
        yield
    except (smtplib.SMTPException, OSError, ValueError):
        raise kind from None


@contextmanager
def _bounded(smtp: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """Cut the connection after so many seconds, however slowly the other side speaks."""
    if seconds <= 0:
        raise RelayAway
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)
    cut = Timer(seconds, _cut, (smtp,))
    cut.daemon = True
    cut.start()
    try:
        yield
    finally:
        cut.cancel()


def _push(sock: socket.socket, data: bytes, until: float) -> None:
    """Return when the other machine has all of it. ``TimeoutError`` at ``until``."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # The system gives up by itself too, should this process be halted in between.
        patience = max(1, int(_left(until) * 1000))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
    rest = memoryview(data)
    while rest:
        sock.settimeout(_left(until))
        rest = rest[sock.send(rest[:PIECE]) :]
    while _is_on_the_line(sock):
        time.sleep(min(LOOK_EVERY, _left(until)))


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_on_the_line(sock: socket.socket) -> bool:
    """Whether something of what was sent is not acknowledged by the other machine yet."""
    if sys.platform == "linux":
        import fcntl
        import termios

        waits = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))  # SIOCOUTQ: tcp(7)
        return bool(int.from_bytes(waits, sys.byteorder))
    # Who cannot ask the system takes an answer of the relay for it.
    return not select.select([sock], [], [], 0)[0]


def _reset(smtp: smtplib.SMTP) -> None:
    """End the connection at once: what has not left is discarded, and never leaves."""
    if smtp.sock is not None:
        with suppress(OSError):
            now = struct.pack("ii", 1, 0)
            smtp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
    smtp.close()


def _cut(smtp: smtplib.SMTP) -> None:
    if smtp.sock is not None:
        with suppress(OSError):
            smtp.sock.shutdown(socket.SHUT_RDWR)


def _socket(smtp: smtplib.SMTP) -> socket.socket:
    if smtp.sock is None:
        raise smtplib.SMTPServerDisconnected
    return smtp.sock


def _end(smtp: smtplib.SMTP) -> None:
    try:
        with suppress(smtplib.SMTPException, OSError), _bounded(smtp, GOODBYE_WITHIN):
            smtp.quit()
    finally:
        smtp.close()
