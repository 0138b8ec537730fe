"""An erasure is complete when nobody holds a key any more, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.keyring.contracts import announce
from services.keyring.domain import AnotherErasure, Erasure, Lease
from services.keyring.tables import fold
from shared.contracts.keyring import ErasureCompletedMessage, KeysDestroyedMessage
from shared.eventstore.application import Recorded
from shared.eventstore.clock import edge_time

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOON + timedelta(seconds=60)
PERSON, ERASURE = uuid4(), uuid4()
KEYS = (uuid4(), uuid4())


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with edge_time(NOON):
        yield


def erasure() -> Erasure:
    return Erasure(
        erasure_id=ERASURE,
        participation_id=PERSON,
        record_classes=("contact", "needs"),
        key_ids=KEYS,
    )


def test_without_loans_it_is_complete_at_once() -> None:
    erased = erasure()
    erased.complete([], NOON)
    assert erased.state == "complete"


def test_it_waits_for_a_loan_that_has_not_run_out() -> None:
    erased = erasure()
    erased.complete([Lease("intake", uuid4(), SOON)], NOON)
    assert erased.state == "keys_destroyed"


def test_a_loan_that_ran_out_is_not_waited_for() -> None:
    erased = erasure()
    erased.complete([Lease("intake", uuid4(), SOON)], SOON)
    assert erased.state == "complete"


def test_a_confirmed_loan_is_not_waited_for() -> None:
    erased, holder = erasure(), uuid4()
    erased.confirm("intake", holder)
    erased.complete([Lease("intake", holder, SOON)], NOON)
    assert erased.state == "complete"


def test_a_confirmation_counts_for_its_own_process_only() -> None:
    erased, holder = erasure(), uuid4()
    erased.confirm("intake", holder)
    for other in (Lease("intake", uuid4(), SOON), Lease("consent", holder, SOON)):
        erased.complete([Lease("intake", holder, SOON), other], NOON)
        assert erased.state == "keys_destroyed"


@given(
    st.lists(
        st.tuples(st.integers(-120, 120), st.booleans()),
        max_size=8,
    )
)
def test_it_is_complete_exactly_when_every_loan_is_over(loans: list[tuple[int, bool]]) -> None:
    with edge_time(NOON):
        erased = erasure()
        leases = []
        for seconds, confirmed in loans:
            lease = Lease("intake", uuid4(), NOON + timedelta(seconds=seconds))
            leases.append(lease)
            if confirmed:
                erased.confirm(lease.service, lease.holder)
        erased.complete(leases, NOON)
        over = all(confirmed or seconds <= 0 for seconds, confirmed in loans)
        assert erased.is_complete is over


def test_repeats_add_nothing_to_the_log() -> None:
    erased, holder = erasure(), uuid4()
    for _ in range(3):
        erased.confirm("intake", holder)
    for _ in range(3):
        erased.complete([], NOON)
    erased.confirm("intake", uuid4())
    names = [type(e).__name__ for e in erased.collect_events()]
    assert names == ["KeysDestroyed", "HolderForgot", "ErasureCompleted"]


def test_the_same_erasure_again_is_accepted_whatever_the_order() -> None:
    erasure().same_as(PERSON, ["needs", "contact"])


@pytest.mark.parametrize(
    ("person", "classes"),
    [(uuid4(), ("contact", "needs")), (PERSON, ("needs",)), (PERSON, ("contact", "claim"))],
)
def test_an_id_is_not_used_for_another_erasure(person: object, classes: tuple[str, ...]) -> None:
    with pytest.raises(AnotherErasure):
        erasure().same_as(person, classes)  # type: ignore[arg-type]


def test_a_replay_gives_the_same_erasure() -> None:
    erased, holder = erasure(), uuid4()
    erased.confirm("intake", holder)
    erased.complete([], NOON)
    copy = None
    for event in erased.collect_events():
        copy = event.mutate(copy)
    assert isinstance(copy, Erasure)
    assert (copy.id, copy.state, copy.forgot, copy.record_classes, copy.key_ids) == (
        ERASURE,
        "complete",
        {("intake", holder)},
        ("contact", "needs"),
        KEYS,
    )


def test_others_hear_of_the_beginning_and_the_end_and_not_of_holders() -> None:
    erased = erasure()
    erased.confirm("intake", uuid4())
    erased.complete([], NOON)
    told = [announce(event) for event in erased.collect_events()]
    common = {
        "erasure_id": ERASURE,
        "participation_id": PERSON,
        "record_classes": ("contact", "needs"),
        "at": NOON,
    }
    assert told == [KeysDestroyedMessage(**common), None, ErasureCompletedMessage(**common)]


def test_the_list_of_what_was_erased_has_a_row_a_class() -> None:
    erased = erasure()
    erased.complete([], NOON)
    recorded = Recorded(1, uuid4(), "command/x", None, "intake")
    begun, ended = (list(fold(event, recorded)) for event in erased.collect_events())
    assert [params for _, params in begun] == [
        (ERASURE, PERSON, "contact", KEYS[0], NOON),
        (ERASURE, PERSON, "needs", KEYS[1], NOON),
    ]
    assert [params for _, params in ended] == [(NOON, ERASURE)]
