"""What ends up in the queue, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.notifications.application import NotificationsApplication
from services.notifications.domain.refusals import NoSuchChannel
from shared.contracts.base import Command
from shared.contracts.keyring import KeysDestroyedMessage
from shared.contracts.notifications import (
    ChannelDeclaredSafeMessage,
    ChooseTopic,
    ConfirmChannel,
    DeclareChannelUnsafe,
    DropTopic,
    GetPreference,
    NoticeQueuedMessage,
    NoticeSuppressedMessage,
    StopEverything,
    TopicChosenMessage,
    VerifyPreference,
)
from shared.contracts.refusal import NotAllowed
from shared.eventstore.application import AlreadyDone
from shared.eventstore.rebuild import application_of, rebuild
from shared.sealing.keys import KeyDestroyed
from tests.integration.notifications.world import World
from tests.support.examples import (
    ADDRESS,
    CANARIES,
    DANA,
    HOUSING_AGENCY,
    MARIA,
    NAME_TO_USE,
    NOON,
    NOOR,
    OTHER_ADDRESS,
    OTHER_SURVIVOR,
    ROSA,
    SAM,
    an_id,
)
from tests.unit.notifications import news

SHARING = ChooseTopic(participation_id=MARIA, topic="sharing")
AFTERNOONS = news.ALL_DAY.model_copy(update={"start": "15:00", "end": "18:00"})


def declare(world: World) -> UUID:
    """Maria's e-mail is safe, and how to speak there."""
    channel_id: UUID = world.do(news.declare_safe(name_to_use=NAME_TO_USE)).channel_id
    return channel_id


@pytest.mark.rule("R26")
def test_a_notice_is_queued_where_the_topic_was_chosen(world: World) -> None:
    declare(world)
    world.do(SHARING)

    world.hear(news.grant_given())

    [notice] = world.notices().notices
    assert (notice.topic, notice.state, notice.reason) == ("sharing", "queued", None)
    assert world.due() == [("send_notice", NOON)]


@pytest.mark.rule("R11")
@pytest.mark.rule("R26")
def test_where_the_topic_was_not_chosen_nothing_is_stored_anywhere(world: World) -> None:
    declare(world)
    world.do(ChooseTopic(participation_id=MARIA, topic="hearings"))
    events = len(world.rows("events"))

    for message in (news.grant_given(), news.grant_revoked(), news.disclosure_made()):
        world.hear(message)

    assert len(world.rows("events")) == events
    assert world.rows("due") == world.rows("notices") == []
    assert ("consent", 3) in world.rows("inbox")


@pytest.mark.rule("I09")
def test_without_a_live_preference_the_notice_is_suppressed_and_says_why(world: World) -> None:
    channel_id = declare(world)
    world.do(SHARING)
    world.now = NOON + timedelta(days=91)

    world.hear(news.grant_given())

    assert world.due() == []
    [notice] = world.notices().notices
    assert (notice.state, notice.reason) == ("suppressed", "stale")
    [channel] = world.preference().channels
    assert (channel.channel_id, channel.stale_after) == (
        channel_id,
        NOON.date() + timedelta(days=90),
    )


@pytest.mark.rule("R71")
@pytest.mark.parametrize(
    ("no", "reason"),
    [
        (lambda id: DeclareChannelUnsafe(participation_id=MARIA, channel_id=id), "unsafe"),
        (lambda _: DropTopic(participation_id=MARIA, topic="sharing"), "not_chosen"),
        (lambda _: StopEverything(participation_id=MARIA), "not_chosen"),
    ],
)
def test_what_waits_for_its_hours_is_suppressed_at_once_with_the_survivors_no(
    world: World, no: Callable[[UUID], Command], reason: str
) -> None:
    channel_id = world.do(news.declare_safe(hours=AFTERNOONS)).channel_id
    world.do(SHARING)
    world.hear(news.grant_given())
    assert world.due() == [("send_notice", NOON + timedelta(hours=3))]

    world.do(no(channel_id))
    world.run_due()

    assert world.states() == [("suppressed", reason)]
    assert world.due() == []


