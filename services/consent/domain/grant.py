"""A survivor's release of exact items to one agency, for one purpose, until a day.

It is proposed, explained, then given; it ends by itself, and the survivor ends
it at any moment before. A yes that staff record opens nothing until somebody
else has heard it; a no acts at once, is never refused and never undone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from eventsourcing.domain import event

from services.consent.domain.errors import (
    AlreadyAnswered,
    GrantEnded,
    ItemErased,
    NotExplained,
    NothingToConfirm,
    NothingToSupersede,
    NotTheirs,
    PeriodNotPossible,
    PeriodOver,
    RecipientCannotConfirm,
    UnknownExplanation,
)
from services.consent.domain.policy import ReleasePolicy
from shared.accompaniment.confirming import confirmed_by
from shared.contracts.decision import Decision, RecordedBy
from shared.eventstore.aggregate import Aggregate

Item = tuple[str, str, UUID]
"""The service that owns a thing, its kind there, its id."""

LIVE = ("proposed", "explained", "awaiting_confirmation", "given")

TAKE_WITHIN = timedelta(seconds=60)
"""An item is taken within a minute of its disclosure (architecture, decision 5)."""

ANSWER_AGAIN = timedelta(seconds=30)
"""While this much of the minute is left, asking again answers with the same disclosure.

Taken or not: so an item costs the grant four events a minute at most, however often
an agency asks: nobody can crowd out a revocation.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an agency asks for, under which reference and for which purpose."""

    agency_id: UUID
    agency_reference: UUID
    item: Item
    purpose: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One item, to one agency, to be taken once before ``take_before``."""

    disclosure_id: UUID
    item: Item
    take_before: datetime
    taken_at: datetime | None = None


