from __future__ import annotations

from uuid import uuid4

import pytest

from services.consent.domain.accompaniment import Accompaniment
from tests.unit.consent.world import PARTICIPATION

ADVOCATE = uuid4()
AGENCY = uuid4()


def accompanied() -> Accompaniment:
    company = Accompaniment(PARTICIPATION)
    company.advocate_assigned(ADVOCATE, "systems", AGENCY)
    company.collect_events()
    return company


def test_the_survivor_has_the_advocate_until_the_assignment_ends() -> None:
    company = accompanied()
    assert company.is_assigned(ADVOCATE, "systems", AGENCY)
    assert company.is_colleague(AGENCY)

    company.assignment_ended(ADVOCATE)

    assert not company.is_assigned(ADVOCATE, "systems", AGENCY)
    assert not company.is_colleague(AGENCY)


@pytest.mark.rule("R21")
def test_an_advocate_of_another_base_or_agency_than_was_assigned_is_not_the_one() -> None:
    company = accompanied()

    assert not company.is_assigned(ADVOCATE, "community", AGENCY)
    assert not company.is_assigned(ADVOCATE, "systems", uuid4())
    assert not company.is_assigned(ADVOCATE, None, None)
    assert not company.is_colleague(uuid4())
    assert not company.is_colleague(None)


@pytest.mark.rule("R21")
def test_a_changed_base_or_agency_is_known() -> None:
    company, other = accompanied(), uuid4()

    company.advocate_assigned(ADVOCATE, "community", AGENCY)
    assert company.is_assigned(ADVOCATE, "community", AGENCY)
    company.advocate_assigned(ADVOCATE, "community", other)
    assert company.is_assigned(ADVOCATE, "community", other)
    assert not company.is_assigned(ADVOCATE, "community", AGENCY)


@pytest.mark.rule("R22")
def test_a_notice_counts_for_its_base() -> None:
    company = accompanied()

    company.notice_given("alone", "alone-1")
    company.notice_given("community", "community-1")

    assert company.notices.get("systems") is None
    assert company.latest_notice == "community-1"


def test_what_is_known_already_is_not_written_again() -> None:
    company = accompanied()
    company.notice_given("systems", "systems-1")
    company.collect_events()

    company.advocate_assigned(ADVOCATE, "systems", AGENCY)
    company.notice_given("systems", "systems-1")
    company.assignment_ended(uuid4())

    assert company.collect_events() == []
