"""A no is said to an address, however often and by whomever it was written down (I09, R71)."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg2
import pytest

from infra.demo.mailbox import Mailbox
from services.notifications.application import NotificationsApplication
from services.notifications.domain.channel import AddressMark, Channel
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.refusals import NotUsedAnyMore
from services.notifications.tables import TABLES
from shared.contracts.notifications import (
    ChooseTopic,
    ConfirmChannel,
    DeclareChannelUnsafe,
    StopEverything,
    VerifyPreference,
)
from shared.contracts.refusal import Unavailable
from shared.eventstore.rebuild import rebuild
from shared.identity.principal import Principal
from shared.sealing.keys import KeyDestroyed
from tests.integration.notifications.world import World
from tests.support.examples import ADDRESS, DANA, MARIA, NOON, NOOR, ROSA
from tests.unit.notifications import news

pytestmark = pytest.mark.rule("I09")

SPELLINGS = [
    ADDRESS,
    f"  {ADDRESS}\t",
    ADDRESS.upper(),
    ADDRESS.replace("@", "+notes@"),
    ADDRESS.replace(".org", ".org".upper()),
    ADDRESS.replace("example.org", "example。org"),
]


def waits(world: World, **more: Any) -> UUID:
    """Rosa writes down a way that nobody has confirmed."""
    found: UUID = world.do(news.declare_safe(how="in_person", **more), by=ROSA).channel_id
    return found


def own(world: World, **more: Any) -> UUID:
    found: UUID = world.do(news.declare_safe(**more)).channel_id
    return found


def say_no(world: World, channel_id: UUID) -> None:
    world.do(DeclareChannelUnsafe(participation_id=MARIA, channel_id=channel_id))


def confirmed(world: World, channel_id: UUID) -> str:
    asked = ConfirmChannel(participation_id=MARIA, channel_id=channel_id, how="in_person")
    state: str = world.do(asked, by=NOOR).state
    return state


def something_is_shared(world: World) -> None:
    world.do(ChooseTopic(participation_id=MARIA, topic="sharing"))
    world.hear(news.grant_given())
    world.run_due()


def by_staff(world: World) -> None:
    world.hear(news.assigned())
    world.hear(news.notice_given())


def states(world: World) -> list[str]:
    return [c.state for c in world.preference().channels]


@pytest.mark.parametrize("again", SPELLINGS)
def test_a_way_declared_twice_is_one_way_and_a_no_to_it_ends_it(
    sending: World, mailbox: Mailbox, again: str
) -> None:
    first, second = own(sending), own(sending, address=again)
    say_no(sending, second)
    something_is_shared(sending)

    assert first == second
    assert states(sending) == ["unsafe"]
    assert mailbox.received == []


def test_declaring_a_way_again_counts_from_now_on_with_what_is_said_now(
    sending: World, mailbox: Mailbox
) -> None:
    own(sending)
    mornings = news.ALL_DAY.model_copy(update={"start": "08:00", "end": "09:00"})
    own(sending, hours=mornings)
    something_is_shared(sending)

    assert mailbox.received == []
    [channel] = sending.preference().channels
    assert (channel.hours, channel.state) == (mornings, "safe")


@pytest.mark.rule("R71")
@pytest.mark.parametrize("address", SPELLINGS)
def test_no_confirmation_of_an_old_record_outruns_the_no_to_its_address(
    sending: World, mailbox: Mailbox, address: str
) -> None:
    by_staff(sending)
    recorded = waits(sending, address=address)
    said = own(sending)
    say_no(sending, said)

    with pytest.raises(NotUsedAnyMore):
        confirmed(sending, recorded)
    something_is_shared(sending)

    assert set(states(sending)) == {"unsafe"}
    assert mailbox.received == []


@pytest.mark.rule("R71")
def test_a_no_ends_what_staff_wrote_down_after_the_survivor_too(
    sending: World, mailbox: Mailbox
) -> None:
    by_staff(sending)
    said, recorded = own(sending), waits(sending)
    assert said != recorded
    say_no(sending, said)

    assert states(sending) == ["unsafe", "unsafe"]
    with pytest.raises(NotUsedAnyMore):
        confirmed(sending, recorded)
    verify = VerifyPreference(
        participation_id=MARIA, channel_id=recorded, verified_on=NOON.date(), how="in_person"
    )
    with pytest.raises(NotUsedAnyMore):
        sending.do(verify, by=ROSA)


@pytest.mark.rule("R71")
def test_a_no_by_staff_to_what_they_wrote_down_ends_what_the_survivor_declared(
    sending: World, mailbox: Mailbox
) -> None:
    by_staff(sending)
    own(sending)
    recorded = waits(sending)
    no = DeclareChannelUnsafe(participation_id=MARIA, channel_id=recorded, how="phone")
    sending.do(no, by=ROSA)
    something_is_shared(sending)

    assert states(sending) == ["unsafe", "unsafe"]
    assert mailbox.received == []


@pytest.mark.rule("R71")
def test_what_the_survivor_said_since_is_not_widened_by_confirming_an_older_record(
    sending: World, mailbox: Mailbox
) -> None:
    by_staff(sending)
    first = waits(sending, verified_on=NOON.date() - timedelta(days=2))
    newer = waits(sending)
    mornings = news.ALL_DAY.model_copy(update={"start": "08:00", "end": "09:00"})
    said = own(sending, hours=mornings)
    something_is_shared(sending)

    with pytest.raises(NotUsedAnyMore):
        confirmed(sending, first)
    assert confirmed(sending, newer) == "safe"  # the very way that she renewed: nothing changes
    sending.run_due()

    assert said == newer
    assert states(sending) == ["replaced", "safe"]
    assert mailbox.received == []


def test_what_is_confirmed_takes_the_place_of_what_was_known_of_the_same_way(
    sending: World, mailbox: Mailbox
) -> None:
    by_staff(sending)
    own(sending)
    mornings = news.ALL_DAY.model_copy(update={"start": "08:00", "end": "09:00"})
    recorded = waits(sending, hours=mornings)
    assert confirmed(sending, recorded) == "safe"
    something_is_shared(sending)

    assert states(sending) == ["replaced", "safe"]
    assert mailbox.received == []


def test_a_notice_that_waits_for_its_hours_ends_with_the_no_to_its_address(
    sending: World, mailbox: Mailbox
) -> None:
    by_staff(sending)
    own(sending, hours=news.ALL_DAY.model_copy(update={"start": "13:00", "end": "14:00"}))
    something_is_shared(sending)
    say_no(sending, waits(sending))
    sending.now += timedelta(hours=1)
    sending.run_due()

    assert sending.states() == [("suppressed", "unsafe")]
    assert mailbox.received == []


def test_after_a_no_the_address_is_used_again_once_it_is_declared_anew(
    sending: World, mailbox: Mailbox
) -> None:
    before = own(sending)
    say_no(sending, before)
    anew = own(sending)
    something_is_shared(sending)

    assert before != anew
    assert len(mailbox.received) == 1


def test_another_address_stays_as_it_is(sending: World, mailbox: Mailbox) -> None:
    say_no(sending, own(sending))
    own(sending, address="another@example.org")
    own(sending, channel="i_will_call_you", address=None)
    something_is_shared(sending)

    assert states(sending) == ["unsafe", "safe", "safe"]
    assert [r.recipients for r in mailbox.received] == [("another@example.org",)]


def test_a_no_waits_for_no_keyring(sending: World, monkeypatch: pytest.MonkeyPatch) -> None:
    by_staff(sending)
    said, _ = own(sending), waits(sending)

    def away(*_: Any) -> Any:
        raise Unavailable

    monkeypatch.setattr(sending.keys, "current", away)
    monkeypatch.setattr(sending.keys, "by_id", away)
    say_no(sending, said)

    assert {row[13] for row in sending.rows("contact_channels")} == {"unsafe"}


# -- what was stored before marks ----------------------------------------------------------------


def as_stored_before_marks(world: World) -> None:
    """Take out of every declaration what came with marks."""
    owner = world.stores.dsn("notifications", "superuser")
    with closing(psycopg2.connect(owner)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE events SET state = convert_to((convert_from(state, 'UTF8')::jsonb"
            " - 'address_mark' - 'class_version')::text, 'UTF8')"
            " WHERE topic LIKE '%.ChannelDeclaredSafe'"
        )
    world.restart()


@pytest.mark.rule("R71")
@pytest.mark.parametrize("when", ["before marks", "since"])
def test_a_no_ends_old_ways_of_its_kind_whichever_of_them_it_named(
    sending: World, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Which of them lead to one address nobody can tell: none of them is used."""
    by_staff(sending)
    with monkeypatch.context() as before:
        before.setattr(type(sending.app), "_mark", lambda *_: None)
        own(sending)
        named = own(sending)
        recorded = waits(sending)
        own(sending, channel="sms", address="+1 555 0100")
        if when == "before marks":
            before.setattr(Channel, "may_lead_where", lambda *_: False)
            say_no(sending, named)
    as_stored_before_marks(sending)
    if when == "since":
        say_no(sending, named)
    rebuild(NotificationsApplication, sending.stores.dsn("notifications", "owner"))
    something_is_shared(sending)

    assert states(sending) == ["unsafe", "unsafe", "unsafe", "safe"]
    with pytest.raises(NotUsedAnyMore):
        confirmed(sending, recorded)
    assert mailbox.received == []
    assert sending.states() == [("suppressed", "no_sender")]


