"""The people, times and words of every test: one person's name appears here alone.

Ids are fixed, so that a failing test reads the same on every run.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

from shared.contracts.decision import Decision, RecordedBy
from shared.identity.principal import Principal

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""A Monday."""

_HERE = UUID("5a150000-0000-4000-8000-000000000000")


def an_id(name: str) -> UUID:
    """The id that goes by this name in the tests, always the same."""
    return uuid5(_HERE, name)


MARIA = an_id("maria")
"""The participation of a survivor who began alone."""
DANA = an_id("dana")
"""The participation of another survivor, of whom nobody in the first case may learn."""

COMMUNITY_AGENCY = an_id("community agency")
PROSECUTOR_OFFICE = an_id("prosecutor's office")
HOUSING_AGENCY = an_id("housing agency")

ROSA = Principal.staff(
    an_id("rosa"), "advocate", COMMUNITY_AGENCY, base="community", unit_kind="community"
)
"""Maria's advocate."""
NOOR = Principal.staff(
    an_id("noor"),
    "advocate",
    COMMUNITY_AGENCY,
    base="community",
    unit_kind="community",
    trained=True,
)
"""Rosa's colleague, trained to be the second person who hears a yes."""
IVO = Principal.staff(
    an_id("ivo"), "advocate", COMMUNITY_AGENCY, base="community", unit_kind="community"
)
"""Another colleague, not trained for it."""
SAM = Principal.staff(
    an_id("sam"),
    "advocate",
    PROSECUTOR_OFFICE,
    base="systems",
    unit_kind="prosecution",
    trained=True,
)
"""An advocate of the prosecutor's office."""

SURVIVOR = Principal.survivor(MARIA)
OTHER_SURVIVOR = Principal.survivor(DANA)

ADDRESS = "maria.quiet.canary@example.org"
NAME_TO_USE = "Marla from the canary library"
OTHER_ADDRESS = "+1 555 0100 canary"
"""What must be found nowhere but in an authorised answer."""
CANARIES = (ADDRESS, NAME_TO_USE, OTHER_ADDRESS)


def said(
    participation_id: UUID = MARIA,
    *,
    recorded_by: Principal | None = None,
    at: datetime = NOON,
) -> Decision:
    """The header of something that the person said, recorded by themselves unless told."""
    who = recorded_by or Principal.survivor(participation_id)
    assert isinstance(who.id, UUID)
    return Decision(
        decided_by="harmed_party",
        participation_id=participation_id,
        recorded_by=RecordedBy(who.id, who.role, who.base, who.agency_id),
        how="portal" if who.kind == "survivor" else "in_person",
        language="en",
        decided_at=at,
        recorded_at=at,
        on_behalf_of=participation_id if who.kind == "staff" else None,
        notice_version="notice-1",
    )
