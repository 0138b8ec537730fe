"""Stored events hold closed words and whole decision headers."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from eventsourcing.persistence import JSONTranscoder

from shared.contracts.decision import Decision, RecordedBy
from shared.sealing.keys import DataKey
from shared.sealing.sealed import Binding, NotClosed, Sealed, close, open_
from shared.sealing.transcodings import register

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = Decision(
    decided_by="guardian",
    participation_id=uuid4(),
    recorded_by=RecordedBy(uuid4(), "advocate", "community", uuid4()),
    how="letter",
    language="pt-BR",
    decided_at=NOON,
    recorded_at=NOON.replace(microsecond=17),
    on_behalf_of=uuid4(),
    interpreter=uuid4(),
    notice_version="n1",
    options_version="o2",
)
SHORT = Decision(
    decided_by="harmed_party",
    participation_id=uuid4(),
    recorded_by=RecordedBy(uuid4(), "harmed_party"),
    how="portal",
    language="en",
    decided_at=NOON,
    recorded_at=NOON,
)


@pytest.fixture
def transcoder() -> JSONTranscoder:
    made = JSONTranscoder()
    register(made)
    return made


@pytest.mark.parametrize("decision", [FULL, SHORT], ids=["every field", "only what must be"])
def test_a_decision_comes_back_as_it_was(transcoder: JSONTranscoder, decision: Decision) -> None:
    assert transcoder.decode(transcoder.encode({"decision": decision})) == {"decision": decision}


def test_absent_fields_take_no_room(transcoder: JSONTranscoder) -> None:
    assert b"null" not in transcoder.encode(SHORT)
    assert b"interpreter" not in transcoder.encode(SHORT)


def test_closed_words_come_back_and_open_where_they_stood(transcoder: JSONTranscoder) -> None:
    key = DataKey(uuid4(), uuid4(), "letters", os.urandom(32))
    place = Binding("letter_bank", uuid4(), 1, "topic", "words")
    value = close(Sealed.pending(key.participation_id, "letters", "words"), place, key, os.urandom)
    stored = transcoder.encode({"words": value})
    assert place.stream_id.hex.encode() not in stored
    assert open_(transcoder.decode(stored)["words"].at(place), key) == "words"


def test_pending_words_cannot_be_stored(transcoder: JSONTranscoder) -> None:
    with pytest.raises(NotClosed):
        transcoder.encode({"words": Sealed.pending(uuid4(), "letters", "words")})
