"""Grants in the states they can be in, and the people who decide about them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from services.consent.domain.grant import Asked, Grant, Item
from services.consent.domain.policy import ReleasePolicy
from shared.contracts.decision import Decision, RecordedBy

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = ReleasePolicy("releases-1", timedelta(days=90), frozenset({"release-1", "release-2"}))

PARTICIPATION = uuid4()
AGENCY = uuid4()
OTHER_AGENCY = uuid4()
NEED: Item = ("intake", "need", uuid4())
OTHER_NEED: Item = ("intake", "need", uuid4())

ADVOCATE = RecordedBy(uuid4(), "advocate", "community", uuid4())
COLLEAGUE = RecordedBy(uuid4(), "advocate", "community", ADVOCATE.agency_id)
RECIPIENTS_OWN = RecordedBy(uuid4(), "advocate", "community", AGENCY)
SURVIVOR = RecordedBy(PARTICIPATION, "harmed_party")


def said(recorder: RecordedBy = SURVIVOR, at: datetime = NOON, **changed: Any) -> Decision:
    """The survivor's word, recorded by themselves or by staff."""
    decision = Decision(
        decided_by="harmed_party",
        participation_id=PARTICIPATION,
        recorded_by=recorder,
        how="portal" if recorder is SURVIVOR else "in_person",
        language="en",
        decided_at=at,
        recorded_at=at,
        on_behalf_of=None if recorder is SURVIVOR else PARTICIPATION,
        notice_version=None if recorder is SURVIVOR else "community-1",
    )
    return replace(decision, **changed)


def proposed(at: datetime = NOON, **changed: Any) -> Grant:
    """A grant that nobody has explained yet."""
    fields: dict[str, Any] = {
        "grant_id": uuid4(),
        "decision": said(at=at),
        "recipient_agency_id": AGENCY,
        "agency_reference": uuid4(),
        "items": [NEED],
        "purpose": "housing",
        "delivery_method": "portal",
        "starts_at": None,
        "expires_at": at + 14 * DAY,
        "policy": POLICY,
    } | changed
    return Grant.propose(**fields)


def explained(**changed: Any) -> Grant:
    grant = proposed(**changed)
    grant.explain(said(), "release-1", POLICY)
    return grant


def awaiting(**changed: Any) -> Grant:
    """A grant whose yes the advocate recorded."""
    grant = explained(**changed)
    grant.give(said(ADVOCATE))
    return grant


def given(**changed: Any) -> Grant:
    grant = explained(**changed)
    grant.give(said())
    return grant


LIVE_STATES = (proposed, explained, awaiting, given)


def ask(grant: Grant, at: datetime = NOON, **changed: Any) -> Any:
    """The right agency asks for the right item, unless ``changed`` says otherwise."""
    asked = Asked(
        changed.pop("agency_id", AGENCY),
        changed.pop("agency_reference", grant.agency_reference),
        changed.pop("item", NEED),
        changed.pop("purpose", "housing"),
    )
    return grant.disclose(asked, **({"disclosure_id": uuid4(), "erased": (), "now": at} | changed))


def events(grant: Grant) -> list[str]:
    """The names of what was decided since the last look."""
    return [type(event).__name__ for event in grant.collect_events()]