@pytest.mark.rule("R71")
@pytest.mark.rule("I09")
@pytest.mark.parametrize(
    ("no", "follows"),
    [
        (
            lambda id: DeclareChannelUnsafe(participation_id=MARIA, channel_id=id),
            [("suppressed", "unsafe")],
        ),
        (lambda _: DropTopic(participation_id=MARIA, topic="sharing"), []),
    ],
)
def test_a_no_that_is_stored_between_the_check_and_the_queue_counts(
    world: World, no: Callable[[UUID], Command], follows: list[tuple[str, str]]
) -> None:
    """Preference, topics and notice are streams of their own: only the log's order decides."""
    channel_id = declare(world)
    world.do(SHARING)

    world.hear_with_something_in_between(news.grant_given(), lambda: world.do(no(channel_id)))

    assert world.states() == follows
    assert world.due() == []


@pytest.mark.rule("R71")
def test_a_way_that_staff_recorded_is_used_once_a_second_trained_person_confirmed_it(
    world: World,
) -> None:
    world.hear(news.assigned())
    world.hear(news.notice_given())
    world.do(SHARING)
    channel_id = world.do(news.declare_safe(), by=ROSA).channel_id
    world.hear(news.grant_given())
    assert world.due() == []

    world.do(ConfirmChannel(participation_id=MARIA, channel_id=channel_id), by=NOOR)
    world.hear(news.grant_revoked())

    assert [n.state for n in world.notices().notices] == ["suppressed", "queued"]
    assert [n.reason for n in world.notices().notices] == ["unconfirmed", None]


def test_a_verification_moves_the_window_that_is_shown(world: World) -> None:
    channel_id = declare(world)
    world.now = NOON + timedelta(days=10)

    world.do(
        VerifyPreference(
            participation_id=MARIA, channel_id=channel_id, verified_on=world.now.date()
        )
    )

    [channel] = world.preference().channels
    assert channel.verified_on == world.now.date()
    assert channel.stale_after == world.now.date() + timedelta(days=90)


def test_messages_say_what_was_decided_and_what_became_of_a_notice_and_nothing_else(
    world: World,
) -> None:
    world.do(SHARING)
    world.hear(news.grant_given())
    declare(world)
    world.hear(news.grant_revoked())

    published = [p.message for p in world.app.messages_after(0, 100)]

    assert [type(m) for m in published] == [
        TopicChosenMessage,
        NoticeSuppressedMessage,
        ChannelDeclaredSafeMessage,
        NoticeQueuedMessage,
    ]
    assert all(canary not in repr(published) for canary in CANARIES)


@pytest.mark.rule("R47")
def test_addresses_and_names_are_stored_sealed_and_opened_for_their_reader(world: World) -> None:
    """R47: what could bring somebody to the door stays closed wherever it lies."""
    declare(world)
    world.do(
        news.declare_safe(
            channel="sms", address=OTHER_ADDRESS, voicemail_ok=False, name_to_use=NAME_TO_USE
        )
    )

    stored = world.everything_stored()

    assert len(stored) > 2_000
    assert [c for c in CANARIES if c.encode() in stored] == []
    mail, phone = world.preference().channels
    assert (mail.address, mail.name_to_use) == (ADDRESS, NAME_TO_USE)
    assert (phone.address, phone.voicemail_ok, phone.say_agency) == (OTHER_ADDRESS, False, False)


@pytest.mark.rule("R50")
def test_a_survivor_reads_nothing_of_another(world: World) -> None:
    declare(world)

    with pytest.raises(NotAllowed):
        world.preference(by=OTHER_SURVIVOR)

    own = world.do(GetPreference(participation_id=DANA), by=OTHER_SURVIVOR)
    assert (own.channels, own.topics) == ((), ())


def test_a_repeated_command_is_answered_as_the_first_and_stores_nothing(world: World) -> None:
    key = an_id("idempotency key")
    first = world.do(news.declare_safe(), key=key)
    before = (world.rows("events"), world.read_tables())

    again = world.do(news.declare_safe(), key=key)

    assert again == first
    assert (world.rows("events"), world.read_tables()) == before


def test_a_message_that_comes_again_stores_nothing(world: World) -> None:
    """Neither at the position that was consumed, nor at one that was never counted."""
    world.do(SHARING)
    world.hear(news.grant_given())
    before = (world.rows("events"), world.read_tables())

    world.positions["consent"] = 0
    with pytest.raises(AlreadyDone):
        world.hear(news.grant_given())
    world.hear_uncounted(news.grant_given(), "consent/1")

    assert (world.rows("events"), world.read_tables()) == before


