from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.consent.domain.erased import ErasedItems
from services.consent.domain.errors import ItemErased
from services.consent.domain.grant import Grant, Item, NotReleased
from tests.unit.consent.world import (
    AGENCY,
    DAY,
    NEED,
    NOON,
    OTHER_AGENCY,
    OTHER_NEED,
    PARTICIPATION,
    ask,
    awaiting,
    events,
    explained,
    given,
    proposed,
    said,
)

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


def take(grant: Grant, disclosure_id: Any, at: Any = NOON, **changed: Any) -> Any:
    asked: dict[str, Any] = {
        "disclosure_id": disclosure_id,
        "agency_id": AGENCY,
        "item": NEED,
        "erased": (),
        "now": at,
    } | changed
    return grant.takeable(**asked)


@pytest.mark.rule("R23")
def test_the_grant_records_the_disclosure_before_anything_is_handed_over() -> None:
    grant = given()
    grant.collect_events()

    made = ask(grant)

    [event] = grant.collect_events()
    assert isinstance(event, Grant.DisclosureMade)
    assert (event.disclosure_id, event.recipient_agency_id) == (made.disclosure_id, AGENCY)
    assert (event.item, event.purpose) == (NEED, "housing")
    assert made.take_before == event.take_before == NOON + 60 * SECOND


@pytest.mark.rule("R23")
@pytest.mark.rule("R31")
@pytest.mark.rule("I03")
@pytest.mark.parametrize(
    "changed",
    [
        {"agency_id": OTHER_AGENCY},
        {"agency_reference": uuid4()},
        {"item": OTHER_NEED},
        {"item": ("letter_bank", "need", NEED[2])},
        {"item": ("intake", "plan", NEED[2])},
        {"purpose": "legal_help"},
    ],
    ids=[
        "another agency",
        "another reference",
        "another item",
        "another service's",
        "another kind",
        "another purpose",
    ],
)
def test_nothing_is_disclosed_but_to_whom_what_and_for_what_the_survivor_said(
    changed: dict[str, Any],
) -> None:
    grant = given()
    grant.collect_events()

    with pytest.raises(NotReleased):
        ask(grant, **changed)

    assert events(grant) == []


@pytest.mark.rule("R71")
@pytest.mark.rule("I16")
@pytest.mark.parametrize("state", [proposed, explained, awaiting])
def test_nothing_is_disclosed_before_the_yes_is_in_effect(state: Callable[[], Grant]) -> None:
    with pytest.raises(NotReleased):
        ask(state())


@pytest.mark.rule("R09")
def test_nothing_is_disclosed_after_a_revocation() -> None:
    grant = given()
    ask(grant)
    grant.revoke(said())

    with pytest.raises(NotReleased):
        ask(grant)


@pytest.mark.rule("I03")
def test_the_period_is_judged_by_the_clock_and_not_by_a_recorded_expiry() -> None:
    grant = given(starts_at=NOON + DAY)

    with pytest.raises(NotReleased):
        ask(grant, NOON + DAY - TICK)
    ask(grant, NOON + DAY)
    ask(grant, NOON + 14 * DAY - TICK)
    with pytest.raises(NotReleased):
        ask(grant, NOON + 14 * DAY)


@pytest.mark.rule("I03")
def test_a_clock_put_back_releases_nothing() -> None:
    with pytest.raises(NotReleased):
        ask(given(), NOON - 365 * DAY)


@pytest.mark.rule("I03")
def test_nothing_is_taken_after_the_end_of_the_period() -> None:
    grant = given()

    assert ask(grant, NOON + 14 * DAY - 5 * SECOND).take_before == NOON + 14 * DAY


@pytest.mark.rule("R23")
def test_an_erased_item_is_disclosed_and_taken_no_more_and_the_others_are() -> None:
    plan: Item = ("intake", "plan", uuid4())
    grant = given(items=[NEED, plan])
    made, other = ask(grant), ask(grant, item=plan)

    with pytest.raises(NotReleased):
        ask(grant, erased={NEED})
    with pytest.raises(NotReleased):
        take(grant, made.disclosure_id, erased={NEED})
    assert take(grant, other.disclosure_id, item=plan, erased={NEED}) == other


@pytest.mark.rule("R23")
def test_a_release_of_what_was_erased_cannot_be_proposed() -> None:
    with pytest.raises(ItemErased):
        proposed(erased={NEED})
    proposed(items=[OTHER_NEED], erased={NEED})


def test_an_erasure_is_remembered_once_with_its_items() -> None:
    erased = ErasedItems(PARTICIPATION)
    erased.collect_events()

    erased.erase(uuid4(), [NEED, NEED])
    erased.erase(uuid4(), [NEED])
    erased.erase(uuid4(), [NEED, OTHER_NEED])

    assert [event.items for event in erased.collect_events()] == [(NEED,), (OTHER_NEED,)]
    assert erased.items == {NEED, OTHER_NEED}


def test_asking_again_at_once_answers_with_the_same_disclosure() -> None:
    grant = given()
    first = ask(grant)
    grant.collect_events()

    again = ask(grant, NOON + 29 * SECOND)

    assert (again, events(grant)) == (first, [])


def test_asking_again_later_is_a_new_disclosure() -> None:
    grant = given()
    first = ask(grant)
    grant.collect_events()

    later = ask(grant, NOON + 30 * SECOND)

    assert later.disclosure_id != first.disclosure_id
    assert events(grant) == ["DisclosureMade"]


def test_the_same_disclosure_is_never_answered_for_another_item() -> None:
    grant = given(items=[NEED, OTHER_NEED])

    assert ask(grant).disclosure_id != ask(grant, item=OTHER_NEED).disclosure_id


def test_a_disclosure_may_be_taken_within_its_minute() -> None:
    grant = given()
    made = ask(grant)

    assert take(grant, made.disclosure_id, NOON + 60 * SECOND - TICK) == made
    with pytest.raises(NotReleased):
        take(grant, made.disclosure_id, NOON + 60 * SECOND)


@pytest.mark.rule("R23")
@pytest.mark.parametrize(
    "changed",
    [{"agency_id": OTHER_AGENCY}, {"item": OTHER_NEED}, {"disclosure_id": uuid4()}],
    ids=["another agency", "another item", "another disclosure"],
)
def test_a_disclosure_is_taken_by_its_agency_for_its_item_only(changed: dict[str, Any]) -> None:
    grant = given(items=[NEED, OTHER_NEED])
    made = ask(grant)

    with pytest.raises(NotReleased):
        take(grant, **({"disclosure_id": made.disclosure_id} | changed))


@pytest.mark.rule("R09")
@pytest.mark.parametrize(
    "end", [Grant.revoke, lambda g, d: g.supersede(d, by=uuid4())], ids=["revoked", "superseded"]
)
def test_what_was_not_taken_before_the_end_stays(end: Callable[[Grant, Any], None]) -> None:
    grant = given()
    made = ask(grant)
    end(grant, said())

    with pytest.raises(NotReleased):
        take(grant, made.disclosure_id)
