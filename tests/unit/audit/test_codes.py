"""What a field's text can be: everything that is stored, and no words beside it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any
from uuid import UUID

import pytest

from services.audit.checks.codes import (
    NOT_SHOWN,
    OTHERS,
    TEXTS,
    is_code,
    shown,
    words_in,
)
from services.audit.checks.entries import STRUCTURES, Closed, Unknown
from shared.contracts.decision import Decision, RecordedBy
from shared.contracts.registry import logged
from shared.eventstore.rebuild import application_of
from shared.eventstore.values import EventTranscoder
from tests.unit.audit.test_known_events import event_classes

HEADER = {"meta", "timestamp", "originator_topic", "causation", "command_id", "correlation_id"}
HEADER |= {"class_version"}


def _values() -> list[type]:
    """The values with fields of their own that services store."""
    own = [value for name in logged() for value in application_of(name).values]
    return [Decision, RecordedBy, *own]


def _fields() -> dict[str, set[str]]:
    """Field → its types, over every event and everything that events hold."""
    found: dict[str, set[str]] = {}
    for cls in event_classes():
        for name, kind in vars(cls).get("__annotations__", {}).items():
            found.setdefault(name, set()).add(str(kind))
    for value in _values():
        for field in dataclasses.fields(value):
            found.setdefault(field.name, set()).add(str(field.type))
    return found


def test_of_every_field_of_every_event_it_is_known_whether_it_holds_a_text() -> None:
    fields = _fields()
    no_text = re.compile(
        r"(tuple|list)?\[?(UUID|datetime|date|int|bool|Sealed|Decision|RecordedBy|SafeHours|AddressMark)\b"
    )
    for name, kinds in fields.items():
        texts = [kind for kind in kinds if not no_text.match(kind)]
        assert (name in TEXTS) or not texts, f"what can {name} be? {texts}"
    unknown = set(fields) - set(TEXTS) - OTHERS
    assert not unknown, f"tell the audit of {sorted(unknown)}"
    assert set(TEXTS) | OTHERS == set(fields) | HEADER
    assert not set(TEXTS) & OTHERS


def test_every_value_that_services_store_is_read() -> None:
    assert {cls.__name__ for cls in _values()} == set(STRUCTURES)
    for name in logged():
        stored = set(EventTranscoder(application_of(name).values)._decode)
        read = {"uuid_hex", "datetime_iso", "date_iso", "decimal_str", "seconds", "tuple"}
        assert stored <= read | {"frozenset", "sealed", *STRUCTURES}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("purpose", "housing"),
        ("channel", "i_will_call_you"),
        ("language", "en"),
        ("language", "zh-Hant-TW"),
        ("language", "es-419"),
        ("language", "es-us"),
        ("notice_version", "community-1"),
        ("options_version", "2026-11.1"),
        ("policy_version", "releases-1"),
        ("time_zone", "America/Argentina/Buenos_Aires"),
        ("start", "23:59"),
        ("cause", "consent/41"),
        ("causation", "due/send_notice/0360bb09-98e6-45d3-b95f-6b262d0b4ad1"),
        ("actor_id", "notifications"),
        ("what", "disclosure_made"),
        ("what", "erasure_keys_destroyed"),
        ("role", "advocate"),
        ("reason", "out_of_hours"),
        ("option", "healing_circle"),
        ("item", "intake"),
        ("items", "need"),
        ("originator_topic", "services.consent.domain.grant:Grant"),
    ],
)
def test_a_code_is_one(name: str, text: str) -> None:
    assert is_code(name, text)
    assert list(words_in({name: text})) == []
    assert shown(name, text, str) == text


@pytest.mark.parametrize(
    "text", ["localtime", "Factory", "posixrules", "posix/America/Chicago", "right/UTC"]
)
def test_what_no_safe_hours_may_name_is_no_time_zone_here_either(text: str) -> None:
    assert list(words_in({"time_zone": text})) == [".time_zone"]


@pytest.mark.rule("I14")
@pytest.mark.parametrize("name", sorted(TEXTS))
@pytest.mark.parametrize(
    "text",
    [
        "555-0100",
        "Maria.Garcia",
        "12-Oak-Street",
        "Garcia",
        "she lives with her sister",
        "canary@example.org",
        "consent/41/Garcia",
        "en-Maria-Garcia-Oak",
        "housing\n",
        "he_beats_me",
        "smith",
        "en-maria",
        "en-Mary",
        "he_beats_me-1",
        "due/he_beats_me/0360bb09-98e6-45d3-b95f-6b262d0b4ad1",
        "services.intake.domain.case:Maria",
        "services.oak_street:Case",
        "notice-555.010.0",
        "2026-555-0100",
    ],
)
def test_no_field_takes_words_for_a_code(name: str, text: str) -> None:
    assert list(words_in({name: text})) == [f".{name}"]
    assert shown("", {name: text}, str) == {name: NOT_SHOWN}


@pytest.mark.rule("I14")
@pytest.mark.parametrize("name", sorted(TEXTS))
def test_one_word_is_no_code_where_it_is_on_no_list(name: str) -> None:
    assert not is_code(name, "frightened")


@pytest.mark.rule("I14")
def test_no_word_is_told_with_the_place_where_it_stands() -> None:
    stored: dict[str, Any] = {"items": [{"Oak Street": [{"sister": "Garcia"}]}]}
    assert list(words_in(stored)) == [f".items.{NOT_SHOWN}"]
    assert shown("", stored, str) == {"items": [{NOT_SHOWN: [{NOT_SHOWN: NOT_SHOWN}]}]}


@pytest.mark.rule("I14")
def test_what_nobody_can_read_is_neither_held_for_nothing_nor_shown() -> None:
    stored = {"item_id": Unknown(), "words": Closed("Oak Street"), "address": Closed("contact")}
    assert list(words_in(stored)) == [".item_id", ".words"]
    assert shown("", stored, str) == {
        "item_id": NOT_SHOWN,
        "words": NOT_SHOWN,
        "address": "sealed (contact)",
    }


def test_ids_are_shown_by_their_pseudonyms_wherever_they_stand() -> None:
    def called(_: UUID) -> str:
        return "p"

    id = UUID(int=7)
    stored = {"about": str(id), "item_id": id, "causation": f"command/{id}"}
    assert shown("", stored, called) == {"about": "p", "item_id": "p", "causation": "command/p"}
