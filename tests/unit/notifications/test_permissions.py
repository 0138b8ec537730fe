"""Who may ask what of notifications: every request, for every kind of asker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.notifications import SERVICE
from shared.identity.authorise import platform_policies
from shared.identity.principal import Principal
from tests.support.examples import (
    COMMUNITY_AGENCY,
    HOUSING_AGENCY,
    IVO,
    MARIA,
    NOOR,
    OTHER_SURVIVOR,
    ROSA,
    SURVIVOR,
    an_id,
)

ACTIONS = [request.method() for request in SERVICE.requests]
CONFIRM = "confirm_channel"
CONFIRMED = (CONFIRM, "confirm_topic")
RECORDED = [action for action in ACTIONS if action not in CONFIRMED]
HERE: dict[str, Any] = {
    "participation_id": MARIA,
    "assigned": [ROSA.id],
    "at": "service",
    "service": "notifications",
}
AT_THE_GATEWAY: dict[str, Any] = {"participation_id": MARIA, "at": "gateway"}


def may(who: Principal, action: str, resource: dict[str, Any] = HERE) -> bool:
    return platform_policies().allow(who, action, resource)


@pytest.mark.parametrize("action", ACTIONS)
def test_survivors_may_ask_everything_of_their_own_and_nothing_of_others(action: str) -> None:
    assert may(SURVIVOR, action)
    assert may(SURVIVOR, action, AT_THE_GATEWAY)
    assert not may(OTHER_SURVIVOR, action)
    assert not may(OTHER_SURVIVOR, action, AT_THE_GATEWAY)


@pytest.mark.parametrize("action", RECORDED)
def test_an_assigned_advocate_may_record_and_read_and_no_other(action: str) -> None:
    assert may(ROSA, action)
    assert not may(NOOR, action)
    assert not may(NOOR, action, {**HERE, "assigned": []})
    assert may(NOOR, action, AT_THE_GATEWAY)


@pytest.mark.rule("R71")
@pytest.mark.parametrize("confirm", CONFIRMED)
def test_the_second_person_is_trained_and_need_not_be_assigned(confirm: str) -> None:
    assert may(NOOR, confirm)
    assert not may(IVO, confirm)
    assert not may(IVO, confirm, {**HERE, "assigned": [IVO.id]})


@pytest.mark.rule("R71")
@pytest.mark.parametrize("role", ["prosecutor", "reviewer", "examiner", "auditor", ""])
def test_no_other_role_confirms_however_trained(role: str) -> None:
    for at in (HERE, AT_THE_GATEWAY):
        assert not may(replace(NOOR, role=role), CONFIRM, at)
    for hears in ("coordinator", "facilitator"):
        assert may(replace(NOOR, role=hears), CONFIRM)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "who",
    [
        Principal.anyone(),
        Principal.agency(HOUSING_AGENCY),
        Principal.service("intake"),
        Principal.service("agencies"),
        Principal.staff(an_id("reviewer"), "reviewer", COMMUNITY_AGENCY),
    ],
    ids=["anyone", "an agency", "intake", "agencies", "a reviewer"],
)
def test_nobody_else_may_ask_anything(who: Principal, action: str) -> None:
    assert not may(who, action, {**HERE, "assigned": [who.id]})
    assert not may(who, action, AT_THE_GATEWAY)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("unit", ["custody", "parole", "immigration_enforcement"])
def test_units_that_hold_people_may_ask_nothing_whatever_role_they_bring(
    action: str, unit: str
) -> None:
    warden = Principal.staff(
        an_id("warden"), "advocate", COMMUNITY_AGENCY, unit_kind=unit, trained=True
    )

    assert not may(warden, action, {**HERE, "assigned": [warden.id]})
