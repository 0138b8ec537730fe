"""Notices sent by real SMTP from a real database: each once, or not at all and with its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from infra.demo.mailbox import Mailbox
from services.notifications.data import telling
from services.notifications.domain.refusals import AddressNotSendable
from shared.contracts.base import Request
from shared.contracts.keyring import KeysDestroyedMessage
from shared.contracts.notifications import (
    ChooseTopic,
    DeclareChannelUnsafe,
    DropTopic,
    NoticeSentMessage,
    StopEverything,
)
from shared.contracts.refusal import Unavailable
from shared.messaging.announcement import Announcement
from shared.messaging.pages import Announcements
from tests.integration.notifications.world import World, relay_at
from tests.support.examples import ADDRESS, CANARIES, MARIA, NAME_TO_USE, NOON, OTHER_ADDRESS, an_id
from tests.support.mail import HANG_UP, Reply, ScriptedRelay
from tests.support.postgres import Databases
from tests.unit.notifications import news

MORNINGS = news.ALL_DAY.model_copy(update={"start": "08:00", "end": "09:00"})
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def chosen(world: World, **more: Any) -> UUID:
    """Maria's e-mail is safe and she asked to hear of sharing; something was shared."""
    channel_id: UUID = world.do(news.declare_safe(**more)).channel_id
    world.do(ChooseTopic(participation_id=MARIA, topic="sharing"))
    world.hear(news.grant_given())
    return channel_id


@pytest.mark.rule("I09")
@pytest.mark.rule("R26")
def test_a_notice_arrives_once_where_the_survivor_said_it_is_safe(
    sending: World, mailbox: Mailbox
) -> None:
    chosen(sending, name_to_use=NAME_TO_USE, language="es")

    assert sending.run_due() == 1
    assert sending.run_due() == 0

    [received] = mailbox.received
    assert received.recipients == (ADDRESS,)
    assert (received.sender, received.helo) == ("notes@mail.example.org", "mail.example.org")
    assert received.message["Subject"] == "Hay algo nuevo"
    assert received.text.startswith(f"Hola, {NAME_TO_USE}:")
    [notice] = sending.notices().notices
    assert (notice.state, notice.reason, notice.sent_at) == ("sent", None, NOON)
    assert sending.due() == []


def test_nothing_in_all_its_bytes_tells_a_stranger_anything(
    sending: World, mailbox: Mailbox
) -> None:
    chosen(sending, name_to_use="Robin", say_agency=True)
    sending.run_due()

    [received] = mailbox.received
    everything = " ".join((received.helo, received.sender, received.data.decode(), received.text))
    assert telling(everything) == []
    known = {
        str(value) for row in sending.rows("events") for value in row if isinstance(value, UUID)
    }
    known |= {str(MARIA), MARIA.hex, str(an_id("grant"))}
    assert len(known) > 5
    assert [id for id in known if id in everything or id.replace("-", "") in everything] == []
    assert "sharing" not in everything
    assert "http" not in everything


