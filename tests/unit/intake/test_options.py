"""Several real options, a no that lasts, and no pressure."""

from __future__ import annotations

import pytest

from services.intake.domain import Option
from services.intake.domain.refusals import (
    DeclinedBefore,
    NotOffered,
    OfferedBefore,
    OnlyTheSurvivor,
    TooFewOptions,
)
from shared.accompaniment.refusals import CaseAtRest
from shared.contracts.decision import Decision
from tests.support.examples import an_id
from tests.unit.intake.world import (
    ADVOCATE,
    COUNSELLING,
    HOUSING,
    LETTERS,
    NOTHING,
    OFFER,
    OPTIONS,
    SURVIVOR,
    accompanied,
    begun,
    by_staff,
    names,
    offered,
    told,
)

LEGAL = Option("legal_help", "legal_help")
CIRCLE = Option("healing_circle", "healing_circle")


@pytest.mark.rule("R38")
@pytest.mark.parametrize(
    "options", [(HOUSING,), (HOUSING, NOTHING), (HOUSING, HOUSING), (NOTHING,)]
)
def test_an_offer_of_one_real_option_is_refused(options: tuple) -> None:
    participation = accompanied()

    with pytest.raises(TooFewOptions):
        participation.offer_options(OFFER, options, by_staff())

    assert names(participation) == []


@pytest.mark.rule("R38")
def test_an_offer_keeps_every_option_with_the_wording_that_was_shown() -> None:
    participation = accompanied()

    participation.offer_options(OFFER, OPTIONS, by_staff())

    events = participation.collect_events()
    assert [e.option for e in events] == [o.key for o in OPTIONS]
    assert {e.decision.language for e in events} == {"en"}


@pytest.mark.rule("R11")
@pytest.mark.parametrize("how", [SURVIVOR, ADVOCATE], ids=["by the survivor", "told by staff"])
def test_what_was_declined_is_not_offered_again(how: Decision) -> None:
    participation = offered()
    participation.decline_option(an_id("no"), LETTERS, OFFER, how)
    participation.collect_events()

    with pytest.raises(DeclinedBefore):
        participation.offer_options(an_id("again"), OPTIONS, by_staff())

    participation.offer_options(an_id("others"), (LEGAL, CIRCLE), by_staff())
    assert names(participation) == ["OptionOffered", "OptionOffered"]


@pytest.mark.rule("R11")
def test_what_was_offered_and_not_answered_is_not_offered_again() -> None:
    participation = offered()

    with pytest.raises(OfferedBefore) as refused:
        participation.offer_options(an_id("again"), (HOUSING, LEGAL), by_staff())

    assert refused.value.code == "offered_before"
    assert names(participation) == []


@pytest.mark.rule("R11")
def test_a_yes_that_staff_wrote_down_is_no_answer_yet() -> None:
    participation = offered()
    participation.choose_option(an_id("yes"), HOUSING, OFFER, ADVOCATE)

    with pytest.raises(OfferedBefore):
        participation.offer_options(an_id("again"), (HOUSING, LEGAL), by_staff())


@pytest.mark.rule("R11")
@pytest.mark.parametrize("how", ["chooses it", "makes contact"])
def test_once_the_survivor_answers_or_comes_it_may_be_offered_again(how: str) -> None:
    participation = offered()
    if how == "chooses it":
        participation.choose_option(an_id("yes"), HOUSING, OFFER, SURVIVOR)
    else:
        participation.make_contact(SURVIVOR)
    participation.collect_events()

    participation.offer_options(an_id("again"), (HOUSING, LEGAL), by_staff())

    assert names(participation) == ["OptionOffered", "OptionOffered"]


@pytest.mark.rule("R11")
def test_nothing_now_without_an_offer_is_a_no_to_every_open_offer() -> None:
    participation = offered()
    participation.offer_options(an_id("second"), (LEGAL, CIRCLE), by_staff())
    participation.make_contact(SURVIVOR)
    participation.choose_option(an_id("nothing"), NOTHING, None, SURVIVOR)
    participation.collect_events()

    for options in ((HOUSING, COUNSELLING), (LEGAL, CIRCLE)):
        with pytest.raises(DeclinedBefore):
            participation.offer_options(an_id("again"), options, by_staff())

    assert names(participation) == []


@pytest.mark.rule("R11")
def test_nothing_now_said_again_answers_what_was_offered_since() -> None:
    participation = offered()
    participation.choose_option(an_id("nothing"), NOTHING, OFFER, SURVIVOR)
    participation.offer_options(an_id("second"), (LEGAL, CIRCLE), by_staff())
    participation.choose_option(an_id("still nothing"), NOTHING, None, SURVIVOR)
    participation.collect_events()

    with pytest.raises(DeclinedBefore):
        participation.offer_options(an_id("third"), (LEGAL, CIRCLE), by_staff())

    assert participation.choose_option(an_id("a third time"), NOTHING, None, SURVIVOR) == an_id(
        "still nothing"
    )
    assert names(participation) == []


@pytest.mark.rule("R11")
def test_nothing_now_is_a_no_to_all_that_was_offered() -> None:
    participation = offered()
    participation.choose_option(an_id("nothing"), NOTHING, OFFER, SURVIVOR)
    participation.collect_events()

    with pytest.raises(DeclinedBefore):
        participation.offer_options(an_id("again"), (HOUSING, COUNSELLING), by_staff())


