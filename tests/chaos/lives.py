"""What survivors decide, from a seed: the same seed is the same lives in the same order."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.contracts import consent, intake, notifications
from shared.contracts.base import Command
from shared.contracts.items import ItemRef
from shared.identity.principal import Principal

AGENCY = uuid5(NAMESPACE_URL, "/chaos/agency")
COORDINATOR = Principal.staff(
    uuid5(NAMESPACE_URL, "/chaos/coordinator"), "coordinator", AGENCY, trained=True
)
HOURS = notifications.Hours(
    weekdays=(0, 1, 2, 3, 4, 5, 6), start="00:00", end="23:59", time_zone="UTC"
)


@dataclass(frozen=True)
class Asked:
    """One command: to whom, what, and on whose behalf."""

    service: str
    command: Command
    who: Principal


@dataclass(frozen=True)
class Wordings:
    """The versions in force of what is read to people."""

    notice: str
    explanation: str


Life = Generator[Asked, Any, None]
"""Gives a command, is sent its answer."""


def life(rng: random.Random, wordings: Wordings) -> Life:
    """One survivor from the first step on; who is told everything chose to hear of sharing."""
    begun = yield Asked("intake", intake.BeginInquiry(), Principal.anyone())
    me: UUID = begun.participation_id
    survivor = Principal.survivor(me)

    def my(service: str, command: Command) -> Asked:
        return Asked(service, command, survivor)

    notice = intake.GiveConfidentialityNotice(
        participation_id=me, base="alone", notice_version=wordings.notice
    )
    yield my("intake", notice)
    # Before any release, so that every one of them must lead to a notice.
    yield my("notifications", notifications.ChooseTopic(participation_id=me, topic="sharing"))
    if rng.random() < 0.5:
        channel = notifications.DeclareChannelSafe(
            participation_id=me,
            channel="email",
            address="someone@mail.example.org",
            hours=HOURS,
            verified_on=datetime.now(UTC).date() - timedelta(days=1),
        )
        yield my("notifications", channel)
    for _ in range(rng.randrange(1, 4)):
        yield from rng.choice((_release, _release, _advocate, _pause))(rng, me, my, wordings)
    if rng.random() < 0.6:
        classes = rng.choice((("needs",), ("contact",), ("needs", "contact")))
        yield my("intake", intake.RequestErasure(participation_id=me, record_classes=classes))


def _release(rng: random.Random, me: UUID, my: Any, wordings: Wordings) -> Life:
    words = f"a bed for {rng.randrange(2, 9)} nights"
    need = yield my("intake", intake.StateNeed(participation_id=me, words=words))
    item = ItemRef(service="intake", kind="need", item_id=need.need_id)
    proposal = consent.ProposeGrant(
        participation_id=me,
        recipient_agency_id=AGENCY,
        items=(item,),
        purpose="housing",
        expires_at=_in_a_month(),
    )
    grant_id = (yield my("consent", proposal)).grant_id
    explained = consent.ExplainGrant(
        participation_id=me, grant_id=grant_id, explanation_version=wordings.explanation
    )
    yield my("consent", explained)
    if rng.random() < 0.2:
        yield my("consent", consent.DeclineGrant(participation_id=me, grant_id=grant_id))
        return
    yield my("consent", consent.GiveGrant(participation_id=me, grant_id=grant_id))
    if rng.random() < 0.7:
        yield my("consent", consent.RevokeGrant(participation_id=me, grant_id=grant_id))


def _advocate(rng: random.Random, me: UUID, my: Any, _wordings: Wordings) -> Life:
    yield my("intake", intake.RequestAdvocate(participation_id=me, base="community"))
    assign = intake.AssignAdvocate(
        participation_id=me,
        advocate_id=UUID(int=rng.getrandbits(128), version=4),
        base="community",
        agency_id=AGENCY,
    )
    yield Asked("intake", assign, COORDINATOR)
    yield my("intake", intake.EndAdvocateAssignment(participation_id=me))


def _pause(_rng: random.Random, me: UUID, my: Any, _wordings: Wordings) -> Life:
    yield my("intake", intake.PauseCase(participation_id=me))
    yield my("intake", intake.ReopenCase(participation_id=me))


def _in_a_month() -> datetime:
    # The same bytes whenever the same command is sent again: to the day.
    day = datetime.now(UTC).date() + timedelta(days=30)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