def test_others_hear_that_it_was_sent_and_no_word_lies_readable_anywhere(
    sending: World, mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    chosen(sending, name_to_use=NAME_TO_USE)
    sending.run_due()

    published = [p.message for p in sending.app.messages_after(0, 100)]

    assert [type(m) for m in published][-1] is NoticeSentMessage
    stored = sending.everything_stored()
    assert [c for c in CANARIES if c.encode() in stored or c in caplog.text] == []
    assert all(canary not in repr(published) for canary in CANARIES)
    assert len(mailbox.received) == 1


def no_longer(no: str) -> Callable[[World, UUID], None]:
    commands: dict[str, Callable[[UUID], Request]] = {
        "unsafe": lambda id: DeclareChannelUnsafe(participation_id=MARIA, channel_id=id),
        "dropped": lambda _: DropTopic(participation_id=MARIA, topic="sharing"),
        "stopped": lambda _: StopEverything(participation_id=MARIA),
    }
    return lambda world, id: world.do(commands[no](id))


def erased(world: World, _: UUID) -> None:
    world.keys.destroy(MARIA, "contact")
    world.hear(
        KeysDestroyedMessage(
            erasure_id=an_id("erasure"),
            participation_id=MARIA,
            record_classes=("contact",),
            at=NOON,
        )
    )


def case_is(state: str) -> Callable[[World, UUID], None]:
    return lambda world, _: world.hear(news.case_is(state))


def closed_unheard(world: World, _: UUID) -> None:
    """Intake has said so, and it is heard only once it is asked for."""
    closed = Announcement(
        producer="intake",
        position=99,
        previous=0,
        stream_id=str(MARIA),
        type="intake.case.state_changed.v1",
        time=NOON,
        correlation_id=an_id("correlation"),
        data={"participation_id": str(MARIA)},
    )
    said = [closed.to_json().decode()]

    class Intake:
        def call(self, *_: Any, **__: Any) -> Announcements:
            if said:
                world.hear(news.case_is("closed"))
                return Announcements(events=(said.pop(),))
            return Announcements(events=())

    world.app.edge = replace(world.app.edge, caller=Intake())


def keys_gone(world: World, _: UUID) -> None:
    """Destroyed, and the news has not come yet."""
    world.keys.destroy(MARIA, "contact")


def days_later(days: int) -> Callable[[World, UUID], None]:
    def pass_by(world: World, _: UUID) -> None:
        world.now += days * DAY

    return pass_by


@pytest.mark.rule("I04")
@pytest.mark.rule("I09")
@pytest.mark.rule("R09")
@pytest.mark.rule("R26")
@pytest.mark.rule("R71")
@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (no_longer("unsafe"), "unsafe"),
        (no_longer("dropped"), "not_chosen"),
        (no_longer("stopped"), "not_chosen"),
        (erased, "no_channel"),
        (keys_gone, "no_channel"),
        (case_is("paused"), "at_rest"),
        (case_is("closed"), "at_rest"),
        (closed_unheard, "at_rest"),
        (days_later(8), "stale"),
        (days_later(-1), "stale"),
    ],
    ids=[
        "unsafe",
        "dropped",
        "stopped",
        "erased",
        "keys destroyed",
        "paused",
        "closed",
        "closed and not heard yet",
        "stale",
        "clock back",
    ],
)
def test_what_holds_at_the_moment_of_sending_counts_and_is_on_record(
    sending: World,
    mailbox: Mailbox,
    meanwhile: Callable[[World, UUID], None],
    reason: str,
) -> None:
    channel_id = chosen(sending, stale_after_days=5)

    meanwhile(sending, channel_id)
    if sending.now < NOON:
        sending.app.committer.execute("UPDATE due SET at = %s", (sending.now,))
    sending.run_due()

    assert mailbox.received == []
    assert sending.states() == [("suppressed", reason)]
    assert sending.due() == []


@pytest.mark.rule("I09")
def test_a_safe_way_of_another_kind_is_never_taken_instead(
    sending: World, mailbox: Mailbox
) -> None:
    channel_id = chosen(sending)
    sending.do(news.declare_safe(address="another@example.org"))
    sending.do(DeclareChannelUnsafe(participation_id=MARIA, channel_id=channel_id))

    sending.run_due()

    assert mailbox.received == []
    assert sending.states() == [("suppressed", "unsafe")]


@pytest.mark.rule("I09")
def test_outside_its_hours_a_notice_waits_and_goes_when_they_begin(
    sending: World, mailbox: Mailbox
) -> None:
    chosen(sending, hours=MORNINGS)
    opening = NOON.replace(hour=8) + DAY
    assert sending.due() == [("send_notice", opening)]
    assert sending.run_due() == 0

    sending.now = opening + 2 * HOUR
    sending.run_due()
    assert sending.states() == [("queued", "out_of_hours")]
    assert mailbox.received == []
    sending.now = opening + DAY
    sending.run_due()

    assert sending.states() == [("sent", None)]
    assert len(mailbox.received) == 1


def test_a_notice_too_old_to_be_expected_is_not_sent(sending: World, mailbox: Mailbox) -> None:
    chosen(sending)

    sending.now = NOON + 9 * DAY
    sending.run_due()

    assert mailbox.received == []
    assert sending.states() == [("suppressed", "lapsed")]


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        ("sms", "no_sender"),
        ("voice", "no_sender"),
        ("printed_letter", "no_sender"),
        ("i_will_call_you", "they_call"),
    ],
)
def test_where_nothing_can_be_sent_the_notice_says_so(
    sending: World, mailbox: Mailbox, channel: str, reason: str
) -> None:
    address = None if channel == "i_will_call_you" else OTHER_ADDRESS
    chosen(sending, channel=channel, address=address)

    assert sending.run_due() == 0

    assert sending.states() == [("suppressed", reason)]
    assert mailbox.received == []


def test_without_a_relay_every_notice_says_so(databases: Callable[..., Databases]) -> None:
    world = World(databases("notifications"), {})
    world.are_told()
    chosen(world)

    assert world.states() == [("suppressed", "no_sender")]
    world.app.close()


