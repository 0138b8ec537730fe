"""A digest record is of the stored row alone, whatever that row holds."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from shared.eventstore.digests import Pseudonyms, Row, record_of

STREAM, PERSON = UUID(int=7), UUID(int=9)
SEALED = {"p": PERSON.hex, "c": "needs", "k": STREAM.hex, "b": "Ym94", "m": "ab" * 32}


def row(state: bytes = b"{}", **changed: Any) -> Row:
    fields = {"stream_id": STREAM, "version": 3, "topic": "a:B", "previous": 4, **changed}
    return Row(position=5, state=state, **fields)


def said(state: Any) -> dict[str, Any]:
    raw = state if isinstance(state, bytes) else json.dumps(state).encode()
    found: dict[str, Any] = json.loads(record_of("intake", row(raw), "00"))
    return found


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(max_size=50),
    st.integers(0, 2**53 - 1),
    st.none() | st.integers(0, 2**53 - 1),
)
def test_a_record_is_canonical_json(
    topic: str, state: bytes, version: int, previous: int | None
) -> None:
    record = record_of("intake", row(state, topic=topic, version=version, previous=previous), "00")
    assert record == rfc8785.dumps(json.loads(record))


@pytest.mark.parametrize(
    "changed",
    [
        {"stream_id": UUID(int=8)},
        {"version": 4},
        {"topic": "a:C"},
        {"previous": 3},
        {"previous": None},
        {"state": b"{ }"},
        {"topic": 'a:B",4]\n'},
        {"topic": "a:B\n", "state": b""},
    ],
)
def test_the_commitment_is_to_everything_in_the_row(changed: dict[str, Any]) -> None:
    assert row(**changed).commitment() != row().commitment()


@given(st.binary(max_size=200))
def test_a_state_that_nobody_can_read_is_committed_to_all_the_same(state: bytes) -> None:
    record = json.loads(record_of("intake", row(state), "00"))
    assert record["ct"] == row(state).commitment()


@pytest.mark.parametrize(
    "state",
    [
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"timestamp": {"_data_": 5}, "class_version": "x"}',
        b'{"timestamp": {"_data_": "9999-12-31T23:59:59-23:59"}}',
        b'{"participation_id": {"_type_": "uuid_hex"}}',
        b'{"a": {"_type_": "sealed", "_data_": {"m": "\\ud800"}}}',
    ],
)
def test_nothing_in_a_state_can_keep_it_out_of_the_ledger(state: bytes) -> None:
    assert said(state)["cm"] == []


def test_commitments_of_sealed_fields_stand_in_the_order_of_the_fields() -> None:
    def sealed(digit: str) -> dict[str, Any]:
        return {"_type_": "sealed", "_data_": {**SEALED, "m": digit * 64}}

    state = {
        "a": sealed("1"),
        "b": {"_type_": "tuple", "_data_": [{"x": sealed("2")}, sealed("3")]},
        "c": sealed("4"),
    }
    assert [m[0] for m in said(state)["cm"]] == ["1", "2", "3", "4"]


def test_the_date_is_that_of_utc_and_nothing_finer() -> None:
    state = {"timestamp": {"_type_": "datetime_iso", "_data_": "2026-11-21T23:30:00-02:00"}}
    assert said(state)["d"] == "2026-11-22"


def test_the_schema_version_is_that_of_the_event_class() -> None:
    assert said({"class_version": 3})["v"] == 3
    assert said({"a": 1})["v"] == 1
    assert said(b"no json")["v"] == 0


@pytest.mark.rule("R50")
def test_the_streams_of_one_participation_are_joined_by_its_key_alone() -> None:
    names = Pseudonyms(b"k" * 32)
    one, two = uuid4(), uuid4()
    assert names.of(one, PERSON) == names.of(one, PERSON)
    assert len({names.of(one, PERSON), names.of(two, PERSON), names.of(one, None)}) == 3
    assert names.of(one, PERSON) != Pseudonyms(b"j" * 32).of(one, PERSON)
    assert names.key_of(PERSON) != names.key_of(None)
