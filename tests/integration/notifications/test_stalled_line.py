"""A line that stalls while a message is handed over lets nothing of it go afterwards (0022)."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from infra.certificates import self_signed
from services.notifications.adapters.settings import relay_settings
from services.notifications.adapters.smtp import OutcomeUnknown, Relay
from tests.support.eventually import eventually

TO = "robin@example.org"
LINE = b"y" * 70 + b"\r\n"
END = b"\r\n.\r\n"


def message(size: int) -> bytes:
    return b"To: robin@example.org\r\n\r\n" + LINE * (size // len(LINE))


class Stalling:
    """A relay on loopback that accepts everything, and reads no message until it is told to.

    ``window``: how much of it its machine takes meanwhile.
    """

    def __init__(self, window: int, tls: ssl.SSLContext | None = None) -> None:
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(1)
        self._listening.settimeout(30)
        self.port = self._listening.getsockname()[1]
        self._tls = tls
        self.goes_on, self.is_over = Event(), Event()
        self.taken = b""
        self.how_it_ended = ""
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        line, _ = self._listening.accept()
        line.settimeout(30)
        try:
            speaking = self._tls.wrap_socket(line, server_side=True) if self._tls else line
            with speaking:
                self._speak(speaking)
        except OSError as error:
            self.how_it_ended = type(error).__name__
        self.is_over.set()

    def _speak(self, line: socket.socket) -> None:
        line.sendall(b"220 here\r\n")
        heard = b""
        while not heard.endswith(b"DATA\r\n"):
            more = line.recv(512)
            if not more:
                return
            heard += more
            if not heard.endswith(b"DATA\r\n"):
                line.sendall(b"250 ok\r\n")
        line.sendall(b"354 go on\r\n")
        self.goes_on.wait(30)
        while not self.taken.endswith(END):
            more = line.recv(65_536)
            if not more:
                self.how_it_ended = "closed"
                return
            self.taken += more
        line.sendall(b"250 taken\r\n")
        line.recv(512)

    def close(self) -> None:
        self.goes_on.set()
        self._thread.join(30)
        self._listening.close()


def relay_at(port: int, **more: str) -> Relay:
    settings = relay_settings(
        {
            "SAYSO_SMTP_HOST": "localhost" if more else "127.0.0.1",
            "SAYSO_SMTP_PORT": str(port),
            "SAYSO_SMTP_SECURITY": "none",
            "SAYSO_MAIL_FROM": "notes@mail.example.org",
            **more,
        }
    )
    assert settings is not None
    return Relay(settings)


@pytest.fixture(params=["plain", "tls"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Stalling, Relay]]:
    """A relay whose machine takes next to nothing, and ours that speaks to it."""
    if request.param == "plain":
        stalling = Stalling(1)
        relay = relay_at(stalling.port)
    else:
        certificate, key = self_signed("localhost")
        (tmp_path / "certificate.pem").write_text(certificate)
        (tmp_path / "key.pem").write_text(key)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
        stalling = Stalling(1, tls)
        ca = str(tmp_path / "certificate.pem")
        relay = relay_at(stalling.port, SAYSO_SMTP_SECURITY="implicit", SAYSO_SMTP_CA=ca)
    yield stalling, relay
    stalling.close()


@pytest.mark.rule("I09")
@pytest.mark.rule("R71")
@pytest.mark.parametrize("size", [8_000, 400_000, 8_000_000])
def test_what_has_not_left_in_time_never_leaves(line: tuple[Stalling, Relay], size: int) -> None:
    """Whether our system had taken all of it, or some."""
    stalling, relay = line
    with relay.ready_for(TO) as hands:
        until = time.monotonic() + 0.4
        with pytest.raises(OutcomeUnknown):
            hands.give(message(size), until)
        assert time.monotonic() < until + 0.2
        stalling.goes_on.set()

    eventually(stalling.is_over.is_set, within=20)
    assert END not in stalling.taken
    assert len(stalling.taken) < size
    assert stalling.how_it_ended


def test_a_message_that_the_other_machine_has_is_through_though_its_answer_takes_longer() -> None:
    stalling = Stalling(1_000_000)
    with relay_at(stalling.port).ready_for(TO) as hands:
        until = time.monotonic() + 0.4
        answers = Thread(target=lambda: (Event().wait(0.8), stalling.goes_on.set()))
        answers.start()
        hands.give(message(8_000), until)
        assert time.monotonic() > until
        answers.join()
    stalling.close()

    assert stalling.taken.endswith(END)


def test_a_message_that_is_read_slowly_but_in_time_arrives_whole() -> None:
    stalling = Stalling(1)
    stalling.goes_on.set()
    with relay_at(stalling.port).ready_for(TO) as hands:
        hands.give(message(300_000), time.monotonic() + 20)
    stalling.close()

    assert stalling.taken == message(300_000) + b".\r\n"
