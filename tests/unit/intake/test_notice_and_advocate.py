"""Who helps is the survivor's choice, and what stays confidential is said first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.intake.domain import Participation
from services.intake.domain.refusals import (
    AdvocateNotAsked,
    NoticeOfAnotherBase,
    OnlyTheSurvivor,
)
from shared.accompaniment.refusals import NoticeNotGiven
from tests.support.examples import COMMUNITY_AGENCY, an_id
from tests.unit.intake.world import (
    ADVOCATE,
    COORDINATOR,
    HOUSING,
    OFFER,
    OPTIONS,
    SURVIVOR,
    accompanied,
    begun,
    by_staff,
    names,
    told,
    words,
)

CONTENT: dict[str, Callable[[Participation], Any]] = {
    "a need": lambda p: p.state_need(an_id("need"), words(), SURVIVOR),
    "an offer": lambda p: p.offer_options(OFFER, OPTIONS, by_staff()),
    "a choice": lambda p: p.choose_option(an_id("choice"), HOUSING, None, SURVIVOR),
}


@pytest.mark.rule("R22")
@pytest.mark.parametrize("what", CONTENT)
def test_nothing_is_written_down_before_the_notice(what: str) -> None:
    participation = begun()

    with pytest.raises(NoticeNotGiven):
        CONTENT[what](participation)

    assert names(participation) == []


@pytest.mark.rule("R24")
@pytest.mark.rule("R74")
@pytest.mark.parametrize("what", CONTENT)
def test_somebody_alone_needs_the_platforms_own_notice_and_nothing_else(what: str) -> None:
    participation = told()

    CONTENT[what](participation)

    assert names(participation) != []


@pytest.mark.rule("R21")
@pytest.mark.parametrize("what", CONTENT)
def test_an_advocate_of_a_new_base_needs_a_new_notice(what: str) -> None:
    participation = told()
    participation.request_advocate("systems", SURVIVOR)
    participation.assign_advocate(an_id("sam"), "systems", an_id("office"), COORDINATOR)
    participation.collect_events()

    with pytest.raises(NoticeNotGiven):
        CONTENT[what](participation)

    participation.give_notice("systems", "systems-1", by_staff())
    CONTENT[what](participation)
    assert names(participation)[0] == "ConfidentialityNoticeGiven"


@pytest.mark.rule("R21")
def test_the_notice_must_be_that_of_the_advocates_base() -> None:
    participation = accompanied()

    for base in ("alone", "systems"):
        with pytest.raises(NoticeOfAnotherBase):
            participation.give_notice(base, "1", by_staff())

    assert names(participation) == []


@pytest.mark.rule("R21")
def test_an_advocate_who_was_not_asked_for_is_not_assigned() -> None:
    participation = begun()

    with pytest.raises(AdvocateNotAsked):
        participation.assign_advocate(an_id("rosa"), "community", an_id("a"), COORDINATOR)

    assert names(participation) == []


@pytest.mark.rule("R21")
def test_an_advocate_of_another_base_than_the_one_asked_for_is_not_assigned() -> None:
    participation = begun()
    participation.request_advocate("community", SURVIVOR)
    participation.collect_events()

    with pytest.raises(AdvocateNotAsked):
        participation.assign_advocate(an_id("sam"), "systems", an_id("office"), COORDINATOR)

    assert names(participation) == []


@pytest.mark.rule("R21")
def test_staff_cannot_ask_for_an_advocate_in_the_survivors_name() -> None:
    participation = begun()

    with pytest.raises(OnlyTheSurvivor):
        participation.request_advocate("systems", ADVOCATE)


@pytest.mark.rule("R21")
def test_whom_the_survivor_has_and_whether_they_rest_is_told_to_no_stranger() -> None:
    """The same refusal to another agency's coordinator, whatever they guess."""
    resting = accompanied()
    resting.step_back("paused", SURVIVOR)
    for participation in (begun(), accompanied(), resting):
        for advocate in (an_id("rosa"), an_id("sam")):
            with pytest.raises(AdvocateNotAsked):
                participation.assign_advocate(advocate, "community", an_id("office"), COORDINATOR)


def test_assigning_the_same_advocate_again_changes_nothing() -> None:
    participation = accompanied()

    participation.assign_advocate(an_id("rosa"), "community", COMMUNITY_AGENCY, COORDINATOR)

    assert names(participation) == []


def test_a_second_advocate_waits_until_the_survivor_lets_the_first_go() -> None:
    participation = accompanied()

    with pytest.raises(AdvocateNotAsked):
        participation.assign_advocate(an_id("sam"), "systems", an_id("office"), COORDINATOR)


@pytest.mark.rule("R09")
def test_the_survivor_lets_the_advocate_go_without_a_reason() -> None:
    participation = accompanied()

    participation.end_assignment(SURVIVOR)

    assert names(participation) == ["AdvocateAssignmentEnded"]
    assert participation.company.base == "alone"


@pytest.mark.rule("R09")
def test_a_request_for_an_advocate_can_be_taken_back() -> None:
    participation = begun()
    participation.request_advocate("systems", SURVIVOR)
    participation.end_assignment(SURVIVOR)
    participation.collect_events()

    with pytest.raises(AdvocateNotAsked):
        participation.assign_advocate(an_id("sam"), "systems", an_id("office"), COORDINATOR)


def test_nobody_is_assigned_while_the_survivor_rests() -> None:
    participation = begun()
    participation.request_advocate("community", SURVIVOR)
    participation.step_back("paused", SURVIVOR)
    participation.collect_events()

    with pytest.raises(AdvocateNotAsked):
        participation.assign_advocate(an_id("rosa"), "community", an_id("a"), COORDINATOR)


def test_the_same_notice_twice_is_one_notice() -> None:
    participation = accompanied()

    participation.give_notice("community", "community-1", by_staff())

    assert names(participation) == []