def test_what_was_queued_waits_where_the_relay_was_taken_away(sending: World) -> None:
    chosen(sending)
    sending.environ = {}
    sending.restart()

    sending.run_due()

    assert sending.states() == [("queued", None)]
    assert sending.due() == [("send_notice", NOON + timedelta(seconds=30))]


def test_an_address_that_nothing_can_be_sent_to_is_refused_when_it_is_declared(
    sending: World,
) -> None:
    with pytest.raises(AddressNotSendable):
        sending.do(news.declare_safe(address="the blue house, second floor"))


def test_while_the_keyring_is_away_it_waits(
    sending: World, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen(sending)

    def away(key_id: UUID) -> Any:
        raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(sending.keys, "by_id", away)
        sending.run_due()
    assert (sending.states(), mailbox.received) == ([("queued", None)], [])
    sending.now += timedelta(minutes=1)
    sending.run_due()

    assert sending.states() == [("sent", None)]


# -- relays that are not as they should be -----------------------------------------------------


def told(world: World, script: dict[str, Reply]) -> list[tuple[float, bytes]]:
    """What a relay with this script takes of one notice."""
    with ScriptedRelay(script) as relay:
        world.environ = relay_at(relay.port)
        world.restart()
        world.run_due()
    return relay.taken


@pytest.mark.parametrize(
    ("script", "follows"),
    [
        ({"CONNECT": "554 no"}, ("queued", "relay_away")),
        ({"CONNECT": HANG_UP}, ("queued", "relay_away")),
        ({"CONNECT": "rubbish"}, ("queued", "relay_away")),
        ({"EHLO": "500 no", "HELO": "500 no"}, ("queued", "relay_away")),
        ({"MAIL": "550 who are you"}, ("queued", "relay_away")),
        ({"MAIL": "451 later"}, ("queued", "relay_away")),
        ({"RCPT": "450 later"}, ("queued", "refused_for_now")),
        ({"RCPT": "550 unknown"}, ("failed", "refused")),
        ({"RCPT": HANG_UP}, ("queued", "relay_away")),
        ({"DATA": "451 later"}, ("queued", "refused_for_now")),
        ({"DATA": "554 no"}, ("failed", "refused")),
        ({"DATA": HANG_UP}, ("queued", "relay_away")),
        ({"END": "451 later"}, ("queued", "refused_for_now")),
        ({"END": "550 spam"}, ("failed", "refused")),
        ({"END": HANG_UP}, ("unknown", None)),
        ({"END": "rubbish"}, ("unknown", None)),
    ],
    ids=str,
)
def test_what_a_relay_answers_decides_what_becomes_of_it(
    world: World, script: dict[str, Reply], follows: tuple[str, str | None]
) -> None:
    chosen(world)

    told(world, script)

    assert world.states() == [follows]
    waits = [kind for kind, _ in world.due()]
    assert waits == (["send_notice"] if follows[0] == "queued" else [])


@pytest.mark.rule("I09")
def test_after_a_refusal_for_now_it_is_tried_again_by_the_same_way_and_checked_anew(
    world: World,
) -> None:
    channel_id = chosen(world)
    world.do(news.declare_safe(address="another@example.org"))
    told(world, {"RCPT": "450 later"})
    assert told(world, {}) == []
    world.now += timedelta(minutes=1)

    [(_, message)] = told(world, {})

    assert f"To: {ADDRESS}".encode() in message
    assert world.states() == [("sent", None)]
    world.hear(news.grant_revoked())
    told(world, {"END": "451 later"})
    world.do(DeclareChannelUnsafe(participation_id=MARIA, channel_id=channel_id))
    assert told(world, {}) == []
    assert world.states() == [("sent", None), ("suppressed", "unsafe")]


def test_a_message_whose_fate_is_unknown_is_never_sent_again(world: World) -> None:
    chosen(world)

    assert len(told(world, {"END": HANG_UP})) == 1
    for _ in range(3):
        world.now += DAY
        assert told(world, {}) == []

    assert world.states() == [("unknown", None)]


def test_a_relay_that_is_away_is_left_alone_for_a_while_and_then_asked_again(
    world: World, mailbox: Mailbox
) -> None:
    chosen(world)
    world.hear(news.grant_revoked())
    world.run_due()
    assert world.states() == [("queued", "relay_away"), ("queued", None)]

    world.environ = relay_at(mailbox.port)
    world.restart()
    world.now += timedelta(minutes=1)
    world.run_due()

    assert world.states() == [("sent", None), ("sent", None)]
    assert len({r.message["Message-ID"] for r in mailbox.received}) == 2
