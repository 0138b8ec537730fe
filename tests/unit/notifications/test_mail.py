"""What is sent says that there is something new, and tells a stranger nothing else."""

from __future__ import annotations

import json
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import uuid4

import pytest

from services.notifications import data
from services.notifications.adapters.settings import relay_settings
from services.notifications.data import nearest, telling, wordings
from services.notifications.formats.address import sendable
from services.notifications.formats.mail import compose, message_id
from shared.settings import SettingsError
from tests.support.examples import ADDRESS, NAME_TO_USE, NOON, an_id

KEY = b"k" * 32
RELAY = {
    "SAYSO_SMTP_HOST": "relay.example.org",
    "SAYSO_MAIL_FROM": "notes@mail.example.org",
    "SAYSO_MAIL_FROM_NAME": "Notes",
}


def written(language: str = "en", name: str | None = None) -> bytes:
    return compose(
        nearest(wordings(), language),
        sender="notes@mail.example.org",
        sender_name="Notes",
        to=ADDRESS,
        name=name,
        message_id=message_id(an_id("notice"), KEY, "mail.example.org"),
        at=NOON,
    )


@pytest.mark.parametrize("language", sorted(wordings()))
@pytest.mark.parametrize("name", [None, NAME_TO_USE])
def test_a_message_has_the_headers_of_a_plain_one_and_no_word_that_tells(
    language: str, name: str | None
) -> None:
    raw = written(language, name)
    read = message_from_bytes(raw, policy=default)

    assert sorted(read) == [
        "Auto-Submitted",
        "Content-Transfer-Encoding",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ]
    text = raw.decode() + read.get_content()  # type: ignore[attr-defined]
    assert telling(text) == []
    assert "http" not in text
    assert "www" not in text
    assert str(an_id("notice")) not in text
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))


def test_a_name_is_used_only_where_one_was_given_and_cannot_leave_its_line() -> None:
    named = message_from_bytes(written(name="Ana\r\nBcc: x@example.org\n\n.\n"), policy=default)

    assert named["Bcc"] is None
    assert "Hello Ana Bcc: x@example.org .," in named.get_content()  # type: ignore[attr-defined]
    plain = message_from_bytes(written(), policy=default)
    assert plain.get_content().startswith("Hello,\r\n")  # type: ignore[attr-defined]


def test_a_name_of_another_alphabet_arrives_as_it_is() -> None:
    read = message_from_bytes(written("es", name="Ñusta 小红"), policy=default)

    assert "Hola, Ñusta 小红:" in read.get_content()  # type: ignore[attr-defined]


@pytest.mark.rule("R64")
@pytest.mark.parametrize(
    ("asked", "given"), [("es", "es"), ("es-MX", "es"), ("en-GB", "en"), ("xx", "en")]
)
def test_the_language_of_the_person_is_used_where_there_are_words_for_it(
    asked: str, given: str
) -> None:
    assert nearest(wordings(), asked).language == given


def test_every_attempt_of_a_notice_has_one_message_id_that_names_nothing_of_ours() -> None:
    one, other = uuid4(), uuid4()

    assert message_id(one, KEY, "m.example.org") == message_id(one, KEY, "m.example.org")
    assert message_id(one, KEY, "m.example.org") != message_id(other, KEY, "m.example.org")
    assert message_id(one, KEY, "m.example.org") != message_id(one, b"x" * 32, "m.example.org")
    assert one.hex[:8] not in message_id(one, KEY, "m.example.org")


@pytest.mark.parametrize(
    "word",
    ["a victim of", "the Shelter", "your advocate", "DOMESTIC", "Sayso", "policía", "letter bank"],
)
def test_the_search_for_telling_words_finds_them(word: str) -> None:
    assert telling(f"There is {word} something new")


@pytest.mark.parametrize("topic", ["custody_status", "hearings", "letter_bank", "claim", "sharing"])
def test_every_topic_a_person_can_choose_would_tell(topic: str) -> None:
    assert telling(topic.replace("_", " ").removesuffix("s")) or telling(topic.replace("_", " "))