def test_deciding_the_same_again_stores_no_event(world: World) -> None:
    channel_id = declare(world)
    unsafe = DeclareChannelUnsafe(participation_id=MARIA, channel_id=channel_id)
    again = (unsafe, SHARING, DropTopic(participation_id=MARIA, topic="claim"))
    for command in again:
        world.do(command)
    before = world.rows("events")

    for command in again:
        world.do(command)

    assert world.rows("events") == before


def test_a_rebuild_gives_identical_rows(world: World) -> None:
    everything_that_happens(world)
    before = world.read_tables()
    assert all(before.values()), "a table without rows proves nothing"

    rebuild(NotificationsApplication, world.stores.dsn("notifications", "owner"))

    assert world.read_tables() == before


def test_the_application_is_found_by_its_service() -> None:
    assert application_of("notifications") is NotificationsApplication


def test_after_an_erasure_nobody_reads_an_address_and_nothing_is_sent(world: World) -> None:
    declare(world)
    world.do(SHARING)
    world.hear(news.grant_given())
    world.keys.destroy(MARIA, "contact")

    [unread] = world.preference().channels
    assert (unread.address, unread.name_to_use) == (None, None)
    world.hear(
        KeysDestroyedMessage(
            erasure_id=an_id("erasure"),
            participation_id=MARIA,
            record_classes=("contact",),
            at=NOON,
        )
    )

    assert world.run_due() == 1
    assert world.states() == [("suppressed", "no_channel")]
    assert [(row[3], row[4], row[13]) for row in world.rows("contact_channels")] == [
        (None, None, "erased")
    ]
    assert world.caller.asked == [("keyring", "confirm_forgotten")]
    with pytest.raises(KeyDestroyed):
        world.do(news.declare_safe())


def test_the_staff_of_a_participation_are_those_whom_intake_assigned(world: World) -> None:
    world.hear(news.assigned(ROSA))
    query = GetPreference(participation_id=MARIA)

    assert world.assigned(query, ROSA) == [str(ROSA.id)]
    assert world.assigned(query, NOOR) == []
    world.hear(news.assignment_ended(ROSA))

    assert world.assigned(query, ROSA) == []


def test_a_channel_of_another_participation_does_not_exist_here(world: World) -> None:
    channel_id = declare(world)

    with pytest.raises(NoSuchChannel):
        world.do(
            DeclareChannelUnsafe(participation_id=DANA, channel_id=channel_id), by=OTHER_SURVIVOR
        )

    [channel] = world.preference().channels
    assert channel.state == "safe"


@pytest.mark.rule("R21")
def test_who_comes_with_another_base_or_agency_is_not_named_as_assigned(world: World) -> None:
    asked = GetPreference(participation_id=MARIA)
    world.hear(news.assigned(ROSA))

    assert world.assigned(asked, ROSA) == [str(ROSA.id)]
    assert world.assigned(asked, replace(ROSA, base="systems")) == []
    assert world.assigned(asked, replace(ROSA, agency_id=HOUSING_AGENCY)) == []


def test_nobody_is_assigned_while_news_of_the_participation_waits(world: World) -> None:
    world.hear(news.assigned(ROSA))

    world.park(MARIA)

    assert world.assigned(GetPreference(participation_id=MARIA), ROSA) == []


def everything_that_happens(world: World) -> None:
    """A history that leaves something in every read table."""
    world.hear(news.assigned(ROSA))
    world.hear(news.assigned(SAM))
    world.hear(news.notice_given())
    world.hear(news.assignment_ended(SAM))
    world.do(SHARING)
    world.do(ChooseTopic(participation_id=MARIA, topic="claim"), by=ROSA)
    world.do(ChooseTopic(participation_id=MARIA, topic="claim"))
    world.do(ChooseTopic(participation_id=MARIA, topic="circle"))
    world.do(DropTopic(participation_id=MARIA, topic="circle"))
    world.hear(news.grant_given())
    first = declare(world)
    world.hear(news.grant_revoked())
    world.do(DeclareChannelUnsafe(participation_id=MARIA, channel_id=first))
    second = world.do(news.declare_safe(channel="sms", address=OTHER_ADDRESS), by=ROSA).channel_id
    world.do(ConfirmChannel(participation_id=MARIA, channel_id=second))
    world.now = NOON + timedelta(days=1)
    verified = world.now.date()
    world.do(
        VerifyPreference(participation_id=MARIA, channel_id=second, verified_on=verified), by=ROSA
    )
    world.do(ConfirmChannel(participation_id=MARIA, channel_id=second), by=NOOR)
    world.hear(news.disclosure_made())
