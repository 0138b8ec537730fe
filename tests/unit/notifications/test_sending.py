"""When its time has come a notice is judged again, and goes once, or says why not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.notifications.contracts import announce
from services.notifications.data import notice_policy
from services.notifications.domain.channel import Way
from services.notifications.domain.hours import SafeHours
from services.notifications.domain.notice import HAND_OVER, Notice
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from tests.support.examples import MARIA, NOON, an_id, said
from tests.unit.notifications.contact import EMAIL, MORNINGS, PHONE, SENDERS, declare, preference

DAY = timedelta(days=1)
POLICY = notice_policy()


class Maria:
    """One notice, and what holds while it waits."""

    def __init__(self, hours: SafeHours | None = None, stale_after_days: int = 30) -> None:
        self.preference = preference()
        self.topics = TopicChoice(participation_id=MARIA)
        self.topics.choose("sharing", decision=said())
        more: dict[str, Any] = {"hours": hours} if hours else {}
        declare(self.preference, stale_after_days=stale_after_days, **more)
        self.notice = Notice(
            participation_id=MARIA, topic="sharing", cause="consent/7", requested_at=NOON
        )
        self.notice.check(self.preference, senders=SENDERS, at=NOON)
        self.notice.collect_events()

    def recheck(self, at: Any = NOON) -> Way | None:
        return self.notice.recheck(self.topics, self.preference, POLICY, at=at)

    def begin(self, at: Any = NOON) -> None:
        way = self.recheck(at)
        assert way is not None
        self.notice.begin_sending(
            way, topics_version=self.topics.version, wording_version="w", language="en", at=at
        )

    def decided(self) -> list[Any]:
        return list(self.notice.collect_events())


@pytest.mark.rule("I09")
def test_an_intent_cites_the_preference_and_the_choice_that_allow_it_and_how_long() -> None:
    maria = Maria()
    maria.preference.verify(EMAIL, NOON.date(), decision=said())

    maria.begin()

    [sending] = maria.decided()
    assert (sending.preference_id, sending.preference_version) == (
        maria.preference.id,
        maria.preference.version,
    )
    assert (sending.channel_id, sending.topics_version) == (EMAIL, maria.topics.version)
    assert sending.until == NOON + HAND_OVER
    assert maria.notice.state == "sending"


def test_nothing_leaves_after_the_end_of_safe_hours() -> None:
    maria = Maria(SafeHours.of(range(7), "08:00", "12:01", "UTC"))
    closing = NOON + timedelta(minutes=1)

    maria.begin(closing - timedelta(seconds=1))

    assert maria.decided()[0].until == closing


@pytest.mark.rule("I09")
@pytest.mark.rule("R26")
@pytest.mark.parametrize(
    ("meanwhile", "days", "reason"),
    [
        (lambda m: m.preference.declare_unsafe(EMAIL, decision=said()), 0, "unsafe"),
        (lambda m: m.preference.erase(an_id("erasure")), 0, "no_channel"),
        (lambda m: m.topics.drop("sharing", decision=said()), 0, "not_chosen"),
        (lambda m: None, 31, "stale"),
        (lambda m: None, -2, "stale"),
        (lambda m: None, 9, "lapsed"),
    ],
    ids=["unsafe", "erased", "dropped", "stale", "clock put back", "lapsed"],
)
def test_what_changed_since_it_was_queued_counts(
    meanwhile: Callable[[Maria], object], days: int, reason: str
) -> None:
    maria = Maria()
    meanwhile(maria)

    assert maria.recheck(NOON + days * DAY) is None

    [suppressed] = maria.decided()
    assert (suppressed.reason, maria.notice.state) == (reason, "suppressed")


def test_a_preference_that_is_gone_suppresses_it() -> None:
    maria = Maria()

    assert maria.notice.recheck(maria.topics, None, POLICY, at=NOON) is None

    assert maria.decided()[0].reason == "no_channel"


@pytest.mark.rule("I09")
def test_another_safe_way_is_never_taken_instead() -> None:
    maria = Maria()
    declare(maria.preference, PHONE, "sms")
    maria.preference.declare_unsafe(EMAIL, decision=said())

    assert maria.recheck() is None

    assert maria.notice.state == "suppressed"


@pytest.mark.rule("I09")
def test_outside_its_hours_it_waits_for_the_next_ones() -> None:
    maria = Maria(MORNINGS)
    missed = NOON + timedelta(hours=2)

    assert maria.recheck(missed) is None

    [put_off] = maria.decided()
    opening = NOON.replace(hour=8) + DAY
    assert (put_off.reason, put_off.send_from, put_off.tries) == ("out_of_hours", opening, 0)
    assert isinstance(maria.recheck(opening), Way)


def test_it_does_not_wait_for_hours_after_it_has_lapsed() -> None:
    maria = Maria(MORNINGS)
    too_late = NOON + POLICY.lapses_after - timedelta(hours=1)

    assert maria.recheck(too_late) is None

    assert maria.decided()[0].reason == "lapsed"


def test_a_relay_that_is_away_is_asked_again_after_longer_and_longer_waits() -> None:
    maria, waits = Maria(), []
    for _ in range(12):
        maria.notice.put_off("relay_away", POLICY, at=NOON)
        [put_off] = maria.decided()
        waits.append(put_off.send_from - NOON)

    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert waits[-1] == POLICY.longest_wait


def test_what_was_tried_in_vain_until_it_lapsed_failed() -> None:
    maria = Maria()
    maria.notice.put_off("relay_away", POLICY, at=NOON)
    maria.decided()

    assert maria.recheck(NOON + 9 * DAY) is None

    [failed] = maria.decided()
    assert (failed.reason, failed.tries, maria.notice.state) == ("gave_up", 1, "failed")


def test_after_a_refusal_for_now_the_same_notice_is_tried_again() -> None:
    maria = Maria()
    maria.begin()
    maria.notice.put_off("refused_for_now", POLICY, at=NOON)

    maria.begin(NOON + timedelta(minutes=1))

    first, put_off, second = maria.decided()
    assert (first.tries, put_off.tries, second.tries) == (1, 1, 2)
    assert first.channel_id == second.channel_id


ENDS: list[Callable[[Notice], None]] = [
    lambda n: n.sent(at=NOON),
    lambda n: n.fail("refused", at=NOON),
    lambda n: n.lose_track(at=NOON),
]


@pytest.mark.parametrize("end", ENDS, ids=["sent", "failed", "unknown"])
def test_what_has_ended_is_never_sent_again(end: Callable[[Notice], None]) -> None:
    maria = Maria()
    maria.begin()
    end(maria.notice)
    maria.decided()
    state = maria.notice.state

    assert maria.recheck() is None
    maria.notice.put_off("relay_away", POLICY, at=NOON)
    maria.notice.fail("refused", at=NOON)
    maria.notice.suppress("unsafe", at=NOON)
    maria.notice.lose_track(at=NOON)

    assert maria.decided() == []
    assert maria.notice.state == state


def test_that_it_was_taken_is_recorded_even_when_it_is_told_late() -> None:
    maria = Maria()
    maria.begin()
    maria.notice.lose_track(at=NOON)
    maria.notice.sent(at=NOON)

    assert maria.notice.state == "sent"


def test_nothing_but_an_intent_can_be_sent_or_lost() -> None:
    maria = Maria()

    maria.notice.sent(at=NOON)
    maria.notice.lose_track(at=NOON)

    assert maria.decided() == []


def test_others_hear_what_became_of_it_and_never_where_to() -> None:
    maria = Maria()
    maria.begin()
    maria.notice.lose_track(at=NOON)
    maria.notice.sent(at=NOON)
    sending, unknown, sent = maria.decided()
    maria = Maria()
    maria.notice.fail("no_address", at=NOON)
    [failed] = maria.decided()

    assert announce(sending) is None
    told = [announce(e) for e in (unknown, sent, failed)]
    assert [type(m).type.split(".")[2] for m in told if m] == ["outcome_unknown", "sent", "failed"]
    assert str(EMAIL) not in repr(told)


def test_a_notice_is_rebuilt_from_its_events_alone() -> None:
    assert ContactPreference.create_id(MARIA) != Notice.create_id(MARIA, "sharing", "x")
    maria = Maria()
    first = maria.notice
    maria.begin()
    maria.notice.put_off("relay_away", POLICY, at=NOON)

    again: Any = None
    for event in (*_of(first), *maria.decided()):
        again = event.mutate(again)

    assert (again.state, again.tries, again.send_from, again.channel_id) == (
        "queued",
        1,
        NOON + POLICY.first_wait,
        EMAIL,
    )


def _of(notice: Notice) -> list[Any]:
    """The two events that every notice of these tests begins with."""
    fresh = Maria()
    begun = Notice(participation_id=MARIA, topic="sharing", cause="consent/7", requested_at=NOON)
    begun.check(fresh.preference, senders=SENDERS, at=NOON)
    assert begun.id == notice.id
    return list(begun.collect_events())
