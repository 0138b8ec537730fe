"""What a person hears of is what they chose, and nothing else."""

from __future__ import annotations

import pytest

from services.notifications.domain.topics import NothingToConfirm, TopicChoice
from shared.accompaniment.refusals import SecondPersonNeeded, TrainingNeeded
from tests.support.examples import IVO, MARIA, NOOR, ROSA, said


def nothing_chosen() -> TopicChoice:
    begun = TopicChoice(participation_id=MARIA)
    begun.collect_events()
    return begun


@pytest.mark.rule("R26")
def test_nothing_is_wanted_unless_it_was_chosen() -> None:
    topics = nothing_chosen()

    assert topics.choose("sharing", decision=said()) == "chosen"

    assert topics.wants("sharing")
    assert not topics.wants("hearings")


def test_choosing_twice_is_ignored() -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said())
    topics.collect_events()

    assert topics.choose("sharing", decision=said()) == "chosen"
    assert list(topics.collect_events()) == []


@pytest.mark.rule("R71")
def test_a_choice_that_staff_recorded_counts_once_the_survivor_makes_it() -> None:
    topics = nothing_chosen()

    recorded = topics.choose("sharing", decision=said(recorded_by=ROSA))

    assert recorded == "awaiting_confirmation"
    assert not topics.wants("sharing")
    assert topics.choose("sharing", decision=said()) == "chosen"
    assert topics.wants("sharing")


@pytest.mark.rule("R71")
def test_a_second_trained_person_may_hear_the_same_choice() -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said(recorded_by=ROSA))

    assert topics.confirm("sharing", trained=True, decision=said(recorded_by=NOOR)) == "chosen"
    assert topics.wants("sharing")


@pytest.mark.rule("R71")
def test_the_survivor_confirms_what_staff_recorded() -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said(recorded_by=ROSA))

    assert topics.confirm("sharing", trained=False, decision=said()) == "chosen"
    topics.collect_events()
    assert topics.confirm("sharing", trained=False, decision=said()) == "chosen"
    assert list(topics.collect_events()) == []


@pytest.mark.rule("R71")
def test_recording_a_topic_again_confirms_nothing_whoever_records_it() -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said(recorded_by=ROSA))

    assert topics.choose("sharing", decision=said(recorded_by=NOOR)) == "awaiting_confirmation"
    assert not topics.wants("sharing")


def test_a_topic_that_nobody_recorded_cannot_be_confirmed() -> None:
    with pytest.raises(NothingToConfirm):
        nothing_chosen().confirm("sharing", trained=True, decision=said(recorded_by=NOOR))


@pytest.mark.rule("R71")
@pytest.mark.parametrize(
    ("who", "trained", "refusal"),
    [(ROSA, True, SecondPersonNeeded), (IVO, False, TrainingNeeded)],
)
def test_the_same_or_an_untrained_person_confirms_nothing(
    who: object, trained: bool, refusal: type[Exception]
) -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said(recorded_by=ROSA))
    topics.collect_events()

    with pytest.raises(refusal):
        topics.confirm("sharing", trained=trained, decision=said(recorded_by=who))
    assert list(topics.collect_events()) == []


@pytest.mark.rule("R71")
@pytest.mark.parametrize("recorder", [None, ROSA], ids=["the survivor", "staff"])
def test_dropping_a_topic_acts_at_once_whoever_records_it(recorder: object) -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said())

    topics.drop("sharing", decision=said(recorded_by=recorder))

    assert not topics.wants("sharing")


def test_dropping_what_was_not_chosen_is_ignored() -> None:
    topics = nothing_chosen()

    topics.drop("sharing", decision=said())

    assert list(topics.collect_events()) == []


@pytest.mark.rule("R71")
def test_a_dropped_choice_of_staff_does_not_come_back_with_a_confirmation() -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said(recorded_by=ROSA))
    topics.drop("sharing", decision=said())

    with pytest.raises(NothingToConfirm):
        topics.confirm("sharing", trained=True, decision=said(recorded_by=NOOR))


def test_all_topics_are_dropped_in_one_step_also_those_that_wait() -> None:
    topics = nothing_chosen()
    topics.choose("sharing", decision=said())
    topics.choose("claim", decision=said(recorded_by=ROSA))

    topics.drop_all(decision=said())

    assert (topics.chosen, topics.waiting) == (set(), {})
