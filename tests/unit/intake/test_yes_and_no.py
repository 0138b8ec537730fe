"""A yes that staff wrote down waits; a no acts at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.intake.domain import Participation
from services.intake.domain.refusals import (
    BeyondRecall,
    ErasureUnderWay,
    NotAsAssigned,
    NothingToConfirm,
    UnknownDecision,
)
from shared.accompaniment.refusals import CaseAtRest, SecondPersonNeeded, TrainingNeeded
from tests.support.examples import COMMUNITY_AGENCY, NOOR, ROSA, SAM, an_id, said
from tests.unit.intake.world import (
    ADVOCATE,
    COLLEAGUE,
    COORDINATOR,
    ELSEWHERE,
    HOUSING,
    NOTHING,
    OFFER,
    SURVIVOR,
    UNTRAINED,
    begun,
    names,
    offered,
    words,
)

YES = an_id("yes")
ERASURE = an_id("erasure")


def told_yes() -> Participation:
    participation = offered()
    participation.choose_option(YES, HOUSING, OFFER, ADVOCATE)
    participation.collect_events()
    return participation


@pytest.mark.rule("R71")
def test_a_yes_recorded_by_staff_is_not_in_effect() -> None:
    participation = offered()

    participation.choose_option(YES, HOUSING, OFFER, ADVOCATE)

    assert names(participation) == ["ChoiceRecorded"]
    assert participation.chosen == {}


@pytest.mark.rule("R71")
def test_the_survivor_confirms_and_only_then_it_takes_effect() -> None:
    participation = told_yes()

    participation.confirm_decision(YES, SURVIVOR, trained=False)

    assert names(participation) == ["DecisionConfirmed", "OptionChosen"]


@pytest.mark.rule("R71")
def test_a_second_trained_person_confirms() -> None:
    participation = told_yes()

    participation.confirm_decision(YES, COLLEAGUE, trained=True)

    assert names(participation) == ["DecisionConfirmed", "OptionChosen"]


@pytest.mark.rule("R71")
@pytest.mark.parametrize(
    ("who", "trained", "refusal"),
    [
        (ADVOCATE, True, SecondPersonNeeded),
        (ADVOCATE, False, SecondPersonNeeded),
        (UNTRAINED, False, TrainingNeeded),
    ],
    ids=["whoever wrote it, trained", "whoever wrote it", "a colleague without training"],
)
def test_nobody_else_confirms(who, trained, refusal) -> None:
    participation = told_yes()

    with pytest.raises(refusal):
        participation.confirm_decision(YES, who, trained=trained)

    assert names(participation) == []


@pytest.mark.rule("R21")
@pytest.mark.rule("R71")
def test_a_trained_person_of_another_agency_confirms_nothing() -> None:
    participation = told_yes()

    with pytest.raises(SecondPersonNeeded):
        participation.confirm_decision(YES, ELSEWHERE, trained=True)

    assert names(participation) == []


@pytest.mark.rule("R22")
@pytest.mark.rule("R71")
@pytest.mark.parametrize("base", ["systems", None])
def test_a_second_person_of_a_base_that_was_never_explained_confirms_nothing(base) -> None:
    participation = told_yes()
    who = said(recorded_by=replace(NOOR, base=base))

    with pytest.raises(SecondPersonNeeded):
        participation.confirm_decision(YES, who, trained=True)

    assert names(participation) == []


@pytest.mark.rule("R71")
def test_where_no_advocate_helps_the_survivor_alone_confirms() -> None:
    participation = told_yes()
    participation.end_assignment(SURVIVOR)

    with pytest.raises(SecondPersonNeeded):
        participation.confirm_decision(YES, COLLEAGUE, trained=True)


@pytest.mark.rule("R71")
def test_the_assigned_advocate_confirms_what_a_colleague_wrote_down() -> None:
    participation = offered()
    participation.choose_option(YES, HOUSING, OFFER, COLLEAGUE)
    participation.collect_events()

    with pytest.raises(NotAsAssigned):
        participation.confirm_decision(
            YES, said(recorded_by=replace(ROSA, base="systems")), trained=True
        )
    participation.confirm_decision(YES, ADVOCATE, trained=True)

    assert names(participation) == ["DecisionConfirmed", "OptionChosen"]


@pytest.mark.rule("R71")
@pytest.mark.parametrize("who", [SURVIVOR, ADVOCATE, UNTRAINED])
def test_anybody_may_record_that_it_was_not_said_and_it_is_over(who) -> None:
    participation = told_yes()

    participation.deny_decision(YES, who)

    assert names(participation) == ["DecisionDenied"]
    with pytest.raises(NothingToConfirm):
        participation.confirm_decision(YES, SURVIVOR, trained=False)


@pytest.mark.rule("R71")
def test_a_yes_that_two_people_forged_is_undone_by_the_survivor() -> None:
    participation = told_yes()
    participation.confirm_decision(YES, COLLEAGUE, trained=True)
    participation.collect_events()

    participation.deny_decision(YES, SURVIVOR)

    assert names(participation) == ["DecisionDenied"]
    assert participation.chosen == {}


@pytest.mark.rule("R71")
def test_a_no_ends_the_yes_that_waits() -> None:
    participation = told_yes()

    participation.decline_option(an_id("no"), HOUSING, OFFER, SURVIVOR)

    assert names(participation) == ["DecisionLapsed", "OptionDeclined"]
    with pytest.raises(NothingToConfirm):
        participation.confirm_decision(YES, COLLEAGUE, trained=True)


@pytest.mark.rule("R71")
def test_nothing_now_told_to_staff_is_a_no_and_acts_at_once() -> None:
    participation = told_yes()

    participation.choose_option(an_id("nothing"), NOTHING, OFFER, ADVOCATE)

    assert names(participation) == ["DecisionLapsed", "OptionChosen"]


@pytest.mark.rule("R09")
def test_closing_the_case_ends_the_yes_that_waits() -> None:
    participation = told_yes()

    participation.step_back("closed", SURVIVOR)

    assert names(participation) == ["DecisionLapsed", "InvolvementChanged"]


@pytest.mark.rule("R09")
def test_nothing_takes_effect_while_the_survivor_rests() -> None:
    participation = told_yes()
    participation.step_back("paused", SURVIVOR)
    participation.collect_events()

    with pytest.raises(CaseAtRest):
        participation.confirm_decision(YES, COLLEAGUE, trained=True)

    assert names(participation) == []


def test_confirming_twice_is_one_confirmation() -> None:
    participation = told_yes()
    participation.confirm_decision(YES, SURVIVOR, trained=False)
    participation.collect_events()

    participation.confirm_decision(YES, SURVIVOR, trained=False)

    assert names(participation) == []


def test_a_decision_nobody_recorded_can_be_neither_confirmed_nor_denied() -> None:
    participation = offered()

    with pytest.raises(UnknownDecision):
        participation.confirm_decision(an_id("no such"), SURVIVOR, trained=False)
    with pytest.raises(UnknownDecision):
        participation.deny_decision(an_id("no such"), SURVIVOR)


@pytest.mark.rule("R71")
def test_an_erasure_recorded_by_staff_destroys_nothing_until_confirmed() -> None:
    participation = offered()

    participation.request_erasure(ERASURE, ("needs",), ADVOCATE)
    assert names(participation) == ["ErasureRecorded"]

    participation.confirm_decision(ERASURE, SURVIVOR, trained=False)
    assert names(participation) == ["DecisionConfirmed", "ErasureRequested"]


@pytest.mark.rule("R09")
def test_the_survivor_has_their_words_erased_from_any_state() -> None:
    for participation in (begun(), offered(), told_yes()):
        participation.step_back("closed", SURVIVOR)
        participation.collect_events()

        participation.request_erasure(ERASURE, ("needs", "notes"), SURVIVOR)

        assert names(participation) == ["ErasureRequested"]


def test_an_erasure_reaches_what_was_stated_before_it_and_nothing_after() -> None:
    participation = offered()
    participation.state_need(an_id("before"), words(), SURVIVOR)
    participation.request_erasure(ERASURE, ("needs",), SURVIVOR)
    participation.state_need(an_id("after"), words(), SURVIVOR, {ERASURE})

    assert participation.is_erased(an_id("before"))
    assert not participation.is_erased(an_id("after"))


def test_an_erasure_of_something_else_reaches_no_need_and_stops_none() -> None:
    participation = offered()
    participation.state_need(an_id("before"), words(), SURVIVOR)
    participation.request_erasure(ERASURE, ("notes",), SURVIVOR)

    participation.state_need(an_id("after"), words(), SURVIVOR)

    assert not participation.is_erased(an_id("before"))


def test_nothing_is_stated_while_an_erasure_of_needs_goes_on() -> None:
    participation = offered()
    participation.request_erasure(ERASURE, ("needs",), SURVIVOR)
    participation.collect_events()

    with pytest.raises(ErasureUnderWay) as refused:
        participation.state_need(an_id("need"), words(), SURVIVOR, {an_id("another")})

    assert refused.value.code == "erasure_under_way"
    assert names(participation) == []


def test_an_erasure_in_effect_cannot_be_denied_and_says_so() -> None:
    participation = offered()
    participation.request_erasure(ERASURE, ("needs",), SURVIVOR)

    with pytest.raises(BeyondRecall):
        participation.deny_decision(ERASURE, SURVIVOR)


@pytest.mark.rule("R21")
@pytest.mark.rule("R71")
@pytest.mark.parametrize("then", ["waiting", "in effect", "denied"])
def test_a_stranger_learns_nothing_of_a_yes_whatever_became_of_it(then: str) -> None:
    participation = told_yes()
    if then == "in effect":
        participation.confirm_decision(YES, SURVIVOR, trained=False)
    if then == "denied":
        participation.deny_decision(YES, SURVIVOR)
    stranger = said(recorded_by=SAM)

    for decision_id in (YES, an_id("no such decision")):
        with pytest.raises(SecondPersonNeeded):
            participation.confirm_decision(decision_id, stranger, trained=True)


@pytest.mark.rule("R09")
@pytest.mark.rule("R71")
def test_whoever_the_survivor_let_go_is_no_second_person() -> None:
    participation = told_yes()
    participation.end_assignment(SURVIVOR)
    participation.request_advocate("community", SURVIVOR)
    participation.assign_advocate(an_id("noor"), "community", COMMUNITY_AGENCY, COORDINATOR)

    with pytest.raises(SecondPersonNeeded):
        participation.confirm_decision(YES, said(recorded_by=ROSA), trained=True)
