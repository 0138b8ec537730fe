"""Where a person may be reached: said by them, for a while, and never past their no."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.notifications.domain.channel import AddressMark, Way
from services.notifications.domain.hours import SafeHours
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.refusals import (
    AddressNeeded,
    ErasureUnderWay,
    NoAddressWanted,
    NoSuchChannel,
    NotConfirmedYet,
    NotUsedAnyMore,
    VerifiedInTheFuture,
    VerifiedTooLongAgo,
)
from shared.accompaniment.refusals import SecondPersonNeeded, TrainingNeeded
from tests.support.examples import IVO, MARIA, NOON, NOOR, ROSA, an_id, said
from tests.unit.notifications.contact import (
    ALWAYS,
    EMAIL,
    MORNINGS,
    PHONE,
    SENDERS,
    TODAY,
    declare,
    marked,
    preference,
)

DAY = timedelta(days=1)


def events(of: ContactPreference) -> list[str]:
    return [type(event).__name__ for event in of.collect_events()]


def test_a_way_the_survivor_called_safe_is_safe_at_once() -> None:
    maria = preference()

    state = declare(maria)

    assert state == "safe"
    assert events(maria) == ["ChannelDeclaredSafe"]
    way = maria.way(NOON, SENDERS)
    assert isinstance(way, Way)
    assert (way.channel_id, way.send_from) == (EMAIL, NOON)


@pytest.mark.rule("R71")
def test_a_way_that_staff_recorded_is_not_used_before_it_is_confirmed() -> None:
    maria = preference()

    state = declare(maria, decision=said(recorded_by=ROSA))

    assert state == "awaiting_confirmation"
    assert maria.way(NOON, SENDERS) == "unconfirmed"


@pytest.mark.rule("R71")
def test_the_survivor_confirms_what_staff_recorded() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA))
    maria.collect_events()

    state = maria.confirm(EMAIL, trained=False, decision=said())

    assert state == "safe"
    [confirmed] = maria.collect_events()
    assert isinstance(confirmed, ContactPreference.ChannelConfirmed)
    assert confirmed.confirmed_by == "survivor"


@pytest.mark.rule("R71")
def test_a_second_trained_person_confirms_what_staff_recorded() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA))
    maria.collect_events()

    state = maria.confirm(EMAIL, trained=True, decision=said(recorded_by=NOOR))

    assert state == "safe"
    [confirmed] = maria.collect_events()
    assert isinstance(confirmed, ContactPreference.ChannelConfirmed)
    assert confirmed.confirmed_by == "second_person"


@pytest.mark.rule("R71")
def test_nobody_confirms_what_they_recorded_themselves() -> None:
    """Not even somebody trained: two people have to have heard it."""
    maria = preference()
    declare(maria, decision=said(recorded_by=NOOR))
    maria.collect_events()

    with pytest.raises(SecondPersonNeeded):
        maria.confirm(EMAIL, trained=True, decision=said(recorded_by=NOOR))

    assert events(maria) == []


@pytest.mark.rule("R71")
def test_the_untrained_cannot_be_the_second_person() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA))
    maria.collect_events()

    with pytest.raises(TrainingNeeded):
        maria.confirm(EMAIL, trained=False, decision=said(recorded_by=IVO))

    assert events(maria) == []


def test_confirming_twice_is_ignored() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA))
    maria.confirm(EMAIL, trained=False, decision=said())
    maria.collect_events()

    assert maria.confirm(EMAIL, trained=False, decision=said()) == "safe"
    assert events(maria) == []


def test_a_confirmation_that_comes_after_the_window_confirms_nothing() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA), stale_after_days=7)
    maria.collect_events()

    with pytest.raises(VerifiedTooLongAgo):
        maria.confirm(EMAIL, trained=False, decision=said(at=NOON + 8 * DAY))

    assert events(maria) == []


@pytest.mark.rule("R71")
@pytest.mark.parametrize("recorder", [None, ROSA], ids=["the survivor", "staff"])
def test_not_safe_any_more_acts_at_once_whoever_records_it(recorder: object) -> None:
    maria = preference()
    declare(maria)
    maria.collect_events()

    state = maria.declare_unsafe(EMAIL, decision=said(recorded_by=recorder))

    assert state == "unsafe"
    assert events(maria) == ["ChannelDeclaredUnsafe"]
    assert maria.way(NOON, SENDERS) == "unsafe"


def test_a_way_that_waits_for_confirmation_can_be_declared_unsafe() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA))

    maria.declare_unsafe(EMAIL, decision=said())

    with pytest.raises(NotUsedAnyMore):
        maria.confirm(EMAIL, trained=True, decision=said(recorded_by=NOOR))
    assert maria.way(NOON, SENDERS) == "unsafe"


def test_declaring_unsafe_twice_is_ignored() -> None:
    maria = preference()
    declare(maria)
    maria.declare_unsafe(EMAIL, decision=said())
    maria.collect_events()

    assert maria.declare_unsafe(EMAIL, decision=said()) == "unsafe"
    assert events(maria) == []


def test_a_way_nobody_declared_is_not_found() -> None:
    with pytest.raises(NoSuchChannel):
        preference().declare_unsafe(EMAIL, decision=said())


def test_a_way_goes_stale_by_itself() -> None:
    maria = preference()
    declare(maria, stale_after_days=30)

    assert isinstance(maria.way(NOON + 30 * DAY, SENDERS), Way)
    assert maria.way(NOON + 31 * DAY, SENDERS) == "stale"


def test_a_clock_that_went_backwards_finds_no_safe_way() -> None:
    """Consents expire on the safe side, whatever the clock does."""
    maria = preference()
    declare(maria)

    assert maria.way(NOON - 2 * DAY, SENDERS) == "stale"


def test_verifying_starts_the_window_anew() -> None:
    maria = preference()
    declare(maria, stale_after_days=30)
    later = NOON + 20 * DAY

    state = maria.verify(EMAIL, later.date(), decision=said(at=later))

    assert state == "safe"
    assert isinstance(maria.way(NOON + 50 * DAY, SENDERS), Way)
    assert maria.way(NOON + 51 * DAY, SENDERS) == "stale"


@pytest.mark.rule("R71")
def test_a_verification_that_staff_recorded_counts_once_confirmed() -> None:
    """Until then the survivor's own window goes on, and no longer than they said."""
    maria = preference()
    declare(maria, stale_after_days=30)
    later = NOON + 20 * DAY

    state = maria.verify(EMAIL, later.date(), decision=said(recorded_by=ROSA, at=later))

    assert state == "awaiting_confirmation"
    assert isinstance(maria.way(later, SENDERS), Way)
    assert maria.way(NOON + 31 * DAY, SENDERS) == "stale"
    maria.confirm(EMAIL, trained=True, decision=said(recorded_by=NOOR, at=later))
    assert isinstance(maria.way(NOON + 50 * DAY, SENDERS), Way)