@pytest.mark.rule("R71")
def test_what_staff_wrote_down_before_marks_is_written_down_again_to_be_confirmed(
    sending: World, mailbox: Mailbox
) -> None:
    by_staff(sending)
    recorded = waits(sending)
    as_stored_before_marks(sending)
    own(sending, hours=news.ALL_DAY.model_copy(update={"start": "08:00", "end": "09:00"}))

    with pytest.raises(NotUsedAnyMore):
        confirmed(sending, recorded)
    something_is_shared(sending)
    assert mailbox.received == []


def test_an_old_way_that_nobody_said_no_to_is_used_as_before(
    sending: World, mailbox: Mailbox
) -> None:
    channel_id = own(sending)
    as_stored_before_marks(sending)
    something_is_shared(sending)

    assert [r.recipients for r in mailbox.received] == [(ADDRESS,)]
    say_no(sending, channel_id)
    sending.hear(news.grant_revoked())
    assert sending.states()[-1] == ("suppressed", "unsafe")


def test_a_rebuild_gives_the_same_rows_whatever_was_replaced_renewed_and_ended(
    sending: World,
) -> None:
    by_staff(sending)
    waits(sending)
    own(sending, name_to_use="Robin")
    recorded = waits(sending)
    confirmed(sending, recorded)
    own(sending, address="another@example.org")
    own(sending, channel="sms", address="+1 555 0100")
    say_no(sending, own(sending, channel="voice", address="5550100"))
    sending.do(StopEverything(participation_id=MARIA))
    own(sending)
    before = sending.read_tables()

    rebuild(NotificationsApplication, sending.stores.dsn("notifications", "owner"))

    assert sending.read_tables() == before
    assert sorted(states(sending)) == ["replaced", "safe", *["unsafe"] * 4]