@pytest.mark.parametrize("part", ["subject", "greeting", "greeting_by_name", "lines"])
def test_a_wording_that_tells_anywhere_is_refused_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    for file in Path(data.__file__).parent.glob("*.json"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    path = tmp_path / "wording-notice-1.json"
    changed = json.loads(path.read_text("utf-8"))
    changed["wording"]["es"][part] = ["Su caso"] if part == "lines" else "Su caso"
    path.write_text(json.dumps(changed), "utf-8")
    monkeypatch.setattr(data, "_HERE", tmp_path)

    with pytest.raises(ValueError, match="notice-1/es tells: caso"):
        wordings()


@pytest.mark.parametrize(
    ("given", "sent_to"),
    [
        ("robin@example.org", "robin@example.org"),
        ("  robin.o'k+x@sub.example.org \n", "robin.o'k+x@sub.example.org"),
        ("robin@bücher.example", "robin@xn--bcher-kva.example"),
    ],
)
def test_a_plain_address_is_taken_as_smtp_takes_it(given: str, sent_to: str) -> None:
    assert sendable(given) == sent_to


@pytest.mark.parametrize(
    "given",
    [
        "",
        "robin",
        "@example.org",
        "robin@",
        "robin@localhost",
        "robin@-x.example.org",
        "robin@example..org",
        "a@example.org,b@example.org",
        "Robin <robin@example.org>",
        "robin@example.org\r\nRCPT TO:<x@example.org>",
        '"ro bin"@example.org',
        "röbin@example.org",
        "robin..x@example.org",
        "a" * 65 + "@example.org",
        "robin@" + "a" * 64 + ".org",
        "robin@" + ".".join(["abcdefgh"] * 30),
    ],
)
def test_what_is_no_plain_address_is_not_taken(given: str) -> None:
    assert sendable(given) is None


def test_without_a_relay_nothing_else_is_asked() -> None:
    assert relay_settings({}) is None


def test_a_relay_is_spoken_to_over_tls_with_the_certificate_verified_unless_told() -> None:
    settings = relay_settings(RELAY)
    assert settings is not None

    assert (settings.security, settings.port, settings.domain) == (
        "starttls",
        587,
        "mail.example.org",
    )
    assert settings.tls().check_hostname


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"SAYSO_SMTP_SECURITY": "none"}, "on loopback only"),
        ({"SAYSO_SMTP_SECURITY": "ssl"}, "must be one of"),
        ({"SAYSO_MAIL_FROM": ""}, "SAYSO_MAIL_FROM is not set"),
        ({"SAYSO_MAIL_FROM": "Notes <notes@mail.example.org>"}, "one plain e-mail address"),
        ({"SAYSO_MAIL_FROM": "help@shelter.example.org"}, "told by 'shelter'"),
        ({"SAYSO_MAIL_FROM_NAME": "Victim Services"}, "told by 'victim'"),
        ({"SAYSO_MAIL_FROM_NAME": "Notes\nBcc: x"}, "one line"),
        ({"SAYSO_SMTP_CA": "/nowhere/ca.pem"}, "SAYSO_SMTP_CA"),
        ({"SAYSO_SMTP_USER": "us", "SAYSO_SECRETS": "/nowhere"}, "smtp_password"),
        ({"SAYSO_SMTP_PORT": "smtp"}, "a whole number"),
    ],
)
def test_what_is_wrong_with_a_relay_is_said_by_its_name(changed: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        relay_settings({**RELAY, **changed})


def test_a_password_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "smtp_password").write_text("canary-password\n")

    settings = relay_settings({**RELAY, "SAYSO_SMTP_USER": "us", "SAYSO_SECRETS": str(tmp_path)})

    assert settings is not None
    assert settings.password is not None
    assert settings.password.reveal() == "canary-password"
    assert "canary" not in repr(settings)
