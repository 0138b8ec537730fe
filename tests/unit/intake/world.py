"""Where the tests of intake begin: a survivor, an advocate, and a catalogue of few options."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from services.intake.domain import NOTHING_NOW, Option, Participation
from shared.contracts.decision import Decision, RecordedBy
from shared.identity.principal import Principal
from shared.sealing.sealed import Sealed
from tests.support.examples import COMMUNITY_AGENCY, IVO, MARIA, NOON, NOOR, ROSA, SAM, an_id, said

COUNSELLING = Option("counselling", "counselling")
HOUSING = Option("housing", "housing")
LETTERS = Option("letter_bank", "letter_bank")
NOTHING = Option(NOTHING_NOW, NOTHING_NOW)
OPTIONS = (COUNSELLING, HOUSING, LETTERS, NOTHING)

SURVIVOR = said()
ADVOCATE = said(recorded_by=ROSA)
COLLEAGUE = said(recorded_by=NOOR)
UNTRAINED = said(recorded_by=IVO)
ELSEWHERE = said(recorded_by=SAM)
COORDINATOR = RecordedBy(an_id("coordinator"), "coordinator")
OFFER = an_id("offer")


def by_staff(who: Principal = ROSA) -> Decision:
    """What staff decide themselves: an offer, a notice."""
    assert isinstance(who.id, UUID)
    return Decision(
        decided_by="staff",
        participation_id=MARIA,
        recorded_by=RecordedBy(who.id, who.role, who.base, who.agency_id),
        how="in_person",
        language="en",
        decided_at=NOON,
        recorded_at=NOON,
    )


def words(text: str = "I want to sleep at night.") -> Sealed:
    """A need, not yet closed."""
    return Sealed.pending(MARIA, "needs", text)


def begun() -> Participation:
    """A survivor who began alone; nothing was explained yet."""
    participation = Participation(
        participation_id=MARIA, case_id=an_id("case"), role="harmed_party", language="en"
    )
    participation.collect_events()
    return participation


def told() -> Participation:
    """A survivor who read the platform's own notice."""
    participation = begun()
    participation.give_notice("alone", "alone-1", SURVIVOR)
    participation.collect_events()
    return participation


def accompanied() -> Participation:
    """A survivor with a community advocate whose notice was given."""
    participation = begun()
    participation.request_advocate("community", SURVIVOR)
    participation.assign_advocate(an_id("rosa"), "community", COMMUNITY_AGENCY, COORDINATOR)
    participation.give_notice("community", "community-1", by_staff())
    participation.collect_events()
    return participation


def offered() -> Participation:
    """The same, after an offer of every option."""
    participation = accompanied()
    participation.offer_options(OFFER, OPTIONS, by_staff())
    participation.collect_events()
    return participation


def names(participation: Any) -> list[str]:
    """The names of what was decided since."""
    return [type(event).__name__ for event in participation.collect_events()]
