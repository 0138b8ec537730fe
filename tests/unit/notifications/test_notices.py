"""A notice says that there is something new, to whom it is safe to say it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.notifications.contracts import announce
from services.notifications.domain.notice import Notice
from shared.contracts.notifications import NoticeQueuedMessage, NoticeSuppressedMessage
from tests.support.examples import MARIA, NOON, ROSA, said
from tests.unit.notifications.contact import EMAIL, SENDERS, declare, preference


def notice() -> Notice:
    return Notice(participation_id=MARIA, topic="sharing", cause="consent/7", requested_at=NOON)


@pytest.mark.rule("I09")
def test_a_queued_notice_cites_the_preference_that_is_live() -> None:
    maria, requested = preference(), notice()
    declare(maria)

    assert requested.check(maria, senders=SENDERS, at=NOON) == "queued"

    _, queued = requested.collect_events()
    assert isinstance(queued, Notice.NoticeQueued)
    cited = (queued.preference_id, queued.preference_version, queued.channel_id)
    assert cited == (maria.id, maria.version, EMAIL)


@pytest.mark.rule("I09")
@pytest.mark.parametrize(
    ("reason", "days"), [("no_channel", 0), ("unconfirmed", 0), ("unsafe", 0), ("stale", 40)]
)
def test_without_a_live_preference_a_notice_is_suppressed_with_the_reason(
    reason: str, days: int
) -> None:
    maria, requested = preference(), notice()
    if reason != "no_channel":
        declare(maria, decision=said(recorded_by=ROSA) if reason == "unconfirmed" else said())
    if reason == "unsafe":
        maria.declare_unsafe(EMAIL, decision=said())

    assert requested.check(maria, senders=SENDERS, at=NOON + timedelta(days=days)) == "suppressed"

    _, suppressed = requested.collect_events()
    assert isinstance(suppressed, Notice.NoticeSuppressed)
    assert suppressed.reason == reason


def test_a_person_without_any_preference_is_not_contacted() -> None:
    requested = notice()

    assert requested.check(None, senders=SENDERS, at=NOON) == "suppressed"


def test_a_checked_notice_stays_as_it_is() -> None:
    maria, requested = preference(), notice()
    requested.check(maria, senders=SENDERS, at=NOON)
    requested.collect_events()
    declare(maria)

    assert requested.check(maria, senders=SENDERS, at=NOON) == "suppressed"
    assert list(requested.collect_events()) == []


def test_one_cause_has_one_notice() -> None:
    again = Notice.create_id(MARIA, "sharing", "consent/7")

    assert notice().id == again
    assert Notice.create_id(MARIA, "sharing", "consent/8") != again


def test_others_hear_that_a_notice_was_queued_and_never_where_to() -> None:
    maria, requested = preference(), notice()
    declare(maria)
    requested.check(maria, senders=SENDERS, at=NOON)

    first, queued = requested.collect_events()

    assert announce(first) is None
    assert announce(queued) == NoticeQueuedMessage(
        notice_id=requested.id, participation_id=MARIA, topic="sharing", at=NOON
    )


def test_others_hear_of_a_suppressed_notice_by_its_reason() -> None:
    requested = notice()
    requested.check(None, senders=SENDERS, at=NOON)

    _, suppressed = requested.collect_events()

    assert announce(suppressed) == NoticeSuppressedMessage(
        notice_id=requested.id,
        participation_id=MARIA,
        topic="sharing",
        reason="no_channel",
        at=NOON,
    )
