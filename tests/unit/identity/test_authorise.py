"""Cedar decides; what it does not permit is denied, and what it cannot read does not start."""

from __future__ import annotations

import pytest

from shared.contracts.refusal import NotAllowed
from shared.identity.authorise import BadPolicies, Policies, authorise, platform_policies
from shared.identity.principal import Principal
from shared.identity.schema import PRINCIPAL_TYPES, actions
from shared.identity.units import CEILINGS, KINDS, ROLES_UNDER_CEILING
from tests.support.examples import (
    COMMUNITY_AGENCY,
    DANA,
    HOUSING_AGENCY,
    MARIA,
    NOOR,
    OTHER_SURVIVOR,
    ROSA,
    SURVIVOR,
    an_id,
)

PAROLE = Principal.staff(an_id("officer"), "supervision_officer", an_id("parole board"))
PUBLIC = {
    "read_crisis_help",
    "read_rights",
    "get_options",
    "get_notice",
    "get_explanation",
    "begin_inquiry",
    "open_session",
    "get_checkpoint",
    "get_tile",
}

OWN = """
permit (principal is Survivor, action == Action::"get_case", resource)
when { resource.participation_id == principal.participation_id };
"""


def test_the_policies_of_the_platform_are_free_of_errors() -> None:
    assert platform_policies() is platform_policies()


def test_what_no_policy_permits_is_denied() -> None:
    policies = Policies({"own": OWN})
    assert not policies.allow(ROSA, "get_case", {"participation_id": MARIA})
    assert not policies.allow(SURVIVOR, "get_needs", {"participation_id": MARIA})
    assert policies.allow(SURVIVOR, "get_case", {"participation_id": MARIA})
    assert not policies.allow(OTHER_SURVIVOR, "get_case", {"participation_id": MARIA})


@pytest.mark.parametrize(
    "text",
    [
        "permit (",
        'permit (principal, action == Action::"revok_grant", resource);',
        "permit (principal, action, resource) when { resource.nothing == 1 };",
        "permit (principal is Admin, action, resource);",
        "permit (principal, action, resource) when { principal.trained == 1 && principal.id };",
        "   ",
    ],
)
def test_a_policy_with_an_error_does_not_start(text: str) -> None:
    with pytest.raises(BadPolicies):
        Policies({"bad": text})


def test_a_good_policy_beside_a_bad_one_does_not_start_either() -> None:
    with pytest.raises(BadPolicies, match=r"bad\.cedar"):
        Policies({"good.cedar": OWN, "bad.cedar": "permit"})


def test_a_forbid_outweighs_every_permit() -> None:
    policies = Policies({"own": OWN, "stop": "forbid (principal, action, resource);"})
    assert not policies.allow(SURVIVOR, "get_case", {"participation_id": MARIA})


def test_an_attribute_that_does_not_exist_is_a_mistake_of_ours_and_told() -> None:
    with pytest.raises(ValueError, match="partcipation_id"):
        authorise(SURVIVOR, "get_case", {"partcipation_id": MARIA})


def test_refusing_says_nothing_of_what_was_asked_for() -> None:
    with pytest.raises(NotAllowed) as refused:
        authorise(OTHER_SURVIVOR, "get_case", {"participation_id": MARIA})
    assert str(MARIA) not in str(refused.value.as_data())


@pytest.mark.rule("R23")
def test_a_survivor_reaches_their_own_record_and_no_others() -> None:
    for action in ("get_case", "get_needs", "get_timeline", "state_need", "get_preference"):
        authorise(SURVIVOR, action, {"participation_id": MARIA})
        with pytest.raises(NotAllowed):
            authorise(SURVIVOR, action, {"participation_id": DANA})


@pytest.mark.rule("R23")
def test_at_the_gateway_the_role_counts_and_in_the_service_the_assignment() -> None:
    about = {"participation_id": MARIA}
    authorise(ROSA, "get_needs", {**about, "at": "gateway"})
    authorise(ROSA, "get_needs", {**about, "assigned": [ROSA.id]})
    with pytest.raises(NotAllowed):
        authorise(ROSA, "get_needs", {**about, "assigned": [NOOR.id]})
    with pytest.raises(NotAllowed):
        authorise(ROSA, "get_needs", about)


