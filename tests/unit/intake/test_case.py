"""How far a case has come."""

from __future__ import annotations

import pytest

from services.intake.domain import Case
from services.intake.domain.refusals import OnlyTheSurvivor
from shared.accompaniment.refusals import NoticeNotGiven
from tests.support.examples import MARIA, an_id
from tests.unit.intake.world import ADVOCATE, SURVIVOR, begun, names


def inquiry() -> Case:
    case = Case(case_id=an_id("case"), participation_id=MARIA)
    case.collect_events()
    return case


def opened() -> Case:
    case = inquiry()
    case.hear_notice()
    case.open()
    case.collect_events()
    return case


def test_a_case_opens_with_the_first_content_after_the_notice() -> None:
    case = inquiry()

    case.hear_notice()
    case.open()
    case.open()

    assert names(case) == ["NoticeHeard", "CaseOpened"]


@pytest.mark.rule("R22")
def test_a_case_does_not_open_before_the_notice() -> None:
    with pytest.raises(NoticeNotGiven):
        inquiry().open()


@pytest.mark.rule("R09")
def test_pause_and_close_work_from_every_state() -> None:
    def told() -> Case:
        case = inquiry()
        case.hear_notice()
        return case

    def reopened() -> Case:
        case = opened()
        case.close(SURVIVOR)
        case.reopen(SURVIVOR)
        return case

    for begin in (inquiry, told, opened, reopened):
        case = begin()
        case.pause(SURVIVOR)
        assert case.state == "paused"
        case.close(SURVIVOR)
        assert case.state == "closed"


def test_after_a_pause_a_case_goes_on_where_it_stood() -> None:
    for begin, state in ((inquiry, "inquiry"), (opened, "open")):
        case = begin()
        case.pause(SURVIVOR)
        case.reopen(SURVIVOR)
        assert case.state == state


def test_after_a_close_a_case_is_reopened() -> None:
    case = opened()
    case.pause(SURVIVOR)
    case.close(SURVIVOR)

    case.reopen(SURVIVOR)

    assert case.state == "reopened"


def test_repeats_change_nothing() -> None:
    case = opened()
    case.reopen(SURVIVOR)
    case.close(SURVIVOR)
    case.collect_events()

    case.close(SURVIVOR)
    case.pause(SURVIVOR)

    assert names(case) == []
    assert case.state == "closed"


@pytest.mark.rule("R12")
def test_only_the_survivor_comes_back() -> None:
    participation = begun()
    participation.step_back("closed", SURVIVOR)
    participation.collect_events()

    with pytest.raises(OnlyTheSurvivor):
        participation.step_in(ADVOCATE)

    participation.step_in(SURVIVOR)
    assert names(participation) == ["InvolvementChanged"]
