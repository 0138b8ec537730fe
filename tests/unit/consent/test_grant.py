from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.consent.domain.errors import (
    AlreadyAnswered,
    GrantEnded,
    NotExplained,
    NothingToConfirm,
    NothingToSupersede,
    NotTheirs,
    PeriodNotPossible,
    PeriodOver,
    RecipientCannotConfirm,
    UnknownExplanation,
)
from services.consent.domain.grant import Grant
from shared.accompaniment.refusals import SecondPersonNeeded, TrainingNeeded
from tests.unit.consent.world import (
    ADVOCATE,
    COLLEAGUE,
    DAY,
    LIVE_STATES,
    NOON,
    OTHER_AGENCY,
    PARTICIPATION,
    POLICY,
    RECIPIENTS_OWN,
    SURVIVOR,
    awaiting,
    events,
    explained,
    given,
    proposed,
    said,
)

AFTER_THE_END = NOON + 14 * DAY


def test_a_proposed_grant_says_all_that_a_release_must_say() -> None:
    grant = proposed(decision=said(ADVOCATE))

    [event] = grant.collect_events()

    assert isinstance(event, Grant.GrantProposed)
    assert event.decision == said(ADVOCATE)
    assert (event.purpose, event.policy_version) == ("housing", "releases-1")
    assert (event.starts_at, event.expires_at) == (NOON, NOON + 14 * DAY)


@pytest.mark.rule("R31")
@pytest.mark.parametrize(
    "period",
    [
        {"expires_at": NOON},
        {"expires_at": NOON - DAY},
        {"starts_at": NOON + 3 * DAY, "expires_at": NOON + 2 * DAY},
        {"expires_at": NOON + 91 * DAY},
    ],
    ids=["ends now", "is past", "runs backwards", "is longer than the policy allows"],
)
def test_a_period_that_cannot_be_is_refused(period: dict[str, Any]) -> None:
    with pytest.raises(PeriodNotPossible):
        proposed(**period)


def test_a_period_as_long_as_the_policy_allows_is_accepted() -> None:
    assert proposed(expires_at=NOON + 90 * DAY).state == "proposed"


def test_a_start_in_the_past_is_the_moment_of_the_proposal() -> None:
    assert proposed(starts_at=NOON - DAY).starts_at == NOON


@pytest.mark.parametrize("decided_by", ["court", "staff", "responsible_party", "guardian"])
@pytest.mark.rule("I13")
def test_nobody_but_the_survivor_decides(decided_by: str) -> None:
    grant = explained()
    grant.collect_events()

    with pytest.raises(NotTheirs):
        grant.give(replace(said(), decided_by=decided_by))

    assert events(grant) == []


def test_another_participation_cannot_give_it() -> None:
    with pytest.raises(NotTheirs):
        explained().give(said(participation_id=uuid4()))


def test_a_grant_that_was_not_explained_cannot_be_given() -> None:
    with pytest.raises(NotExplained):
        proposed().give(said())


def test_an_explanation_that_nobody_can_read_again_is_refused() -> None:
    with pytest.raises(UnknownExplanation):
        proposed().explain(said(), "made-up", POLICY)


def test_an_explanation_may_be_given_in_another_wording_before_the_answer() -> None:
    grant = explained()

    grant.explain(said(ADVOCATE), "release-2", POLICY)

    assert (grant.state, grant.explanation_version) == ("explained", "release-2")


@pytest.mark.parametrize("answered", [awaiting, given])
def test_an_explanation_cannot_change_after_the_answer(answered: Callable[[], Grant]) -> None:
    with pytest.raises(AlreadyAnswered):
        answered().explain(said(), "release-2", POLICY)


def test_the_survivors_own_yes_is_in_effect_at_once() -> None:
    grant = explained()
    grant.collect_events()

    grant.give(said())

    [event] = grant.collect_events()
    assert isinstance(event, Grant.GrantGiven)
    assert (event.confirmation, event.yes_recorded_by) == ("own_yes", None)
    assert event.explanation_version == "release-1"
    assert grant.state == "given"


@pytest.mark.rule("R71")
def test_a_yes_that_staff_record_waits() -> None:
    grant = explained()
    grant.collect_events()

    grant.give(said(ADVOCATE))

    assert (grant.state, events(grant)) == ("awaiting_confirmation", ["YesRecorded"])


