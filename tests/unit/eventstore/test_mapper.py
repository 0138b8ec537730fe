"""The mapper seals, says where a value stands, and upcasts what was stored long ago."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from eventsourcing.domain import event
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from shared.eventstore.aggregate import Aggregate
from shared.eventstore.clock import edge_time
from shared.eventstore.mapper import SealingMapper, recorded
from shared.eventstore.values import EventTranscoder
from shared.eventstore.work import Context
from shared.identity.principal import Principal
from shared.sealing.keys import DataKey
from shared.sealing.sealed import NotClosed, SealBroken, Sealed, open_

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
WHOSE = uuid4()
META = {
    "correlation_id": str(uuid4()),
    "causation": "command/1",
    "command_id": str(uuid4()),
    "actor_id": "somebody",
}
WORDS = "these are her words"


@dataclass(frozen=True)
class Page:
    number: int
    text: Sealed


class Book(Aggregate):
    class Begun(Aggregate.Created):
        pages: tuple[Page, ...]
        title: Sealed

    class Renamed(Aggregate.Event):
        """Version 1 called the field ``name`` and knew no ``language``."""

        title: Sealed
        language: str
        class_version: ClassVar[int] = 2

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["title"] = state.pop("name")
            state["language"] = "en"

    @event(Begun)
    def __init__(self, pages: tuple[Page, ...], title: Sealed) -> None:
        self.pages, self.title, self.language = pages, title, "en"

    @event(Renamed)
    def rename(self, title: Sealed, language: str) -> None:
        self.title, self.language = title, language


class OneKey:
    def __init__(self) -> None:
        self.key = DataKey(uuid4(), WHOSE, "notes", secrets.token_bytes(32))

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        return self.key

    def by_id(self, key_id: UUID) -> DataKey:
        return self.key

    def forget(self, participation_id: UUID, record_classes: object) -> None:
        return None


KEYS = OneKey()


def mapper(service: str = "library") -> SealingMapper:
    return SealingMapper(EventTranscoder((Page,)), service, KEYS, secrets.token_bytes)


def words(text: str = WORDS) -> Sealed:
    return Sealed.pending(WHOSE, "notes", text)


def begun() -> Any:
    with edge_time(NOON):
        book = Book(pages=(Page(1, words("first")), Page(2, words("second"))), title=words())
    return book.pending_events[0]


def stored(event: Any = None) -> StoredEvent:
    here = mapper()
    return here.to_stored_event(here.close(event or begun(), META))


def test_words_are_closed_wherever_they_stand_and_open_again() -> None:
    row = stored()

    back = mapper().to_domain_event(row)

    assert b"her words" not in row.state
    assert [open_(page.text, KEYS.key) for page in back.pages] == ["first", "second"]
    assert open_(back.title, KEYS.key) == WORDS
    assert back.pages[1].text.binding.field == "pages.1.text"


def test_what_is_folded_now_and_at_a_rebuild_is_the_same() -> None:
    here = mapper()
    closed = here.close(begun(), META)
    back = here.to_domain_event(here.to_stored_event(closed))
    assert back == closed
    assert back.title.token() == closed.title.token()
    assert recorded(back, 7) == recorded(closed, 7)
    assert recorded(back, 7).actor_id == "somebody"


def test_closing_leaves_the_aggregates_own_event_alone() -> None:
    original = begun()
    mapper().close(original, META)
    assert not original.title.is_closed


def test_pending_words_are_never_stored() -> None:
    with pytest.raises(NotClosed):
        mapper().to_stored_event(begun())


def test_a_value_that_was_sealed_elsewhere_is_not_moved() -> None:
    moved = replace(begun(), title=mapper().to_domain_event(stored()).title)
    with pytest.raises(ValueError, match="sealed elsewhere"):
        mapper().close(moved, META)


@pytest.mark.parametrize("change", ["service", "stream", "version", "field"])
def test_a_value_read_from_anywhere_else_does_not_open(change: str) -> None:
    row, here = stored(), mapper("thief" if change == "service" else "library")
    if change == "stream":
        row = replace(row, originator_id=uuid4())
    if change == "version":
        row = replace(row, originator_version=2)
    if change == "field":
        state = json.loads(row.state)
        state["title"] = state["pages"]["_data_"][0]["_data_"]["text"]
        row = replace(row, state=json.dumps(state).encode())
    with pytest.raises(SealBroken):
        open_(here.to_domain_event(row).title, KEYS.key)


def test_an_old_event_is_upcast_and_its_words_still_open() -> None:
    with edge_time(NOON):
        book = Book(pages=(), title=words())
        book.rename(title=words("the new title"), language="es")
    renamed = book.pending_events[1]
    # As version 1 of the code stored it: another field name, no language, no class version.
    old = vars(renamed).copy()
    old["name"] = old.pop("title")
    del old["language"]
    event = object.__new__(type(renamed))
    object.__setattr__(event, "__dict__", old)
    row = stored(event)
    state = json.loads(row.state)
    del state["class_version"]

    back = mapper().to_domain_event(replace(row, state=json.dumps(state).encode()))

    assert back.language == "en"
    assert open_(back.title, KEYS.key) == "the new title"
    assert back.title.binding.field == "name"


def test_a_row_that_cannot_be_read_says_which_and_repeats_nothing_of_it() -> None:
    row = replace(stored(), state=b"her words, not JSON")
    with pytest.raises(MapperDeserialisationError) as caught:
        mapper().to_domain_event(row)
    assert str(row.originator_id) in str(caught.value)
    assert "her words" not in str(caught.value)


@pytest.mark.parametrize("command_id", [uuid4(), None], ids=["a command", "a message or a due row"])
def test_what_a_decision_says_of_itself_is_what_its_events_say_of_it(
    command_id: UUID | None,
) -> None:
    who = Principal.staff(uuid4(), "advocate", uuid4())
    context = Context(who, command_id, uuid4(), "intake/7", NOON)
    closed = mapper().close(begun(), context.meta())
    assert context.recorded(7) == recorded(closed, 7)
