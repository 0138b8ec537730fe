"""Who may write down what a survivor decided: the same in every service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest

from shared.accompaniment.accompaniment import Accompaniment
from shared.accompaniment.recording import recorder
from shared.accompaniment.refusals import CaseAtRest, NotAssigned, NoticeNotGiven
from shared.contracts.decision import Base, RecordedBy
from shared.contracts.refusal import NotAllowed
from shared.eventstore.clock import edge_time
from shared.identity.principal import Principal
from tests.support.examples import HOUSING_AGENCY, MARIA, NOON, NOOR, ROSA, SAM, SURVIVOR

ROSA_IS = recorder(ROSA)
NOOR_IS = recorder(NOOR)
SAM_IS = recorder(SAM)


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with edge_time(NOON):
        yield


def assign(beside: Accompaniment, who: RecordedBy, base: Base = "community") -> None:
    assert who.agency_id is not None
    beside.advocate_assigned(who.actor_id, base, who.agency_id)


def accompanied(*told: str) -> Accompaniment:
    """Rosa was assigned, for the community; then these notices were given."""
    beside = Accompaniment(MARIA)
    assign(beside, ROSA_IS)
    for base in told:
        beside.notice_given(base, f"{base}-1")
    beside.collect_events()
    return beside


@pytest.mark.rule("R21")
def test_the_assigned_advocate_records_until_the_assignment_ends() -> None:
    beside = accompanied("community")
    beside.must_let_record(ROSA_IS)

    beside.assignment_ended(ROSA_IS.actor_id)

    with pytest.raises(NotAssigned):
        beside.must_let_record(ROSA_IS)
    with pytest.raises(NotAssigned):
        beside.must_let_record(ROSA_IS, no=True)
    with pytest.raises(NotAssigned):
        beside.must_let_record(NOOR_IS, come_to_hear=True)


@pytest.mark.rule("R21")
@pytest.mark.parametrize(
    "disguised",
    [
        replace(ROSA_IS, base="systems"),
        replace(ROSA_IS, agency_id=HOUSING_AGENCY),
        replace(ROSA_IS, base=None, agency_id=None),
    ],
    ids=["another base", "another agency", "none"],
)
def test_an_advocate_who_comes_as_another_than_assigned_records_nothing(
    disguised: RecordedBy,
) -> None:
    """Not even as a colleague of their own agency, for what somebody else recorded."""
    beside = accompanied("systems", "community")
    assign(beside, replace(NOOR_IS, agency_id=HOUSING_AGENCY))

    for how in ({}, {"no": True}, {"come_to_hear": True}):
        with pytest.raises(NotAssigned):
            beside.must_let_record(disguised, **how)


@pytest.mark.rule("R21")
def test_a_new_assignment_of_the_same_advocate_replaces_the_old_one() -> None:
    beside = accompanied("community", "systems")

    assign(beside, ROSA_IS, base="systems")

    beside.must_let_record(replace(ROSA_IS, base="systems"))
    with pytest.raises(NotAssigned):
        beside.must_let_record(ROSA_IS)


@pytest.mark.rule("R22")
@pytest.mark.parametrize("told", [(), ("systems",), ("alone",)])
def test_no_yes_is_recorded_before_the_notice_of_the_advocates_base(told: tuple[str, ...]) -> None:
    with pytest.raises(NoticeNotGiven):
        accompanied(*told).must_let_record(ROSA_IS)


@pytest.mark.rule("R21")
@pytest.mark.rule("R22")
def test_after_another_base_the_notice_is_due_again() -> None:
    """Community, then systems, then a new community advocate: the old notice does not count."""
    beside = accompanied("community", "systems")
    beside.assignment_ended(ROSA_IS.actor_id)
    assign(beside, NOOR_IS)

    with pytest.raises(NoticeNotGiven):
        beside.must_let_record(NOOR_IS)

    beside.notice_given("community", "community-1")
    beside.must_let_record(NOOR_IS)


@pytest.mark.rule("R09")
@pytest.mark.rule("R71")
def test_a_no_waits_for_no_notice() -> None:
    accompanied().must_let_record(ROSA_IS, no=True)


@pytest.mark.rule("R71")
def test_a_colleague_comes_to_hear_and_records_nothing_else() -> None:
    beside = accompanied("community")

    beside.must_let_record(NOOR_IS, come_to_hear=True)

    with pytest.raises(NotAssigned):
        beside.must_let_record(NOOR_IS)
    with pytest.raises(NotAssigned):
        beside.must_let_record(NOOR_IS, no=True)


@pytest.mark.rule("R09")
@pytest.mark.rule("R71")
def test_whoever_the_survivor_let_go_does_not_come_to_hear() -> None:
    beside = accompanied("community")
    beside.assignment_ended(ROSA_IS.actor_id)
    assign(beside, NOOR_IS)

    with pytest.raises(NotAssigned):
        beside.must_let_record(ROSA_IS, come_to_hear=True)

    assign(beside, ROSA_IS)
    beside.must_let_record(ROSA_IS)


@pytest.mark.rule("R71")
@pytest.mark.parametrize(
    "somebody",
    [SAM_IS, replace(NOOR_IS, agency_id=HOUSING_AGENCY), replace(NOOR_IS, agency_id=None)],
)
def test_nobody_of_another_agency_comes_to_hear(somebody: RecordedBy) -> None:
    with pytest.raises(NotAssigned):
        accompanied("community", "systems").must_let_record(somebody, come_to_hear=True)


@pytest.mark.rule("R22")
def test_a_colleague_of_a_base_that_was_never_explained_hears_nothing() -> None:
    beside = accompanied("community")

    with pytest.raises(NoticeNotGiven):
        beside.must_let_record(replace(NOOR_IS, base="systems"), come_to_hear=True)

    beside.notice_given("systems", "systems-1")
    beside.must_let_record(replace(NOOR_IS, base="systems"), come_to_hear=True)


def test_a_decision_of_staff_rests_on_their_bases_notice_and_the_survivors_on_the_last() -> None:
    company = accompanied("systems", "community").company

    assert company.notice_for(ROSA_IS) == "community-1"
    assert company.notice_for(SAM_IS) == "systems-1"
    assert company.notice_for(recorder(SURVIVOR)) == "community-1"


@pytest.mark.rule("R09")
@pytest.mark.rule("I04")
@pytest.mark.parametrize("rest", ["paused", "closed"])
def test_of_whoever_rests_staff_record_nothing_but_a_no_until_they_come_back(rest: str) -> None:
    beside = accompanied("community")
    beside.case_is(rest)

    with pytest.raises(CaseAtRest):
        beside.must_let_record(ROSA_IS)
    with pytest.raises(CaseAtRest):
        beside.must_let_record(NOOR_IS, come_to_hear=True)
    beside.must_let_record(ROSA_IS, no=True)

    beside.case_is("open")
    beside.must_let_record(ROSA_IS)


def test_what_is_known_already_is_not_written_again() -> None:
    beside = accompanied("community")

    assign(beside, ROSA_IS)
    beside.notice_given("community", "community-1")
    beside.assignment_ended(uuid4())
    beside.case_is("")

    assert beside.collect_events() == []


@pytest.mark.rule("R71")
@pytest.mark.parametrize("role", ["", "harmed_party", "responsible_party", "system"])
def test_no_identity_provider_makes_its_staff_a_party(role: str) -> None:
    by = recorder(replace(ROSA, role=role))

    assert by.is_staff


@pytest.mark.parametrize("who", [Principal.service("intake"), Principal.agency(HOUSING_AGENCY)])
def test_only_a_person_writes_a_decision_down(who: Principal) -> None:
    with pytest.raises(NotAllowed):
        recorder(who)


@pytest.mark.rule("R22")
@pytest.mark.rule("R74")
def test_a_survivor_alone_is_told_by_the_platforms_own_notice() -> None:
    beside = Accompaniment(MARIA)
    with pytest.raises(NoticeNotGiven):
        beside.must_be_told()

    beside.notice_given("alone", "alone-1")

    beside.must_be_told()


@pytest.mark.rule("R21")
@pytest.mark.rule("R22")
def test_whoever_helps_next_is_told_of_anew_before_the_survivor_says_more() -> None:
    beside = Accompaniment(MARIA)
    beside.notice_given("alone", "alone-1")
    assign(beside, ROSA_IS)
    with pytest.raises(NoticeNotGiven):
        beside.must_be_told()

    beside.notice_given("community", "community-1")
    beside.must_be_told()

    beside.assignment_ended(ROSA_IS.actor_id)
    with pytest.raises(NoticeNotGiven):
        beside.must_be_told()
