"""Who asks, as claims and back."""

from __future__ import annotations

from typing import Any

import pytest

from shared.identity.principal import BadPrincipal, Principal
from tests.support.examples import HOUSING_AGENCY, MARIA, NOOR, ROSA, SURVIVOR


@pytest.mark.parametrize(
    "principal",
    [
        SURVIVOR,
        ROSA,
        NOOR,
        Principal.staff(MARIA, "coordinator", HOUSING_AGENCY, unit_kind="victim_services"),
        Principal.agency(HOUSING_AGENCY, "housing"),
        Principal.service("consent"),
        Principal.anyone(),
    ],
)
def test_claims_give_the_same_principal_back(principal: Principal) -> None:
    assert Principal.from_claims(principal.to_claims()) == principal


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "root"},
        {"kind": None},
        {"id": "not-an-id"},
        {"id": None},
        {"id": 7},
        {"base": "police"},
        {"trained": "yes"},
        {"role": ["advocate"]},
        {"role": "r" * 65},
        {"agency_id": "x"},
        {"unit_kind": None},
        {"superuser": True},
    ],
)
def test_claims_of_another_form_describe_nobody(changed: dict[str, Any]) -> None:
    with pytest.raises(BadPrincipal):
        Principal.from_claims({**NOOR.to_claims(), **changed})


@pytest.mark.rule("R50")
def test_a_survivor_is_one_participation_and_cannot_name_a_second() -> None:
    claims = {**SURVIVOR.to_claims(), "participation_id": str(HOUSING_AGENCY)}
    with pytest.raises(BadPrincipal):
        Principal.from_claims(claims)


def test_a_service_without_a_name_is_nobody() -> None:
    with pytest.raises(BadPrincipal):
        Principal.from_claims({"kind": "service", "id": ""})
