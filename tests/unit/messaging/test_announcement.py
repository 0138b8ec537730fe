from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.announcement import Announcement, NotAnAnnouncement
from tests.unit.messaging.world import announcement


def test_what_arrives_is_what_was_sent() -> None:
    sent = announcement(9, 4)
    assert Announcement.from_json(sent.to_json()) == sent


def test_it_is_a_cloudevent_with_the_producers_position_as_its_id() -> None:
    event = json.loads(announcement(9, 4).to_json())
    assert event["specversion"] == "1.0"
    assert event["id"] == "intake/9"
    assert (event["position"], event["previous"]) == (9, 4)
    assert all(name == name.lower() and name.isalnum() for name in event)


@pytest.mark.parametrize(
    "wrong",
    [
        {"specversion": "0.3"},
        {"position": 0, "id": "intake/0"},
        {"position": True, "id": "intake/True"},
        {"previous": 9},
        {"previous": -1},
        {"id": "intake/8"},
        {"id": "consent/9"},
        {"time": "2031-05-04T12:00:00"},
        {"streamid": 4},
        {"correlationid": "nobody"},
        {"data": "words"},
        {"type": None},
    ],
)
def test_a_message_that_contradicts_itself_is_none(wrong: dict[str, Any]) -> None:
    event = json.loads(announcement(9, 4).to_json()) | wrong
    with pytest.raises(NotAnAnnouncement):
        Announcement.from_json(json.dumps(event))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused_and_never_repeated(body: bytes) -> None:
    with pytest.raises(NotAnAnnouncement) as refused:
        Announcement.from_json(body)
    assert str(refused.value) == "not a published message of this platform"


def test_a_body_too_long_to_be_a_promise_is_not_even_read() -> None:
    with pytest.raises(NotAnAnnouncement):
        Announcement.from_json(b"[" * 1_000_000)
