"""The relay over TLS, as a deployment has it: verified, logged in to, and never a block."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.certificates import self_signed
from infra.demo.mailbox import USER, Mailbox
from services.notifications.adapters.settings import relay_settings
from services.notifications.adapters.smtp import Relay, RelayAway
from tests.support.mail import ScriptedRelay

ROOT = Path(__file__).parents[3]
MESSAGE = b"Subject: x\r\n\r\n.one dot\r\n..two\r\n.\r\nend\r\n"
TO = "robin@example.org"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    certificate, key = self_signed("localhost")
    (tmp_path / "certificate.pem").write_text(certificate)
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "smtp_password").write_text("a-password")
    return tmp_path


@pytest.fixture
def mailbox(secrets: Path) -> Iterator[Mailbox]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(secrets / "certificate.pem", secrets / "key.pem")
    mailbox = Mailbox(tls=tls, password="a-password").start()
    yield mailbox
    mailbox.stop()


def environ(secrets: Path, port: int, **more: str) -> dict[str, str]:
    return {
        "SAYSO_SMTP_HOST": "localhost",
        "SAYSO_SMTP_PORT": str(port),
        "SAYSO_SMTP_USER": USER,
        "SAYSO_SMTP_CA": str(secrets / "certificate.pem"),
        "SAYSO_SECRETS": str(secrets),
        "SAYSO_MAIL_FROM": "notes@mail.example.org",
        **more,
    }


def relay(environ: dict[str, str]) -> Relay:
    settings = relay_settings(environ)
    assert settings is not None
    return Relay(settings)


def test_a_message_goes_over_verified_tls_after_a_login_and_arrives_byte_for_byte(
    secrets: Path, mailbox: Mailbox
) -> None:
    with relay(environ(secrets, mailbox.port)).ready_for(TO) as hands:
        hands.give(MESSAGE, time.monotonic() + 3)

    [received] = mailbox.received
    assert (received.encrypted, received.data) == (True, MESSAGE)
    assert received.helo == "mail.example.org"


def test_a_relay_with_tls_from_the_first_byte_is_spoken_to_likewise(secrets: Path) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(secrets / "certificate.pem", secrets / "key.pem")
    implicit = {"SAYSO_SMTP_SECURITY": "implicit", "SAYSO_SMTP_USER": ""}
    with ScriptedRelay(tls=tls) as closed:
        with relay(environ(secrets, closed.port, **implicit)).ready_for(TO) as hands:
            hands.give(MESSAGE, time.monotonic() + 3)
        another = environ(secrets, closed.port, **implicit) | another_certificate(secrets)
        with pytest.raises(RelayAway), relay(another).ready_for(TO):
            pass

    assert len(closed.taken) == 1


def another_host(secrets: Path) -> dict[str, str]:
    return {"SAYSO_SMTP_HOST": "127.0.0.1"}


def another_certificate(secrets: Path) -> dict[str, str]:
    (secrets / "other.pem").write_text(self_signed("localhost")[0])
    return {"SAYSO_SMTP_CA": str(secrets / "other.pem")}


def the_systems_certificates(secrets: Path) -> dict[str, str]:
    return {"SAYSO_SMTP_CA": ""}


def another_password(secrets: Path) -> dict[str, str]:
    (secrets / "smtp_password").write_text("another")
    return {}


def no_tls(secrets: Path) -> dict[str, str]:
    return {"SAYSO_SMTP_SECURITY": "none"}


def tls_at_once(secrets: Path) -> dict[str, str]:
    return {"SAYSO_SMTP_SECURITY": "implicit"}


@pytest.mark.parametrize(
    "wrong",
    [
        another_host,
        another_certificate,
        the_systems_certificates,
        another_password,
        no_tls,
        tls_at_once,
    ],
)
def test_without_the_right_certificate_login_or_tls_nothing_is_given(
    secrets: Path, mailbox: Mailbox, wrong: object
) -> None:
    changed = environ(secrets, mailbox.port, **wrong(secrets))  # type: ignore[operator]

    with pytest.raises(RelayAway), relay(changed).ready_for(TO) as hands:
        hands.give(MESSAGE, time.monotonic() + 3)

    assert mailbox.received == []


def test_a_relay_that_does_not_offer_tls_gets_neither_password_nor_address(
    secrets: Path,
) -> None:
    with ScriptedRelay() as plain:
        there = relay(environ(secrets, plain.port))
        with pytest.raises(RelayAway), there.ready_for(TO):
            pass
        assert not any(verb in plain.verbs for verb in ("AUTH", "MAIL", "RCPT"))


UNDER_EVENTLET = """
import eventlet
eventlet.monkey_patch()
import json, sys, time
from services.notifications.adapters.settings import relay_settings
from services.notifications.adapters.smtp import Relay, RelayAway

environ, dawdler = json.loads(sys.argv[1])
longest, beats, running = 0.0, 0, True

def heart():
    global longest, beats
    last = time.monotonic()
    while running:
        eventlet.sleep(0.01)
        now = time.monotonic()
        longest, last, beats = max(longest, now - last), now, beats + 1

def send(settings, seconds):
    with Relay(relay_settings(settings)).ready_for("robin@example.org") as hands:
        hands.give(b"Subject: x\\r\\n\\r\\nx\\r\\n", time.monotonic() + seconds)

beating = eventlet.spawn(heart)
slow = eventlet.spawn(send, dawdler, 1.0)
for _ in range(3):
    send(environ, 3.0)
try:
    slow.wait()
    print("taken late")
except RelayAway:
    pass
running = False
beating.wait()
assert beats > 40 and longest < 0.5, (beats, longest)
print("ok")
"""


def test_under_eventlet_as_in_a_service_a_relay_that_dawdles_blocks_nobody(
    secrets: Path, mailbox: Mailbox
) -> None:
    with ScriptedRelay({"DATA": (3, "354 at last")}) as slow:
        plain = {"SAYSO_SMTP_HOST": "127.0.0.1", "SAYSO_SMTP_SECURITY": "none"}
        dawdler = environ(secrets, slow.port, SAYSO_SMTP_USER="") | plain
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                UNDER_EVENTLET,
                json.dumps([environ(secrets, mailbox.port), dawdler]),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.stdout == "ok\n", done.stderr[-2000:]
    assert len(mailbox.received) == 3
    assert slow.taken == []
