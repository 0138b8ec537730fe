"""Who may ask intake what: the policies, asked as the gateway and the service ask them."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.intake import SERVICE
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

ACTIONS = {request.method() for request in SERVICE.requests}
PUBLIC = {"begin_inquiry", "get_notice", "get_options", "open_session"}
READABLE = {"get_notice", "get_options"}
COORDINATOR = Principal.staff(an_id("coordinator"), "coordinator", COMMUNITY_AGENCY)
SUPERVISED = ("custody", "parole", "probation", "supervision", "immigration_enforcement")


def allowed(who: Principal, **resource: Any) -> set[str]:
    record = {"participation_id": MARIA, "assigned": [ROSA.id], "recorded_by": ROSA.id} | resource
    return {a for a in ACTIONS if platform_policies().allow(who, a, record)}


@pytest.mark.rule("R28")
@pytest.mark.rule("R74")
def test_anyone_reads_options_begins_and_comes_back_and_no_more() -> None:
    assert allowed(Principal.anyone()) == PUBLIC


@pytest.mark.rule("R12")
def test_the_survivor_does_everything_but_what_is_staffs_or_agencies() -> None:
    others = {"assign_advocate", "offer_options", "fetch_item", "confirm_items"}
    assert allowed(SURVIVOR) == ACTIONS - others


@pytest.mark.rule("R50")
def test_another_survivor_may_nothing_here() -> None:
    assert allowed(OTHER_SURVIVOR) == PUBLIC
    assert allowed(SURVIVOR, participation_id="") == PUBLIC


def test_the_assigned_advocate_writes_down_and_never_comes_back_for_the_survivor() -> None:
    rosa = allowed(ROSA) - PUBLIC

    assert {"state_need", "offer_options", "decline_option", "deny_decision"} <= rosa
    assert not rosa & {
        "make_contact",
        "reopen_case",
        "request_advocate",
        "get_timeline",
        "assign_advocate",
        "confirm_decision",
        "fetch_item",
    }


def test_an_advocate_who_is_not_assigned_may_nothing() -> None:
    assert allowed(IVO) == PUBLIC
    assert allowed(ROSA, assigned=[]) == PUBLIC


@pytest.mark.rule("R71")
def test_a_second_trained_person_may_confirm_and_nothing_else() -> None:
    assert allowed(NOOR) - PUBLIC == {"confirm_decision"}
    assert allowed(NOOR, recorded_by=NOOR.id) == PUBLIC


@pytest.mark.rule("R21")
def test_a_coordinator_assigns_and_reads_no_needs() -> None:
    assert allowed(COORDINATOR) - PUBLIC == {"assign_advocate", "get_case"}


def test_an_agency_takes_items_and_nothing_else() -> None:
    assert allowed(Principal.agency(HOUSING_AGENCY)) - PUBLIC == {"fetch_item"}


@pytest.mark.rule("R03")
@pytest.mark.rule("R10")
@pytest.mark.rule("R59")
@pytest.mark.parametrize("unit", SUPERVISED)
def test_whoever_holds_supervises_or_deports_people_gets_nothing(unit: str) -> None:
    staff = Principal.staff(ROSA.id, "advocate", COMMUNITY_AGENCY, unit_kind=unit, trained=True)
    officer = Principal.staff(an_id("o"), "supervision_officer", COMMUNITY_AGENCY)

    assert allowed(staff) == READABLE
    assert allowed(officer) == READABLE
    assert "fetch_item" not in allowed(Principal.agency(HOUSING_AGENCY, unit_kind=unit))


@pytest.mark.rule("R31")
def test_consent_asks_which_items_are_there_and_no_service_does_anything_else() -> None:
    assert allowed(Principal.service("consent")) == PUBLIC | {"confirm_items"}
    assert allowed(Principal.service("notifications")) == PUBLIC