def test_the_same_verification_twice_is_ignored() -> None:
    maria = preference()
    declare(maria)
    later = NOON + DAY
    maria.verify(EMAIL, later.date(), decision=said(recorded_by=ROSA, at=later))
    maria.collect_events()

    again = maria.verify(EMAIL, later.date(), decision=said(recorded_by=ROSA, at=later))
    known = maria.verify(EMAIL, TODAY, decision=said(at=later))

    assert (again, known) == ("awaiting_confirmation", "safe")
    assert events(maria) == []


def test_an_older_verification_is_refused() -> None:
    maria = preference()
    declare(maria)

    with pytest.raises(VerifiedTooLongAgo):
        maria.verify(EMAIL, TODAY - DAY, decision=said())


def test_a_way_that_was_never_confirmed_cannot_be_verified() -> None:
    maria = preference()
    declare(maria, decision=said(recorded_by=ROSA))

    with pytest.raises(NotConfirmedYet):
        maria.verify(EMAIL, TODAY, decision=said())


def test_a_coming_day_is_refused() -> None:
    maria = preference()

    with pytest.raises(VerifiedInTheFuture):
        declare(maria, verified_on=TODAY + DAY)

    assert events(maria) == []


def test_today_is_the_day_it_is_for_the_person() -> None:
    """At noon in London it is the next morning already on Kiritimati."""
    maria = preference()
    hours = SafeHours.of(range(7), "00:00", "23:59", "Pacific/Kiritimati")

    assert declare(maria, hours=hours, verified_on=TODAY + DAY) == "safe"


def test_a_window_that_is_over_already_is_refused() -> None:
    with pytest.raises(VerifiedTooLongAgo):
        declare(preference(), verified_on=TODAY - 31 * DAY, stale_after_days=30)


