"""The service as others reach it: a signed token and JSON in, an answer or a refusal out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from services.consent.service import SERVICE_CLASS
from shared.contracts.consent import SERVICE
from shared.identity.principal import Principal
from tests.integration.consent.world import DAY, HOUSING, INTAKE, World
from tests.support.examples import HOUSING_AGENCY, IVO, MARIA, OTHER_SURVIVOR, ROSA, SAM, SURVIVOR
from tests.support.knocking import Door


@pytest.fixture
def door(world: World) -> Iterator[Door]:
    door = Door("consent", world.app, lambda: world.now, callers=("intake",))
    yield door
    door.close()


def release(world: World) -> dict[str, Any]:
    return {
        "participation_id": str(MARIA),
        "recipient_agency_id": str(HOUSING_AGENCY),
        "items": [world.need.model_dump(mode="json")],
        "purpose": "housing",
        "expires_at": (world.now + DAY).isoformat(),
    }


def test_every_request_of_the_contract_has_its_method() -> None:
    for request in SERVICE.requests:
        assert callable(getattr(SERVICE_CLASS, request.method()))


def test_from_the_survivors_yes_to_the_item(door: Door, world: World) -> None:
    grant = door.knock(SURVIVOR, "propose_grant", **release(world))["ok"]
    named = {"participation_id": str(MARIA), "grant_id": grant["grant_id"]}
    door.knock(SURVIVOR, "explain_grant", explanation_version="release-1", **named)
    assert door.knock(SURVIVOR, "give_grant", **named)["ok"]["state"] == "given"

    item = world.need.model_dump(mode="json")
    made = door.knock(
        HOUSING,
        "request_disclosure",
        agency_reference=grant["agency_reference"],
        item=item,
        purpose="housing",
    )["ok"]
    confirmed = door.knock(
        INTAKE,
        "confirm_disclosure",
        disclosure_id=made["disclosure_id"],
        agency_id=str(HOUSING_AGENCY),
        item=item,
    )["ok"]
    assert confirmed["participation_id"] == str(MARIA)

    assert door.knock(SURVIVOR, "revoke_grant", **named)["ok"]["state"] == "revoked"
    [seen] = door.knock(SURVIVOR, "get_grants", participation_id=str(MARIA))["ok"]["grants"]
    assert (seen["state"], seen["disclosures"]) == ("revoked", 1)


@pytest.mark.parametrize(
    "who", [IVO, ROSA, OTHER_SURVIVOR, HOUSING, INTAKE], ids=lambda who: who.kind
)
def test_who_is_not_the_survivors_is_not_let_in(door: Door, world: World, who: Principal) -> None:
    before = world.count()
    answer = door.refusal(who, "propose_grant", **release(world))

    assert answer["code"] == "not_allowed"
    assert world.count() == before


def test_an_assigned_advocate_is_let_in_and_told_about_the_notice(door: Door, world: World) -> None:
    world.assign(ROSA)

    answer = door.refusal(ROSA, "propose_grant", **release(world))

    assert answer["code"] == "notice_not_given"


def test_a_request_in_vain_is_answered_as_data(door: Door, world: World) -> None:
    answer = door.refusal(
        HOUSING,
        "request_disclosure",
        agency_reference=str(uuid4()),
        item=world.need.model_dump(mode="json"),
        purpose="housing",
    )

    assert answer["code"] == "nothing_released"
    assert answer["because"] == "not_found"


@pytest.mark.rule("R71")
def test_a_no_that_staff_record_waits_for_no_service(door: Door, world: World) -> None:
    """With intake away nobody can say whether they were let go: a yes waits, a no never."""
    world.assign(ROSA)
    world.notice()
    grant = world.explained(ROSA)
    named = {"participation_id": str(MARIA), "grant_id": str(grant.grant_id)}
    world.intake.away = True

    assert door.refusal(ROSA, "give_grant", **named)["because"] == "unavailable"
    assert door.knock(ROSA, "decline_grant", **named)["ok"]["state"] == "declined"


@pytest.mark.rule("R22")
def test_the_survivors_own_words_too_come_after_the_notice_but_no_no_does(
    door: Door, world: World
) -> None:
    world.notice("alone")
    grant = world.explained()
    named = {"participation_id": str(MARIA), "grant_id": str(grant.grant_id)}
    world.assign(ROSA)
    before = world.count()

    for method, more in (
        ("propose_grant", release(world)),
        ("explain_grant", {**named, "explanation_version": "release-1"}),
        ("give_grant", named),
        ("confirm_grant", named),
    ):
        assert door.refusal(SURVIVOR, method, **more)["code"] == "notice_not_given"
    assert world.count() == before
    assert door.knock(SURVIVOR, "decline_grant", **named)["ok"]["state"] == "declined"


@pytest.mark.rule("R22")
@pytest.mark.rule("R71")
def test_a_survivors_yes_waits_for_what_intake_knows_and_their_no_for_nothing(
    door: Door, world: World
) -> None:
    grant = world.explained()
    named = {"participation_id": str(MARIA), "grant_id": str(grant.grant_id)}
    world.intake.away = True

    assert door.refusal(SURVIVOR, "give_grant", **named)["because"] == "unavailable"
    assert door.knock(SURVIVOR, "decline_grant", **named)["ok"]["state"] == "declined"


@pytest.mark.rule("R21")
@pytest.mark.rule("R22")
def test_who_came_to_help_counts_before_it_is_heard_here(door: Door, world: World) -> None:
    """The survivor was told of nobody; an advocate was assigned, and consent is behind."""
    grant = world.explained()
    named = {"participation_id": str(MARIA), "grant_id": str(grant.grant_id)}
    world.intake.on_its_way.append(MARIA)

    def news_arrives() -> None:
        if world.intake.on_its_way:
            world.intake.on_its_way.clear()
            world.assign(SAM)

    world.intake.when_asked = news_arrives

    assert door.refusal(SURVIVOR, "give_grant", **named)["code"] == "notice_not_given"


@pytest.mark.rule("R22")
def test_a_notice_that_is_on_its_way_here_is_waited_for(door: Door, world: World) -> None:
    world.assign(ROSA)
    asked: list[int] = []

    def news_arrives() -> None:
        asked.append(1)
        if len(asked) == 2:
            world.intake.on_its_way.clear()
            world.notice()

    world.intake.on_its_way.append(MARIA)
    world.intake.when_asked = news_arrives

    assert "ok" in door.knock(SURVIVOR, "propose_grant", **release(world))
    assert len(asked) > 1


@pytest.mark.rule("R22")
def test_staff_read_no_word_before_the_notice_of_their_base(door: Door, world: World) -> None:
    world.given()
    world.assign(ROSA)

    answer = door.refusal(ROSA, "get_grants", participation_id=str(MARIA))
    assert answer["code"] == "notice_not_given"
    assert "ok" in door.knock(SURVIVOR, "get_grants", participation_id=str(MARIA))

    world.notice()

    assert "ok" in door.knock(ROSA, "get_grants", participation_id=str(MARIA))