@pytest.mark.rule("R11")
def test_after_the_survivor_made_contact_it_may_be_offered_again() -> None:
    participation = offered()
    participation.decline_option(an_id("no"), LETTERS, OFFER, SURVIVOR)
    participation.make_contact(SURVIVOR)
    participation.collect_events()

    participation.offer_options(an_id("again"), OPTIONS, by_staff())

    assert len(names(participation)) == len(OPTIONS)


@pytest.mark.rule("R11")
def test_a_no_that_is_said_again_after_contact_lasts_again() -> None:
    participation = offered()
    participation.decline_option(an_id("no"), LETTERS, OFFER, SURVIVOR)
    participation.make_contact(SURVIVOR)
    participation.decline_option(an_id("no again"), LETTERS, None, SURVIVOR)

    with pytest.raises(DeclinedBefore):
        participation.offer_options(an_id("again"), OPTIONS, by_staff())


@pytest.mark.rule("R11")
def test_staff_cannot_make_contact_in_the_survivors_name() -> None:
    participation = offered()
    participation.decline_option(an_id("no"), LETTERS, OFFER, SURVIVOR)
    participation.collect_events()

    with pytest.raises(OnlyTheSurvivor):
        participation.make_contact(ADVOCATE)

    assert names(participation) == []


@pytest.mark.rule("R11")
def test_staff_cannot_write_down_a_yes_to_what_was_declined() -> None:
    participation = offered()
    participation.decline_option(an_id("no"), LETTERS, OFFER, SURVIVOR)
    participation.collect_events()

    with pytest.raises(DeclinedBefore):
        participation.choose_option(an_id("yes"), LETTERS, OFFER, ADVOCATE)


@pytest.mark.rule("R12")
def test_the_survivor_may_choose_what_they_declined() -> None:
    participation = offered()
    participation.decline_option(an_id("no"), LETTERS, OFFER, SURVIVOR)
    participation.collect_events()

    participation.choose_option(an_id("yes"), LETTERS, None, SURVIVOR)

    (chosen,) = participation.collect_events()
    assert chosen.unprompted


def test_a_choice_that_answers_an_offer_names_one_that_holds_it() -> None:
    participation = accompanied()
    participation.offer_options(OFFER, (HOUSING, COUNSELLING), by_staff())
    participation.collect_events()

    for option, offer in ((LETTERS, OFFER), (HOUSING, an_id("no such offer"))):
        with pytest.raises(NotOffered):
            participation.choose_option(an_id("choice"), option, offer, SURVIVOR)

    assert names(participation) == []


def test_an_unprompted_choice_is_marked_so() -> None:
    participation = told()

    participation.choose_option(an_id("choice"), HOUSING, None, SURVIVOR)

    (chosen,) = participation.collect_events()
    assert (chosen.unprompted, chosen.offer_id) == (True, None)


def test_choosing_twice_is_one_choice() -> None:
    participation = offered()
    first = participation.choose_option(an_id("one"), HOUSING, OFFER, SURVIVOR)
    participation.collect_events()

    assert participation.choose_option(an_id("two"), HOUSING, OFFER, SURVIVOR) == first
    assert names(participation) == []


@pytest.mark.rule("R48")
def test_declining_twice_is_one_no() -> None:
    participation = offered()
    first = participation.decline_option(an_id("one"), LETTERS, OFFER, SURVIVOR)
    participation.collect_events()

    assert participation.decline_option(an_id("two"), LETTERS, OFFER, SURVIVOR) == first
    assert names(participation) == []


@pytest.mark.rule("R48")
@pytest.mark.rule("R09")
def test_a_no_needs_no_notice_and_no_open_case() -> None:
    participation = begun()
    participation.step_back("closed", SURVIVOR)
    participation.collect_events()

    participation.decline_option(an_id("no"), LETTERS, None, SURVIVOR)

    assert names(participation) == ["OptionDeclined"]


@pytest.mark.rule("R12")
def test_declining_undoes_an_earlier_choice_of_the_same_and_no_other() -> None:
    participation = offered()
    participation.choose_option(an_id("one"), HOUSING, OFFER, SURVIVOR)
    participation.choose_option(an_id("two"), COUNSELLING, OFFER, SURVIVOR)

    participation.decline_option(an_id("no"), HOUSING, None, SURVIVOR)

    assert list(participation.chosen) == ["counselling"]


def test_declining_ends_no_service_and_no_help() -> None:
    """I06: nothing but the option declined follows from a no."""
    participation = offered()

    participation.decline_option(an_id("no"), LETTERS, OFFER, SURVIVOR)

    assert names(participation) == ["OptionDeclined"]
    assert participation.advocate_id == an_id("rosa")
    assert participation.involvement == "active"


@pytest.mark.rule("R11")
def test_nothing_is_offered_while_the_survivor_rests() -> None:
    participation = offered()
    participation.step_back("paused", SURVIVOR)
    participation.collect_events()

    with pytest.raises(CaseAtRest):
        participation.offer_options(an_id("again"), OPTIONS, by_staff())
