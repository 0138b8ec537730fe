"""An asker who is not granted anything learns nothing, not even from what is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.consent import RequestDisclosure
from shared.contracts.refusal import KeyUsedForAnother, NotAllowed, Refused
from shared.identity.principal import Principal
from tests.integration.consent.world import DAY, HOUSING, World
from tests.support.examples import ROSA, SURVIVOR

OTHER = Principal.agency(uuid4())
Asked = tuple[UUID, Principal, dict[str, Any]]


def unknown(world: World) -> Asked:
    return uuid4(), HOUSING, {}


def never_given(world: World) -> Asked:
    return world.explained().agency_reference, HOUSING, {}


def awaiting(world: World) -> Asked:
    world.assign()
    world.notice()
    grant = world.explained(ROSA)
    world.give(grant, ROSA)
    return grant.agency_reference, HOUSING, {}


def declined(world: World) -> Asked:
    grant = world.explained()
    world.decline(grant)
    return grant.agency_reference, HOUSING, {}


def revoked(world: World) -> Asked:
    grant = world.given()
    world.revoke(grant)
    return grant.agency_reference, HOUSING, {}


def erased(world: World) -> Asked:
    grant = world.given()
    world.erase(world.need)
    return grant.agency_reference, HOUSING, {}


def past_its_period(world: World) -> Asked:
    grant = world.given(expires_at=world.now + DAY)
    world.later(days=1)
    return grant.agency_reference, HOUSING, {}


def before_its_period(world: World) -> Asked:
    return world.given(starts_at=world.now + DAY).agency_reference, HOUSING, {}


def another_agencys(world: World) -> Asked:
    return world.given().agency_reference, OTHER, {}


def another_item(world: World) -> Asked:
    return world.given().agency_reference, HOUSING, {"item": world.other_need}


def another_purpose(world: World) -> Asked:
    return world.given().agency_reference, HOUSING, {"purpose": "legal_help"}


def the_id_of_the_grant(world: World) -> Asked:
    return world.given().grant_id, HOUSING, {}


def the_id_of_a_disclosure(world: World) -> Asked:
    made = world.ask(world.given().agency_reference)
    return made.disclosure_id, HOUSING, {}


CASES = [
    unknown,
    never_given,
    awaiting,
    declined,
    revoked,
    erased,
    past_its_period,
    before_its_period,
    another_agencys,
    another_item,
    another_purpose,
    the_id_of_the_grant,
    the_id_of_a_disclosure,
]

THE_ANSWER = {
    "code": "nothing_released",
    "because": "not_found",
    "detail": "Nothing is released to you under that reference for that item and purpose.",
    "what_to_do": "Ask the person whom it concerns.",
}


@pytest.mark.rule("R23")
@pytest.mark.rule("R31")
@pytest.mark.parametrize("case", CASES)
def test_every_request_that_is_not_granted_is_answered_and_written_alike(
    world: World, case: Callable[[World], Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, who, changed = case(world)
    read = _count_reads(world, monkeypatch)
    for _ in range(2):
        before = _written(world)

        read.clear()
        assert world.answer(reference, who, **changed) == THE_ANSWER

        assert read == ["read", "aggregate", "aggregate"]
        grew = {table: n - before[table] for table, n in _written(world).items()}
        assert grew == {
            "events": 1,
            "commands": 1,
            "due": 0,
            "grants": 0,
            "grant_pointers": 0,
        }
        assert world.log()[-1] == "DisclosureRefused"


def _count_reads(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The looks that the service takes at what it has stored, in order."""
    seen: list[str] = []

    def watch(name: str) -> None:
        look = getattr(world.app, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            seen.append(name)
            return look(*args, **kwargs)

        monkeypatch.setattr(world.app, name, watched)

    watch("read")
    watch("aggregate")
    return seen


def _written(world: World) -> dict[str, int]:
    tables = ("events", "commands", "due", "grants", "grant_pointers")
    return {table: world.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_whoever_asks_in_vain_contends_with_nobody(world: World) -> None:
    grant = world.given()
    before = world.log(grant.grant_id)

    for _ in range(5):
        world.answer(grant.agency_reference, OTHER)
        world.answer(grant.agency_reference, purpose="safety")

    assert world.log(grant.grant_id) == before
    streams = world.rows(
        "SELECT DISTINCT originator_id FROM events WHERE topic LIKE %s", "%DisclosureRefused"
    )
    assert len(streams) == 10


def test_refusals_are_never_published(world: World) -> None:
    world.answer(uuid4())
    world.answer(world.given().agency_reference, OTHER)

    types = {p.message.type for p in world.app.messages_after(0, 100)}

    assert types == {f"consent.grant.{what}.v1" for what in ("proposed", "explained", "given")}


def test_two_agencies_hold_references_that_cannot_be_joined(world: World) -> None:
    other = OTHER.agency_id
    first, second = world.propose(), world.propose(recipient_agency_id=other)

    references = {first.agency_reference, second.agency_reference}

    assert len(references | {first.grant_id, second.grant_id}) == 4


def test_a_refused_request_stays_refused_under_its_key(world: World) -> None:
    """Whoever asks too early asks again with a new key."""
    grant, key = world.explained(), uuid4()
    asked = RequestDisclosure(
        agency_reference=grant.agency_reference, item=world.need, purpose="housing"
    )
    with pytest.raises(Refused) as first:
        world.do(HOUSING, asked, key)
    world.give(grant)
    before = world.count()

    with pytest.raises(Refused) as again:
        world.do(HOUSING, asked, key)

    assert again.value.as_data() == first.value.as_data()
    assert world.count() == before
    with pytest.raises(KeyUsedForAnother):
        world.do(HOUSING, asked.model_copy(update={"purpose": "safety"}), key)
    world.do(HOUSING, asked)


def test_only_an_agency_asks(world: World) -> None:
    reference = world.given().agency_reference

    for somebody in (SURVIVOR, ROSA, Principal.service("intake"), Principal.anyone()):
        with pytest.raises(NotAllowed):
            world.ask(reference, somebody)
