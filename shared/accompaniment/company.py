"""Who accompanies one participation now, and what it was told of confidentiality."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from shared.accompaniment.refusals import NoticeNotGiven
from shared.contracts.decision import RecordedBy
from shared.identity.principal import Principal

ALONE = "alone"
"""The base of somebody whom no advocate helps: the platform's own notice is theirs (R74)."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """For which base, and of which agency, an advocate was assigned."""

    base: str | None
    agency_id: UUID | None


class Company:
    """The advocates whom the survivor has, and the confidentiality notices they were given."""

    def __init__(self) -> None:
        self.assignments: dict[UUID, Assignment] = {}
        self.gone: set[UUID] = set()
        self.notices: dict[str, str] = {}
        self.latest_base: str | None = None
        self.latest_notice: str | None = None

    @property
    def base(self) -> str:
        """The base of whoever helps now (R21)."""
        bases = (assignment.base for assignment in self.assignments.values())
        return next(bases, None) or ALONE

    def join(self, advocate_id: UUID, base: str, agency_id: UUID) -> None:
        """Remember an assignment; another one of the same advocate replaces it."""
        self.assignments[advocate_id] = Assignment(base, agency_id)
        self.gone.discard(advocate_id)

    def leave(self, advocate_id: UUID) -> None:
        """Remember that an assignment ended."""
        if self.assignments.pop(advocate_id, None) is not None:
            self.gone.add(advocate_id)

    def tell(self, base: str, notice_version: str) -> None:
        """Remember which notice was given last."""
        self.notices[base] = notice_version
        self.latest_base, self.latest_notice = base, notice_version

    def is_as_assigned(self, by: RecordedBy) -> bool:
        """Whether this is an assigned advocate, coming as whom they were assigned (R21).

        A systems advocate never passes as a community one.
        """
        known = self.assignments.get(by.actor_id)
        return known == Assignment(by.base, by.agency_id)  # R21

    def is_in_disguise(self, by: RecordedBy) -> bool:
        """Whether an assigned advocate comes under another base or agency than theirs (R21)."""
        return by.actor_id in self.assignments and not self.is_as_assigned(by)

    def is_colleague(self, by: RecordedBy) -> bool:
        """Whether they are of the agency of an advocate whom the survivor has now (R71).

        Never whoever was their advocate and is not any more: the survivor let them go.
        """
        if by.actor_id in self.gone or self.is_in_disguise(by):  # R09
            return False
        return any(known.agency_id == by.agency_id for known in self.assignments.values())  # R71

    @property
    def is_told(self) -> bool:
        """Whether the last notice was the one for whoever helps now (R21, R22)."""
        return self.is_told_of(self.base)

    def is_told_of(self, base: str | None) -> bool:
        """Whether the last notice was the one of this base: a new base needs a new one (R21)."""
        return base is not None and base == self.latest_base

    def must_have_told(self, who: Principal) -> None:
        """``NoticeNotGiven`` to staff before the notice of their base: they read nothing (R22)."""
        if who.kind == "staff" and not self.is_told_of(who.base):  # R22
            raise NoticeNotGiven()

    def was_told_of(self, base: str | None) -> bool:
        """Whether the notice of this base was ever given (R22)."""
        return base in self.notices

    def notice_for(self, by: RecordedBy) -> str | None:
        """The wording that a decision recorded by them rests on."""
        return self.notices.get(by.base or "") if by.is_staff else self.latest_notice
