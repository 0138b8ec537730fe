"""What leaves is put on record by the grant itself, once, and never after its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.consent.domain.grant import Grant, NotReleased
from tests.unit.consent.world import (
    AGENCY,
    DAY,
    NEED,
    NOON,
    OTHER_AGENCY,
    OTHER_NEED,
    ask,
    events,
    given,
    said,
)

SECOND = timedelta(seconds=1)


def take(grant: Grant, disclosure_id: UUID, **changed: Any) -> Any:
    asked: dict[str, Any] = {
        "disclosure_id": disclosure_id,
        "agency_id": AGENCY,
        "item": NEED,
        "erased": (),
        "now": NOON + SECOND,
    } | changed
    return grant.take(**asked)


@pytest.mark.rule("R23")
def test_the_grant_records_that_it_is_taken() -> None:
    grant = given()
    made = ask(grant)
    grant.collect_events()

    taken = take(grant, made.disclosure_id)

    [event] = grant.collect_events()
    assert isinstance(event, Grant.DisclosureTaken)
    assert (event.disclosure_id, event.recipient_agency_id) == (made.disclosure_id, AGENCY)
    assert (event.item, event.taken_at) == (NEED, NOON + SECOND)
    assert (taken.taken_at, taken.take_before) == (NOON + SECOND, made.take_before)


@pytest.mark.rule("R09")
@pytest.mark.parametrize(
    "end",
    [
        lambda grant: grant.revoke(said()),
        lambda grant: grant.decline(said()),
        lambda grant: grant.supersede(said(), by=uuid4()),
        lambda grant: grant.expire(NOON + 15 * DAY),
    ],
    ids=["revoked", "declined", "superseded", "expired"],
)
def test_nothing_is_taken_after_an_end(end: Callable[[Grant], None]) -> None:
    grant = given()
    made = ask(grant)
    end(grant)
    grant.collect_events()

    with pytest.raises(NotReleased):
        take(grant, made.disclosure_id)
    assert events(grant) == []


@pytest.mark.rule("I03")
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"disclosure_id": uuid4()}, "no_such_disclosure"),
        ({"agency_id": OTHER_AGENCY}, "no_such_disclosure"),
        ({"item": OTHER_NEED}, "no_such_disclosure"),
        ({"erased": (NEED,)}, "erased"),
        ({"now": NOON + 60 * SECOND}, "too_late"),
    ],
)
def test_nothing_else_is_taken(changed: dict[str, Any], reason: str) -> None:
    grant = given()
    made = ask(grant)
    grant.collect_events()

    with pytest.raises(NotReleased) as no:
        take(grant, **({"disclosure_id": made.disclosure_id} | changed))
    assert no.value.reason == reason
    assert events(grant) == []


@pytest.mark.rule("I03")
def test_a_disclosure_is_taken_once() -> None:
    grant = given()
    made = ask(grant)
    take(grant, made.disclosure_id)
    grant.collect_events()

    with pytest.raises(NotReleased) as no:
        take(grant, made.disclosure_id)
    assert no.value.reason == "taken"
    assert events(grant) == []
    # Whoever asks again is answered with it for half a minute: four events a minute an item.
    assert ask(grant, NOON + 29 * SECOND).disclosure_id == made.disclosure_id
    assert ask(grant, NOON + 31 * SECOND).disclosure_id != made.disclosure_id
