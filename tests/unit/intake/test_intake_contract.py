"""What intake's contract asks and tells, and what it never does."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from services.intake.contracts import announce
from services.intake.reactions import REACTIONS
from services.intake.service import IntakeService
from shared.contracts import intake
from shared.contracts.base import personal_fields
from tests.support.examples import MARIA, an_id
from tests.unit.intake.world import (
    ADVOCATE,
    COORDINATOR,
    HOUSING,
    OPTIONS,
    SURVIVOR,
    accompanied,
    begun,
    by_staff,
    told,
    words,
)

NEVER_ASKED = re.compile(
    r"police|report|incident|crime|offen[cs]e|immigration|visa|citizen|nationality|legal_name"
    r"|full_name|first_name|last_name|surname|birth|ssn|social_security|arrest|record_check"
    r"|cooperat|readiness|reason"
)


def every_model() -> list[type[BaseModel]]:
    return [
        value
        for value in vars(intake).values()
        if isinstance(value, type) and issubclass(value, BaseModel)
    ]


@pytest.mark.rule("R24")
@pytest.mark.rule("R59")
@pytest.mark.rule("R62")
@pytest.mark.rule("R09")
@pytest.mark.rule("R48")
def test_no_field_asks_for_a_report_a_date_a_status_a_legal_name_or_a_reason() -> None:
    asked = {f"{m.__name__}.{field}" for m in every_model() for field in m.model_fields}

    assert len(asked) > 60
    assert [name for name in asked if NEVER_ASKED.search(name.split(".")[1])] == []


def test_the_search_finds_what_it_looks_for() -> None:
    for planted in ("police_report_number", "incident_date", "immigration_status", "legal_name"):
        assert NEVER_ASKED.search(planted)


@pytest.mark.rule("R74")
def test_beginning_asks_for_a_language_and_nothing_else() -> None:
    assert set(intake.BeginInquiry.model_fields) == {"language"}


def test_no_message_carries_words_or_anything_but_ids_types_states_and_times() -> None:
    for message in intake.SERVICE.publishes:
        assert personal_fields(message) == {}
        for name, info in message.model_fields.items():
            plain = (UUID, str, tuple[str, ...], tuple[UUID, ...])
            assert info.annotation in plain or name in ("at", "base")


def test_needs_options_choices_and_declines_are_told_to_nobody() -> None:
    participation = accompanied()
    participation.state_need(an_id("need"), words(), SURVIVOR)
    participation.offer_options(an_id("offer"), OPTIONS, by_staff())
    participation.choose_option(an_id("yes"), HOUSING, None, SURVIVOR)
    participation.decline_option(an_id("no"), HOUSING, None, SURVIVOR)
    participation.make_contact(SURVIVOR)

    assert [announce(e) for e in participation.collect_events() if announce(e)] == []


def test_what_is_told_says_who_helps_and_which_notice_was_given() -> None:
    participation = begun()
    participation.request_advocate("community", SURVIVOR)
    participation.assign_advocate(an_id("rosa"), "community", an_id("agency"), COORDINATOR)
    participation.give_notice("community", "community-1", by_staff())
    participation.end_assignment(SURVIVOR)

    told_others: list[Any] = [announce(e) for e in participation.collect_events()]

    assert [m.type for m in told_others if m] == [
        "intake.assignment.advocate_assigned.v1",
        "intake.participation.notice_given.v1",
        "intake.assignment.ended.v1",
    ]
    assert {m.participation_id for m in told_others if m} == {MARIA}


@pytest.mark.rule("R71")
def test_an_erasure_is_told_only_once_it_is_in_effect() -> None:
    participation = told()
    participation.request_erasure(an_id("erasure"), ("needs",), ADVOCATE)
    before = [announce(e) for e in participation.collect_events()]
    participation.confirm_decision(an_id("erasure"), SURVIVOR, trained=False)
    after = [announce(e) for e in participation.collect_events()]

    assert before == [None]
    assert [m.type for m in after if m] == ["intake.participation.erasure_requested.v1"]


def test_every_request_has_its_door_and_every_message_followed_its_reaction() -> None:
    for request in intake.SERVICE.requests:
        assert callable(getattr(IntakeService, request.method()))
    followed = {name for names in intake.SERVICE.follows.values() for name in names}
    assert set(REACTIONS) == followed