def test_a_way_needs_its_address() -> None:
    with pytest.raises(AddressNeeded):
        declare(preference(), address=None)


def test_no_address_is_kept_where_the_survivor_calls() -> None:
    with pytest.raises(NoAddressWanted):
        declare(preference(), channel="i_will_call_you")


@pytest.mark.rule("I09")
def test_a_notice_waits_for_the_next_safe_hours() -> None:
    maria = preference()
    declare(maria, hours=MORNINGS)

    way = maria.way(NOON, SENDERS)

    assert isinstance(way, Way)
    assert way.send_from == NOON.replace(hour=8) + DAY


@pytest.mark.rule("I09")
def test_no_safe_hour_is_left_before_the_way_goes_stale() -> None:
    maria = preference()
    tuesdays = SafeHours.of([1], "08:00", "09:00", "UTC")
    declare(maria, hours=tuesdays, stale_after_days=3)

    assert maria.way(NOON + 2 * DAY, SENDERS) == "out_of_hours"


def test_the_way_whose_safe_hours_come_first_is_taken() -> None:
    maria = preference()
    declare(maria, EMAIL, hours=MORNINGS)
    declare(maria, PHONE, "sms", hours=ALWAYS)

    way = maria.way(NOON, SENDERS)

    assert isinstance(way, Way)
    assert way.channel_id == PHONE


def test_waiting_for_the_survivors_call_is_the_last_resort() -> None:
    maria = preference()
    declare(maria, PHONE, "i_will_call_you", address=None)
    declare(maria, EMAIL, hours=MORNINGS)

    way = maria.way(NOON, SENDERS)
    assert isinstance(way, Way)
    assert way.channel == "email"
    maria.declare_unsafe(EMAIL, decision=said())
    assert maria.way(NOON, SENDERS) == "they_call"


@pytest.mark.parametrize("channel", ["voice", "sms", "printed_letter"])
def test_a_way_that_nothing_can_be_sent_by_is_named_as_such_and_hides_no_other(
    channel: str,
) -> None:
    maria = preference()
    declare(maria, PHONE, channel)

    assert maria.way(NOON, frozenset({"email"})) == "no_sender"
    declare(maria, EMAIL, hours=MORNINGS)
    way = maria.way(NOON, frozenset({"email"}))
    assert isinstance(way, Way)
    assert way.channel_id == EMAIL


@pytest.mark.rule("I09")
def test_the_same_way_is_looked_at_again_and_never_another() -> None:
    maria = preference()
    declare(maria, EMAIL)
    declare(maria, PHONE, "sms")

    assert isinstance(maria.same_way(EMAIL, NOON), Way)
    maria.declare_unsafe(EMAIL, decision=said())

    assert maria.same_way(EMAIL, NOON) == "unsafe"
    assert maria.same_way(an_id("nothing"), NOON) == "no_channel"


def test_nobody_declared_anything() -> None:
    assert preference().way(NOON, SENDERS) == "no_channel"


def test_an_unsafe_way_never_hides_a_safe_one() -> None:
    maria = preference()
    declare(maria, EMAIL)
    declare(maria, PHONE, "sms")
    maria.declare_unsafe(EMAIL, decision=said())

    way = maria.way(NOON, SENDERS)

    assert isinstance(way, Way)
    assert way.channel_id == PHONE


def test_everything_can_be_declared_unsafe_in_one_step() -> None:
    maria = preference()
    declare(maria, EMAIL)
    declare(maria, PHONE, "sms", decision=said(recorded_by=ROSA))
    maria.collect_events()

    maria.declare_all_unsafe(decision=said())

    assert events(maria) == ["ChannelDeclaredUnsafe", "ChannelDeclaredUnsafe"]
    assert maria.way(NOON, SENDERS) == "unsafe"


def test_after_an_erasure_no_way_is_left() -> None:
    maria = preference()
    declare(maria)
    maria.collect_events()

    maria.erase(an_id("erasure"))
    maria.erase(an_id("erasure"))

    assert events(maria) == ["ContactErased"]
    assert maria.way(NOON, SENDERS) == "no_channel"
    with pytest.raises(NotUsedAnyMore):
        maria.verify(EMAIL, TODAY, decision=said())
    assert maria.declare_unsafe(EMAIL, decision=said()) == "erased"