@pytest.mark.rule("R10")
def test_supervision_gets_nothing_but_what_is_open_to_anyone() -> None:
    under_another_role = [
        Principal.staff(an_id("o"), role, COMMUNITY_AGENCY, unit_kind=unit, trained=True)
        for role in ("advocate", "coordinator")
        for unit in ("custody", "parole", "probation", "supervision", "immigration_enforcement")
    ]
    for officer in (PAROLE, *under_another_role):
        for action in actions():
            resource = {"participation_id": MARIA, "assigned": [officer.id], "at": "gateway"}
            allowed = platform_policies().allow(officer, action, resource)
            assert not allowed or action in PUBLIC, (officer.unit_kind, action)


OPEN = PUBLIC - {"begin_inquiry", "open_session"}
ABOUT_MARIA = {"participation_id": MARIA, "agency_id": COMMUNITY_AGENCY}


def reached(principal: Principal) -> set[str]:
    return {
        action
        for action in actions()
        for at in ("gateway", "service")
        if platform_policies().allow(
            principal, action, {**ABOUT_MARIA, "assigned": [principal.id], "at": at}
        )
    }


@pytest.mark.rule("R03")
@pytest.mark.rule("R10")
@pytest.mark.rule("R59")
@pytest.mark.parametrize("unit", sorted(CEILINGS))
def test_a_unit_under_the_ceiling_reaches_nothing_of_any_service(unit: str) -> None:
    staff = [
        Principal.staff(an_id("o"), role, COMMUNITY_AGENCY, unit_kind=unit, trained=True)
        for role in ("advocate", "coordinator", "facilitator")
    ]
    for principal in (*staff, Principal.agency(HOUSING_AGENCY, unit)):
        assert reached(principal) == OPEN


@pytest.mark.rule("R10")
@pytest.mark.parametrize("role", sorted(ROLES_UNDER_CEILING))
def test_a_role_under_the_ceiling_reaches_nothing_from_any_unit(role: str) -> None:
    for unit in ("community", "victim_services"):
        officer = Principal.staff(an_id("o"), role, COMMUNITY_AGENCY, unit_kind=unit, trained=True)
        assert reached(officer) == OPEN


@pytest.mark.parametrize("unit", sorted(KINDS - CEILINGS))
def test_every_other_kind_of_unit_can_do_its_work(unit: str) -> None:
    advocate = Principal.staff(an_id("a"), "advocate", COMMUNITY_AGENCY, unit_kind=unit)
    assert {"get_needs", "get_grants", "get_notices"} <= reached(advocate)
    assert {"request_disclosure", "fetch_item"} <= reached(Principal.agency(HOUSING_AGENCY, unit))


@pytest.mark.rule("R74")
def test_what_is_public_asks_for_nothing() -> None:
    for action in PUBLIC:
        authorise(Principal.anyone(), action, {"at": "gateway"})


def test_anyone_reaches_nothing_that_is_not_public() -> None:
    for action in set(actions()) - PUBLIC:
        with pytest.raises(NotAllowed):
            authorise(Principal.anyone(), action, {"participation_id": "", "at": "gateway"})


def test_no_person_and_no_agency_reaches_what_services_ask_of_one_another() -> None:
    inside = ("open_data_key", "data_key_by_id", "destroy_keys", "messages_after")
    agency = Principal.agency(HOUSING_AGENCY, "housing")
    for action in set(inside) & set(actions()):
        for person in (SURVIVOR, NOOR, agency, Principal.anyone()):
            with pytest.raises(NotAllowed):
                authorise(person, action, {"participation_id": MARIA, "assigned": [NOOR.id]})


def test_every_kind_of_principal_is_known_to_the_policies() -> None:
    for kind in PRINCIPAL_TYPES:
        known = {
            "survivor": SURVIVOR,
            "staff": ROSA,
            "agency": Principal.agency(HOUSING_AGENCY),
            "service": Principal.service("intake"),
            "anyone": Principal.anyone(),
            "system": Principal.system("intake"),
        }[kind]
        assert not platform_policies().allow(known, "no_such_action", {})
