"""What events hold comes back as what it was; what they cannot hold is refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.decision import Decision, RecordedBy
from shared.eventstore.values import EventTranscoder
from shared.sealing.sealed import NotClosed, Sealed


class Colour(Enum):
    RED = "red"


@dataclass(frozen=True)
class Part:
    name: str
    colour: Colour
    inner: tuple[Part, ...] = ()


DECISION = Decision(
    decided_by="harmed_party",
    participation_id=uuid4(),
    recorded_by=RecordedBy(uuid4(), "advocate", "community", uuid4()),
    how="phone",
    language="es",
    decided_at=datetime(2026, 6, 1, tzinfo=UTC),
    recorded_at=datetime(2026, 6, 2, 3, 4, 5, 678901, tzinfo=UTC),
    on_behalf_of=uuid4(),
)

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
    | st.decimals(allow_nan=False)
    | st.timedeltas(timedelta(days=-9), timedelta(days=9))
    | st.just(Colour.RED)
    | st.frozensets(st.text())
)
values: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text().filter(lambda k: not k.startswith("_")), inner)
    ),
    max_leaves=12,
)


def there_and_back(value: Any) -> Any:
    transcoder = EventTranscoder((Part, Colour))
    return transcoder.decode(transcoder.encode(value))


@given(values)
def test_every_value_comes_back(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        DECISION,
        Part("a", Colour.RED, (Part("b", Colour.RED),)),
        {"when": date(2026, 6, 1), "how_much": Decimal("1.10"), "ids": (uuid4(), uuid4())},
    ],
)
def test_dataclasses_and_enums_come_back(value: Any) -> None:
    assert there_and_back(value) == value


@dataclass(frozen=True)
class Grown:
    """Had one field when the first were stored."""

    name: str
    since: str = "always"


@dataclass(frozen=True, slots=True)
class Grew(Grown):
    size: int = 0


@dataclass(frozen=True)
class Particular:
    name: str

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("no name")


@pytest.mark.parametrize("cls", [Grown, Grew])
def test_a_field_that_came_later_has_its_default_in_what_was_stored_before(cls: type[Any]) -> None:
    transcoder = EventTranscoder((cls,))
    name = cls.__name__
    stored = f'{{"_data_":{{"name":"a"}},"_type_":"{name}"}}'.encode()
    assert transcoder.decode(stored) == cls("a")
    assert transcoder.decode(transcoder.encode(cls("a", "now"))) == cls("a", "now")
    for other in ('{"since":"now"}', '{"name":"a","nobody":1}'):
        with pytest.raises(TypeError):
            transcoder.decode(f'{{"_data_":{other},"_type_":"{name}"}}'.encode())


def test_what_a_value_checks_about_itself_is_checked_when_it_is_read() -> None:
    with pytest.raises(ValueError, match="no name"):
        EventTranscoder((Particular,)).decode(b'{"_data_":{"name":""},"_type_":"Particular"}')


def test_what_was_read_is_as_frozen_as_what_was_made() -> None:
    for value, name in ((DECISION, "language"), (Part("a", Colour.RED), "name")):
        with pytest.raises(FrozenInstanceError):
            setattr(there_and_back(value), name, "b")


@pytest.mark.parametrize("value", [object(), b"bytes", {1: "x"}, {"a", "b"}, float("nan")])
def test_what_an_event_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        there_and_back(value)


def test_two_kinds_of_values_never_share_a_name() -> None:
    @dataclass(frozen=True)
    class Decision:
        other: str

    with pytest.raises(TypeError, match="two kinds"):
        EventTranscoder((Decision,))


def test_pending_words_are_never_encoded() -> None:
    with pytest.raises(NotClosed):
        EventTranscoder().encode({"words": Sealed.pending(uuid4(), "notes", "the words")})
