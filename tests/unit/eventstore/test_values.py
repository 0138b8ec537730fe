"""What events hold comes back as what it was; what they cannot hold is refused."""

from __future__ import annotations

from dataclasses import dataclass
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
