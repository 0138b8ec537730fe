"""The header that every recorded choice of a person carries (language: "A decision")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

DecidedBy = Literal[
    "harmed_party",
    "responsible_party",
    "support_person",
    "surrogate",
    "community_member",
    "child",
    "guardian",
    "observer",
    "staff",
    "system",
    "court",
]
How = Literal["portal", "in_person", "phone", "letter"]
Base = Literal["systems", "community"]


@dataclass(frozen=True, slots=True)
class RecordedBy:
    """Who wrote a decision down: ids only, never a name."""

    actor_id: UUID
    role: str
    base: Base | None = None
    agency_id: UUID | None = None

    @property
    def is_staff(self) -> bool:
        """Whether somebody other than the person themselves wrote it down."""
        return self.role not in ("harmed_party", "responsible_party", "system")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, who recorded it, how, in which language and upon which wording.

    ``decided_at`` is when the person said it, ``recorded_at`` when it was
    stored; both are aware UTC times from the edge.
    """

    decided_by: DecidedBy
    participation_id: UUID
    recorded_by: RecordedBy
    how: How
    language: str
    decided_at: datetime
    recorded_at: datetime
    on_behalf_of: UUID | None = None
    interpreter: UUID | None = None
    notice_version: str | None = None
    options_version: str | None = None

    @property
    def told_by_staff(self) -> bool:
        """Whether somebody else wrote down what the person is said to have decided (R71)."""
        told = self.recorded_by.is_staff and self.decided_by != "staff"
        return told or self.on_behalf_of is not None