@pytest.mark.rule("R71")
def test_a_yes_is_told_by_staff_whatever_role_they_claim() -> None:
    grant = explained()

    grant.give(said(replace(ADVOCATE, role="harmed_party")))

    assert grant.state == "awaiting_confirmation"


@pytest.mark.rule("R71")
@pytest.mark.rule("I16")
@pytest.mark.parametrize("word", [Grant.give, lambda g, d: g.confirm(d, trained=False)])
def test_the_survivor_confirms_by_saying_it_themselves(word: Callable[[Grant, Any], None]) -> None:
    grant = awaiting()
    grant.collect_events()

    word(grant, said())

    [event] = grant.collect_events()
    assert isinstance(event, Grant.GrantGiven)
    assert (event.confirmation, event.yes_recorded_by) == ("by_survivor", ADVOCATE.actor_id)


@pytest.mark.rule("R71")
@pytest.mark.rule("I16")
def test_a_second_trained_person_confirms_what_they_heard() -> None:
    grant = awaiting()
    grant.collect_events()

    grant.confirm(said(COLLEAGUE), trained=True)

    [event] = grant.collect_events()
    assert isinstance(event, Grant.GrantGiven)
    assert (event.confirmation, event.yes_recorded_by) == ("by_second_person", ADVOCATE.actor_id)
    assert event.decision.recorded_by == COLLEAGUE


@pytest.mark.rule("R71")
def test_whoever_recorded_the_yes_cannot_confirm_it() -> None:
    grant = awaiting()
    grant.collect_events()

    with pytest.raises(SecondPersonNeeded):
        grant.confirm(said(replace(ADVOCATE, role="coordinator")), trained=True)

    assert (grant.state, events(grant)) == ("awaiting_confirmation", [])


@pytest.mark.rule("R71")
def test_nobody_of_the_agency_that_would_receive_it_can_confirm() -> None:
    grant = awaiting()
    grant.collect_events()

    with pytest.raises(RecipientCannotConfirm):
        grant.confirm(said(RECIPIENTS_OWN), trained=True)

    assert (grant.state, events(grant)) == ("awaiting_confirmation", [])


@pytest.mark.rule("R71")
def test_an_untrained_person_cannot_confirm() -> None:
    with pytest.raises(TrainingNeeded):
        awaiting().confirm(said(COLLEAGUE), trained=False)


@pytest.mark.rule("R71")
def test_a_second_recording_of_the_yes_confirms_nothing() -> None:
    grant = awaiting()
    grant.collect_events()

    grant.give(said(COLLEAGUE))

    assert (grant.state, events(grant)) == ("awaiting_confirmation", [])


@pytest.mark.parametrize("unanswered", [proposed, explained])
def test_there_is_nothing_to_confirm_before_a_yes(unanswered: Callable[[], Grant]) -> None:
    with pytest.raises(NothingToConfirm):
        unanswered().confirm(said(), trained=True)


@pytest.mark.rule("I03")
@pytest.mark.parametrize(
    "say",
    [
        lambda g, d: g.explain(d, "release-2", POLICY),
        Grant.give,
        lambda g, d: g.confirm(d, trained=True),
    ],
    ids=["explained", "given", "confirmed"],
)
def test_nothing_takes_effect_after_the_period_though_nobody_recorded_its_end(
    say: Callable[[Grant, Any], None],
) -> None:
    grant = awaiting()

    with pytest.raises(PeriodOver):
        say(grant, said(at=AFTER_THE_END))


@pytest.mark.rule("R09")
@pytest.mark.rule("R71")
@pytest.mark.parametrize("state", LIVE_STATES)
@pytest.mark.parametrize("recorder", [SURVIVOR, ADVOCATE], ids=["survivor", "advocate"])
@pytest.mark.parametrize("when", [NOON, AFTER_THE_END], ids=["in the period", "after it"])
def test_a_revocation_ends_it_from_every_live_state_whoever_records_it(
    state: Callable[[], Grant], recorder: Any, when: Any
) -> None:
    grant = state()
    grant.collect_events()

    grant.revoke(said(recorder, at=when))

    assert (grant.state, events(grant)) == ("revoked", ["GrantRevoked"])