class NotReleased(Exception):
    """Why the grant does not release: for the agency's stream of refusals, never for the asker."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Grant(Aggregate):
    # Stored for ever. Never rename, reuse or drop a class or a field here.
    class GrantProposed(Aggregate.Created):
        decision: Decision
        recipient_agency_id: UUID
        agency_reference: UUID
        items: tuple[Item, ...]
        purpose: str
        delivery_method: str
        starts_at: datetime
        expires_at: datetime
        policy_version: str
        supersedes: UUID | None

    class GrantExplained(Aggregate.Event):
        decision: Decision
        explanation_version: str

    class YesRecorded(Aggregate.Event):
        decision: Decision
        recipient_agency_id: UUID

    class GrantGiven(Aggregate.Event):
        decision: Decision
        recipient_agency_id: UUID
        expires_at: datetime
        explanation_version: str
        confirmation: str
        """``own_yes``; or, of a yes that staff recorded, ``by_survivor``, ``by_second_person``."""
        yes_recorded_by: UUID | None

    class GrantDeclined(Aggregate.Event):
        decision: Decision
        recipient_agency_id: UUID

    class GrantRevoked(Aggregate.Event):
        decision: Decision
        recipient_agency_id: UUID

    class GrantExpired(Aggregate.Event):
        participation_id: UUID
        recipient_agency_id: UUID
        expires_at: datetime

    class GrantSuperseded(Aggregate.Event):
        decision: Decision
        recipient_agency_id: UUID
        superseded_by: UUID

    class DisclosureMade(Aggregate.Event):
        participation_id: UUID
        recipient_agency_id: UUID
        disclosure_id: UUID
        item: Item
        purpose: str
        made_at: datetime
        take_before: datetime

    class DisclosureTaken(Aggregate.Event):
        participation_id: UUID
        recipient_agency_id: UUID
        disclosure_id: UUID
        item: Item
        taken_at: datetime

    # Public methods decide, and may refuse. The private ones run again on every
    # replay, so they only remember: no rule, no clock, no I/O.

    @classmethod
    def propose(
        cls,
        *,
        grant_id: UUID,
        decision: Decision,
        recipient_agency_id: UUID,
        agency_reference: UUID,
        items: Iterable[Item],
        purpose: str,
        delivery_method: str,
        starts_at: datetime | None,
        expires_at: datetime,
        policy: ReleasePolicy,
        erased: Collection[Item] = (),
        supersedes: Grant | None = None,
    ) -> Grant:
        """One recipient, exact items that are still there, one purpose, an end (R23, R31)."""
        now = decision.recorded_at
        named = tuple(dict.fromkeys(items))
        if any(item in erased for item in named):
            raise ItemErased()
        starts = max(starts_at or now, now)
        # R31: nothing is open-ended.
        if not starts < expires_at or expires_at - now > policy.longest_period:
            raise PeriodNotPossible()
        _theirs(decision, decision.participation_id)
        if supersedes is not None and (
            supersedes.state != "given"
            or supersedes.participation_id != decision.participation_id
            or supersedes.recipient_agency_id != recipient_agency_id
        ):
            raise NothingToSupersede()
        return cls._create(
            cls.GrantProposed,
            id=grant_id,
            decision=decision,
            recipient_agency_id=recipient_agency_id,
            agency_reference=agency_reference,
            items=named,
            purpose=purpose,
            delivery_method=delivery_method,
            starts_at=starts,
            expires_at=expires_at,
            policy_version=policy.version,
            supersedes=supersedes.id if supersedes is not None else None,
        )

    def explain(self, decision: Decision, explanation_version: str, policy: ReleasePolicy) -> None:
        """What the release would do was explained, in a wording that can be found again."""
        self._open_at(decision.recorded_at)
        _theirs(decision, self.participation_id)
        if self.explanation_version == explanation_version:
            return
        if self.state not in ("proposed", "explained"):
            raise AlreadyAnswered()
        if explanation_version not in policy.explanations:
            raise UnknownExplanation()
        self._explained(decision, explanation_version)

    def give(self, decision: Decision) -> None:
        """The survivor's yes: in effect if they gave it themselves, else it waits (R71)."""
        self._open_at(decision.recorded_at)
        _theirs(decision, self.participation_id)
        if self.state == "given":
            return
        if self.explanation_version is None:
            raise NotExplained()
        if decision.told_by_staff:  # R71: a yes that staff record opens nothing
            if self.state == "explained":
                self._yes_recorded(decision, self.recipient_agency_id)
            return
        self._in_effect(decision, "own_yes" if self.state == "explained" else "by_survivor")

    def confirm(self, decision: Decision, *, trained: bool) -> None:
        """A yes that staff recorded was heard again: by the survivor's own code, or in person."""
        self._open_at(decision.recorded_at)
        _theirs(decision, self.participation_id)
        if self.state == "given":
            return
        if self.yes_recorded_by is None:
            raise NothingToConfirm()
        # R71: nobody of whoever receives it, and never whoever wrote it down.
        if decision.told_by_staff and decision.recorded_by.agency_id == self.recipient_agency_id:
            raise RecipientCannotConfirm()
        by = confirmed_by(self.yes_recorded_by, decision, trained=trained)
        self._in_effect(decision, f"by_{by}")

    def decline(self, decision: Decision) -> None:
        """The survivor's no. Never refused: one that comes after the yes took effect revokes it."""
        if self.state == "given":  # R71: no confirmation outruns a no
            self.revoke(decision)
        elif self.state in LIVE:
            _theirs(decision, self.participation_id)
            self._declined(decision, self.recipient_agency_id)

    def revoke(self, decision: Decision) -> None:
        """The end, for good, from every live state; no reason, no wait (R09, R71)."""
        if self.state in LIVE:  # R09
            _theirs(decision, self.participation_id)
            self._revoked(decision, self.recipient_agency_id)

    def supersede(self, decision: Decision, by: UUID) -> None:
        """Another release takes this one's place, at the same moment as its yes took effect."""
        if self.state == "given":
            self._superseded(decision, self.recipient_agency_id, by)

    def expire(self, now: datetime) -> None:
        """Put the end of the period on record. Nothing waits for it: the clock decides before."""
        if self.state in LIVE and now >= self.expires_at:
            self._expired(self.participation_id, self.recipient_agency_id, self.expires_at)

    def disclose(
        self, asked: Asked, *, disclosure_id: UUID, erased: Collection[Item], now: datetime
    ) -> Disclosure:
        """Exercise the permission where it is held, or :class:`NotReleased`.

        The answer is the disclosure to take: a new one under ``disclosure_id``, or
        one made moments ago for the same item.
        """
        self.must_release(asked, erased=erased, now=now)
        latest = next(
            (d for d in reversed(self.disclosures.values()) if d.item == asked.item), None
        )
        if latest is not None and ANSWER_AGAIN < latest.take_before - now <= TAKE_WITHIN:
            return latest
        made = Disclosure(disclosure_id, asked.item, min(now + TAKE_WITHIN, self.expires_at))
        self._disclosure_made(
            participation_id=self.participation_id,
            recipient_agency_id=asked.agency_id,
            disclosure_id=disclosure_id,
            item=asked.item,
            purpose=asked.purpose,
            made_at=now,
            take_before=made.take_before,
        )
        return made

    def must_release(self, asked: Asked, *, erased: Collection[Item], now: datetime) -> None:
        """:class:`NotReleased` unless the survivor's yes covers exactly this, now.

        ``erased`` is what the participation had erased.
        """
        for reason, wrong in (
            # R23: nobody but the one agency that the survivor named.
            ("another_agency", asked.agency_id != self.recipient_agency_id),
            ("another_reference", asked.agency_reference != self.agency_reference),
            ("not_in_effect", self.state != "given"),
            # I03: by the clock itself, before the start as after the end.
            ("outside_period", not self.starts_at <= now < self.expires_at),
            ("another_item", asked.item not in self.items),
            ("erased", asked.item in erased),
            # R31: what was released for one purpose serves no other.
            ("another_purpose", asked.purpose != self.purpose),
        ):
            if wrong:
                raise NotReleased(reason)

    def take(
        self,
        *,
        disclosure_id: UUID,
        agency_id: UUID,
        item: Item,
        erased: Collection[Item],
        now: datetime,
    ) -> Disclosure:
        """The item leaves now: put on record before or after a no, never beside it; once."""
        made = self.takeable(
            disclosure_id=disclosure_id, agency_id=agency_id, item=item, erased=erased, now=now
        )
        if made.taken_at is not None:
            raise NotReleased("taken")
        self._disclosure_taken(
            participation_id=self.participation_id,
            recipient_agency_id=agency_id,
            disclosure_id=disclosure_id,
            item=item,
            taken_at=now,
        )
        return self.disclosures[disclosure_id]

    def takeable(
        self,
        *,
        disclosure_id: UUID,
        agency_id: UUID,
        item: Item,
        erased: Collection[Item],
        now: datetime,
    ) -> Disclosure:
        """The disclosure, if it may still be taken at this moment; else :class:`NotReleased`."""
        made = self.disclosures.get(disclosure_id)
        if made is None or made.item != item or agency_id != self.recipient_agency_id:
            raise NotReleased("no_such_disclosure")
        if self.state != "given":  # R09: what was not taken before the no stays here
            raise NotReleased("not_in_effect")
        if item in erased:
            raise NotReleased("erased")
        if now >= made.take_before:
            raise NotReleased("too_late")
        return made

    def _open_at(self, now: datetime) -> None:
        if self.state not in LIVE:
            raise GrantEnded()
        if now >= self.expires_at:
            raise PeriodOver()

    def _in_effect(self, decision: Decision, confirmation: str) -> None:
        recorder = self.yes_recorded_by
        self._given(
            decision=decision,
            recipient_agency_id=self.recipient_agency_id,
            expires_at=self.expires_at,
            explanation_version=self.explanation_version or "",
            confirmation=confirmation,
            yes_recorded_by=recorder.actor_id if recorder is not None else None,
        )

    @event(GrantProposed)
    def __init__(
        self,
        *,
        decision: Decision,
        recipient_agency_id: UUID,
        agency_reference: UUID,
        items: tuple[Item, ...],
        purpose: str,
        delivery_method: str,
        starts_at: datetime,
        expires_at: datetime,
        policy_version: str,
        supersedes: UUID | None,
    ) -> None:
        self.state = "proposed"
        self.participation_id = decision.participation_id
        self.recipient_agency_id = recipient_agency_id
        self.agency_reference = agency_reference
        self.items = frozenset(as_item(item) for item in items)
        self.purpose = purpose
        self.starts_at = starts_at
        self.expires_at = expires_at
        self.supersedes = supersedes
        self.explanation_version: str | None = None
        self.yes_recorded_by: RecordedBy | None = None
        self.disclosures: dict[UUID, Disclosure] = {}

    @event(GrantExplained)
    def _explained(self, decision: Decision, explanation_version: str) -> None:
        self.state = "explained"
        self.explanation_version = explanation_version

    @event(YesRecorded)
    def _yes_recorded(self, decision: Decision, recipient_agency_id: UUID) -> None:
        self.state = "awaiting_confirmation"
        self.yes_recorded_by = decision.recorded_by

    @event(GrantGiven)
    def _given(
        self,
        *,
        decision: Decision,
        recipient_agency_id: UUID,
        expires_at: datetime,
        explanation_version: str,
        confirmation: str,
        yes_recorded_by: UUID | None,
    ) -> None:
        self.state = "given"

    @event(GrantDeclined)
    def _declined(self, decision: Decision, recipient_agency_id: UUID) -> None:
        self.state = "declined"

    @event(GrantRevoked)
    def _revoked(self, decision: Decision, recipient_agency_id: UUID) -> None:
        self.state = "revoked"

    @event(GrantExpired)
    def _expired(
        self, participation_id: UUID, recipient_agency_id: UUID, expires_at: datetime
    ) -> None:
        self.state = "expired"

    @event(GrantSuperseded)
    def _superseded(
        self, decision: Decision, recipient_agency_id: UUID, superseded_by: UUID
    ) -> None:
        self.state = "superseded"

    @event(DisclosureMade)
    def _disclosure_made(
        self,
        *,
        participation_id: UUID,
        recipient_agency_id: UUID,
        disclosure_id: UUID,
        item: Item,
        purpose: str,
        made_at: datetime,
        take_before: datetime,
    ) -> None:
        self.disclosures[disclosure_id] = Disclosure(disclosure_id, as_item(item), take_before)

    @event(DisclosureTaken)
    def _disclosure_taken(
        self,
        *,
        participation_id: UUID,
        recipient_agency_id: UUID,
        disclosure_id: UUID,
        item: Item,
        taken_at: datetime,
    ) -> None:
        made = self.disclosures[disclosure_id]
        self.disclosures[disclosure_id] = replace(made, taken_at=taken_at)


def as_item(stored: Any) -> Item:
    """An item as it was stored, where a tuple comes back as a list."""
    service, kind, item_id = stored
    return service, kind, item_id


def _theirs(decision: Decision, participation_id: UUID) -> None:
    # I13: a court, a timer or a relative decides nothing here.
    if decision.decided_by != "harmed_party" or decision.participation_id != participation_id:
        raise NotTheirs()