# -- what a mark tells ---------------------------------------------------------------------------


def marks_of(world: World, whose: UUID) -> list[AddressMark]:
    found = world.app.aggregate(ContactPreference.create_id(whose))
    assert isinstance(found, ContactPreference)
    return [c.mark for c in found.channels.values() if c.mark]


def test_nobody_learns_from_marks_that_two_people_use_one_address(sending: World) -> None:
    own(sending)
    sending.do(news.declare_safe(participation_id=DANA), by=Principal.survivor(DANA))

    [hers], [dana] = marks_of(sending, MARIA), marks_of(sending, DANA)

    assert hers.digest != dana.digest
    assert hers.key_id != dana.key_id


def test_a_mark_lies_in_the_log_alone(sending: World, mailbox: Mailbox) -> None:
    own(sending)
    something_is_shared(sending)
    [mark] = marks_of(sending, MARIA)
    elsewhere = [
        repr(sending.rows(table)) for table in (*TABLES, "commands", "due", "inbox", "parked")
    ]
    told = [repr(p.message) for p in sending.app.messages_after(0, 100)]

    for text in (*elsewhere, *told, repr(sending.preference())):
        assert str(mark.digest) not in text
        assert mark.digest.hex not in text


def test_with_the_key_every_way_to_test_a_guess_against_a_mark_is_gone(sending: World) -> None:
    own(sending)
    [before] = marks_of(sending, MARIA)
    sending.hear(news.erasure_requested())
    sending.keys.destroy(MARIA, "contact")
    sending.hear(news.keys_destroyed())

    with pytest.raises(KeyDestroyed):
        sending.keys.by_id(before.key_id)
    with pytest.raises(KeyDestroyed):
        own(sending)


def test_two_people_who_share_an_address_decide_about_it_each_alone(
    sending: World, mailbox: Mailbox
) -> None:
    own(sending)
    dana = Principal.survivor(DANA)
    hers = sending.do(news.declare_safe(participation_id=DANA), by=dana).channel_id
    sending.do(DeclareChannelUnsafe(participation_id=DANA, channel_id=hers), by=dana)
    something_is_shared(sending)

    assert len(mailbox.received) == 1
