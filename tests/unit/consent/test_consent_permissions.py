from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.contracts.consent import SERVICE
from shared.contracts.refusal import NotAllowed
from shared.identity.authorise import authorise
from shared.identity.principal import Principal

PARTICIPATION = uuid4()
AGENCY = uuid4()
SURVIVOR = Principal.survivor(PARTICIPATION)
ADVOCATE = Principal.staff(uuid4(), "advocate", AGENCY, base="community")
TRAINED = Principal.staff(uuid4(), "advocate", AGENCY, base="community", trained=True)
STAFF = {
    role: Principal.staff(uuid4(), role, AGENCY)
    for role in ("coordinator", "facilitator", "reviewer", "examiner", "auditor", "prosecutor")
}

PUBLIC = "get_explanation"
ACTIONS = {request.method() for request in SERVICE.requests} - {PUBLIC}
OF_THE_SURVIVOR = {
    "propose_grant",
    "explain_grant",
    "give_grant",
    "confirm_grant",
    "decline_grant",
    "revoke_grant",
    "get_grants",
}
RECORD = {"participation_id": PARTICIPATION, "assigned": [ADVOCATE.id], "at": "service"}
NOBODYS = {"participation_id": "", "assigned": [], "at": "service"}
CEILINGS = ["custody", "jail", "prison", "parole", "probation", "supervision"]


def allowed(principal: Principal, record: dict[str, object]) -> set[str]:
    found = set()
    for action in ACTIONS:
        try:
            authorise(principal, action, record)
            found.add(action)
        except NotAllowed:
            pass
    return found


@pytest.mark.parametrize("who", [Principal.anyone(), SURVIVOR, ADVOCATE, *STAFF.values()])
def test_what_a_release_does_is_told_to_anyone(who: Principal) -> None:
    authorise(who, PUBLIC, NOBODYS)


def test_a_survivor_decides_about_their_own_releases_only() -> None:
    assert allowed(SURVIVOR, RECORD) == OF_THE_SURVIVOR
    assert allowed(Principal.survivor(uuid4()), RECORD) == set()
    assert allowed(SURVIVOR, NOBODYS) == set()


def test_the_survivors_advocate_records_for_them() -> None:
    assert allowed(ADVOCATE, RECORD) == OF_THE_SURVIVOR


@pytest.mark.rule("R71")
def test_an_unassigned_trained_advocate_may_come_to_hear_a_yes_and_see_nothing() -> None:
    assert allowed(TRAINED, RECORD) == {"confirm_grant"}


@pytest.mark.rule("R71")
@pytest.mark.parametrize("role", sorted(STAFF))
def test_other_staff_may_do_nothing_here_even_when_assigned(role: str) -> None:
    record = RECORD | {"assigned": [STAFF[role].id]}

    assert allowed(STAFF[role], record) == set()


def test_the_gateway_leaves_assignment_to_the_service() -> None:
    unknown = {"participation_id": PARTICIPATION, "assigned": [], "at": "gateway"}

    assert allowed(ADVOCATE, unknown) == OF_THE_SURVIVOR
    assert allowed(ADVOCATE, unknown | {"at": "service"}) == set()


@pytest.mark.rule("R23")
def test_an_agency_may_ask_for_a_disclosure_and_nothing_else() -> None:
    assert allowed(Principal.agency(AGENCY), NOBODYS) == {"request_disclosure"}
    assert allowed(Principal.agency(AGENCY), RECORD) == {"request_disclosure"}


def test_only_the_service_that_owns_items_asks_whether_to_hand_them_over() -> None:
    assert allowed(Principal.service("intake"), NOBODYS) == {
        "confirm_disclosure",
        "take_disclosure",
    }
    assert allowed(Principal.service("notifications"), NOBODYS) == set()


def test_nobody_else_is_let_in() -> None:
    assert allowed(Principal.anyone(), RECORD) == set()
    assert allowed(Principal.system("consent"), RECORD) == set()


@pytest.mark.rule("R10")
@pytest.mark.parametrize("kind", [*CEILINGS, "immigration_enforcement"])
def test_units_that_hold_or_supervise_people_get_nothing(kind: str) -> None:
    for principal in (
        replace(ADVOCATE, unit_kind=kind),
        replace(TRAINED, unit_kind=kind),
        Principal.agency(AGENCY, unit_kind=kind),
    ):
        assert allowed(principal, RECORD) == set()