@pytest.mark.rule("R50")
def test_a_preference_belongs_to_one_participation() -> None:
    assert ContactPreference.create_id(MARIA) != ContactPreference.create_id(an_id("maria again"))


SAME = {"address_mark": marked("one address")}


@pytest.mark.rule("I09")
@pytest.mark.rule("R71")
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_a_no_ends_every_way_to_its_address_and_each_is_on_record(channel: str) -> None:
    maria = preference()
    declare(maria, EMAIL, **SAME)
    declare(maria, PHONE, channel, **SAME, decision=said(recorded_by=ROSA))
    declare(maria, an_id("other"))
    maria.collect_events()

    maria.declare_unsafe(PHONE, decision=said())

    assert events(maria) == ["ChannelDeclaredUnsafe"] * 2
    assert [c.state for c in maria.channels.values()] == ["unsafe", "unsafe", "safe"]


@pytest.mark.rule("I09")
def test_a_no_to_a_way_that_has_ended_is_a_no_to_its_address() -> None:
    maria = preference()
    declare(maria, EMAIL, **SAME)
    maria.declare_unsafe(EMAIL, decision=said())
    declare(maria, PHONE, "email", **SAME)

    maria.declare_unsafe(EMAIL, decision=said())

    assert maria.channels[PHONE].state == "unsafe"


@pytest.mark.rule("I09")
def test_marks_of_two_keys_say_nothing_so_that_a_no_ends_both() -> None:
    maria = preference()
    declare(maria, EMAIL, address_mark=AddressMark(an_id("key"), an_id("digest")))
    declare(maria, PHONE, "email", address_mark=AddressMark(an_id("new key"), an_id("digest")))

    maria.declare_unsafe(EMAIL, decision=said())

    assert maria.channels[PHONE].state == "unsafe"


@pytest.mark.rule("I09")
@pytest.mark.rule("R71")
def test_the_survivors_word_renews_the_way_that_is_there_and_outdates_what_waits() -> None:
    maria = preference()
    declare(maria, EMAIL, **SAME)
    waiting = an_id("waiting")
    declare(maria, waiting, **SAME, decision=said(recorded_by=ROSA))
    maria.collect_events()

    declare(maria, an_id("again"), **SAME, hours=MORNINGS)

    assert events(maria) == ["ChannelDeclaredSafe", "ChannelReplaced"]
    assert [c.state for c in maria.channels.values()] == ["safe", "replaced"]
    assert maria.channels[EMAIL].hours == MORNINGS
    with pytest.raises(NotUsedAnyMore):
        maria.confirm(waiting, trained=True, decision=said(recorded_by=NOOR))


@pytest.mark.rule("R71")
def test_what_staff_write_down_changes_nothing_that_the_survivor_declared() -> None:
    maria = preference()
    declare(maria, EMAIL, **SAME, hours=MORNINGS)
    written = an_id("written down")

    declare(maria, written, **SAME, decision=said(recorded_by=ROSA))

    assert maria.channels[EMAIL].hours == MORNINGS
    assert [c.state for c in maria.channels.values()] == ["safe", "awaiting_confirmation"]
    maria.confirm(written, trained=True, decision=said(recorded_by=NOOR))
    assert [c.state for c in maria.channels.values()] == ["replaced", "safe"]


def test_whoever_confirms_confirms_what_they_read_and_nothing_written_since() -> None:
    maria = preference()
    declare(maria, EMAIL, **SAME, hours=MORNINGS, decision=said(recorded_by=ROSA))
    declare(maria, PHONE, "email", **SAME, decision=said(recorded_by=ROSA))

    with pytest.raises(NotUsedAnyMore):
        maria.confirm(EMAIL, trained=True, decision=said(recorded_by=NOOR))


@pytest.mark.rule("I09")
@pytest.mark.rule("R09")
def test_once_an_erasure_is_asked_for_no_way_is_used_and_none_declared_until_it_is_done() -> None:
    maria = preference()
    declare(maria)
    maria.collect_events()

    for _ in range(2):
        maria.request_erasure(an_id("erasure"))
    assert maria.way(NOON, SENDERS) == "no_channel"
    with pytest.raises(ErasureUnderWay):
        declare(maria, PHONE)
    maria.erase(an_id("erasure"))
    maria.request_erasure(an_id("erasure"))

    assert events(maria) == ["ContactErasureRequested", "ContactErased"]
    assert declare(maria, PHONE) == "safe"