@pytest.mark.rule("R71")
@pytest.mark.parametrize("state", [proposed, explained, awaiting])
@pytest.mark.parametrize("recorder", [SURVIVOR, ADVOCATE], ids=["survivor", "advocate"])
def test_a_no_before_it_is_in_effect_acts_at_once(
    state: Callable[[], Grant], recorder: Any
) -> None:
    grant = state()
    grant.collect_events()

    grant.decline(said(recorder))

    assert (grant.state, events(grant)) == ("declined", ["GrantDeclined"])


@pytest.mark.rule("R71")
def test_a_no_that_comes_just_after_the_confirmation_still_ends_it() -> None:
    grant = given()
    grant.collect_events()

    grant.decline(said())

    assert (grant.state, events(grant)) == ("revoked", ["GrantRevoked"])


def ended(how: str) -> Grant:
    grant = given() if how != "declined" else explained()
    if how == "declined":
        grant.decline(said())
    elif how == "revoked":
        grant.revoke(said())
    elif how == "superseded":
        grant.supersede(said(), by=uuid4())
    else:
        grant.expire(AFTER_THE_END)
    grant.collect_events()
    assert grant.state == how
    return grant


ENDS = ["declined", "revoked", "superseded", "expired"]


@pytest.mark.parametrize("how", ENDS)
def test_an_ended_grant_is_not_taken_up_again(how: str) -> None:
    """A change of heart is a new release, never an edit of the old one."""
    grant = ended(how)

    for again in (
        lambda: grant.explain(said(), "release-2", POLICY),
        lambda: grant.give(said()),
        lambda: grant.confirm(said(COLLEAGUE), trained=True),
    ):
        with pytest.raises(GrantEnded):
            again()

    assert events(grant) == []


@pytest.mark.parametrize("how", ENDS)
def test_a_no_to_what_has_ended_is_heard_and_changes_nothing(how: str) -> None:
    grant = ended(how)

    grant.revoke(said())
    grant.decline(said(ADVOCATE))
    grant.expire(AFTER_THE_END)
    grant.supersede(said(), by=uuid4())

    assert (grant.state, events(grant)) == (how, [])


@pytest.mark.parametrize(
    ("state", "repeat"),
    [
        (explained, lambda g: g.explain(said(), "release-1", POLICY)),
        (given, lambda g: g.explain(said(), "release-1", POLICY)),
        (awaiting, lambda g: g.give(said(ADVOCATE))),
        (given, lambda g: g.give(said())),
        (given, lambda g: g.confirm(said(COLLEAGUE), trained=True)),
    ],
)
def test_a_repeat_stores_nothing(
    state: Callable[[], Grant], repeat: Callable[[Grant], None]
) -> None:
    grant = state()
    grant.collect_events()

    repeat(grant)

    assert events(grant) == []


def test_expiry_is_put_on_record_when_the_period_is_over_and_not_before() -> None:
    grant = given()
    grant.collect_events()

    grant.expire(AFTER_THE_END - timedelta(microseconds=1))
    assert events(grant) == []
    grant.expire(AFTER_THE_END)
    assert (grant.state, events(grant)) == ("expired", ["GrantExpired"])


def test_a_new_release_names_the_one_in_effect_that_it_replaces() -> None:
    old = given()
    new = explained(supersedes=old)

    assert new.supersedes == old.id
    old.collect_events()
    old.supersede(said(), by=new.id)
    assert (old.state, events(old)) == ("superseded", ["GrantSuperseded"])


@pytest.mark.parametrize(
    "changed",
    [
        {"supersedes": "explained"},
        {"recipient_agency_id": OTHER_AGENCY},
        {"decision": said(participation_id=uuid4())},
    ],
    ids=["one not in effect", "another agency's", "another person's"],
)
def test_only_a_release_in_effect_to_the_same_agency_is_replaced(changed: dict[str, Any]) -> None:
    old = explained() if changed.get("supersedes") else given()

    with pytest.raises(NothingToSupersede):
        proposed(**(changed | {"supersedes": old}))


def test_an_awaiting_release_is_not_superseded_by_force() -> None:
    grant = awaiting()

    grant.supersede(said(), by=uuid4())

    assert grant.state == "awaiting_confirmation"


def test_every_decision_carries_its_header() -> None:
    grant = awaiting()
    grant.confirm(said(), trained=False)
    grant.revoke(said())

    for event in grant.collect_events():
        assert event.decision.participation_id == PARTICIPATION
        assert event.decision.decided_by == "harmed_party"
        assert event.decision.recorded_by in (SURVIVOR, ADVOCATE)
