"""What others learn of a decision about contact: that it was made, who wrote it down, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.notifications.contracts import announce
from services.notifications.domain.topics import TopicChoice
from shared.eventstore.aggregate import Aggregate
from tests.support.examples import MARIA, NOON, NOOR, ROSA, said
from tests.unit.notifications.contact import EMAIL, declare, preference

YESTERDAY = NOON.date() - timedelta(days=1)


def told(aggregate: Aggregate) -> list[tuple[str, Any, str]]:
    """(type, who recorded it, their role) of everything that is announced."""
    found: list[Any] = [announce(event) for event in aggregate.collect_events()]
    messages = [message for message in found if message is not None]
    assert {message.participation_id for message in messages} <= {MARIA}
    assert {getattr(message, "channel_id", EMAIL) for message in messages} <= {EMAIL}
    return [(m.type, m.recorded_by_id, m.recorded_by_role) for m in messages]


def test_a_way_of_contact_that_the_person_declares_and_ends() -> None:
    maria = preference()
    declare(maria, verified_on=YESTERDAY)
    maria.verify(EMAIL, NOON.date(), decision=said())
    maria.declare_unsafe(EMAIL, decision=said(recorded_by=ROSA))
    maria.declare_unsafe(EMAIL, decision=said())

    assert told(maria) == [
        ("notifications.channel.declared_safe.v1", MARIA, "harmed_party"),
        ("notifications.channel.verified.v1", MARIA, "harmed_party"),
        ("notifications.channel.declared_unsafe.v1", ROSA.id, "advocate"),
    ]


@pytest.mark.rule("R71")
def test_a_way_of_contact_that_staff_record_is_told_as_what_it_is() -> None:
    maria = preference()
    declare(maria, verified_on=YESTERDAY, decision=said(recorded_by=ROSA))
    maria.confirm(EMAIL, trained=True, decision=said(recorded_by=NOOR))
    maria.verify(EMAIL, NOON.date(), decision=said(recorded_by=ROSA))
    maria.confirm(EMAIL, trained=False, decision=said())

    assert told(maria) == [
        ("notifications.channel.recorded.v1", ROSA.id, "advocate"),
        ("notifications.channel.confirmed.v1", NOOR.id, "advocate"),
        ("notifications.channel.verification_recorded.v1", ROSA.id, "advocate"),
        ("notifications.channel.confirmed.v1", MARIA, "harmed_party"),
    ]


@pytest.mark.rule("R71")
def test_topics_are_told_without_which() -> None:
    topics = TopicChoice(participation_id=MARIA)
    topics.choose("sharing", decision=said())
    topics.choose("hearings", decision=said(recorded_by=ROSA))
    topics.confirm("hearings", trained=False, decision=said())
    topics.drop_all(decision=said(recorded_by=ROSA))
    events = list(topics.collect_events())

    messages: list[Any] = [m for m in map(announce, events) if m is not None]
    assert [(m.type, m.recorded_by_id) for m in messages] == [
        ("notifications.topic.chosen.v1", MARIA),
        ("notifications.topic.recorded.v1", ROSA.id),
        ("notifications.topic.confirmed.v1", MARIA),
        ("notifications.topic.dropped.v1", ROSA.id),
        ("notifications.topic.dropped.v1", ROSA.id),
    ]
    assert not [m for m in messages if "sharing" in m.model_dump_json() or "hear" in str(m)]
