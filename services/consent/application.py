"""What consent can be asked: a method per command and query. Repeats are harmless.

Who may ask at all is Cedar's; who may *record* what the survivor decided is
judged by ``shared.accompaniment``: the survivor, or the staff whom they have.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from services.consent import contracts
from services.consent import tables as rows
from services.consent.data import explanation, release_policy
from services.consent.domain.erased import ErasedItems
from services.consent.domain.errors import (
    DisclosureNotGranted,
    ItemUnknown,
    NothingToSupersede,
)
from services.consent.domain.grant import Asked, Disclosure, Grant, Item, NotReleased
from services.consent.domain.refusals import Refusal
from shared.accompaniment.following import assigned, must_have_told, said
from shared.contracts.base import Command, Done, Model, Request
from shared.contracts.consent import (
    HAND_OVER_WITHIN,
    SERVICE,
    ConfirmDisclosure,
    ConfirmGrant,
    DeclineGrant,
    DisclosureConfirmed,
    DisclosureGranted,
    DisclosureTaken,
    ExplainGrant,
    ExplanationText,
    GetExplanation,
    GetGrants,
    GiveGrant,
    GrantDecided,
    GrantProposed,
    Grants,
    ProposeGrant,
    RequestDisclosure,
    RevokeGrant,
    TakeDisclosure,
)
from shared.contracts.decision import Decision
from shared.contracts.items import ConfirmItems, ItemRef
from shared.contracts.refusal import NotAllowed, NotFound, Refused
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.clock import new_id
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, Work
from shared.identity.principal import Principal

log = structlog.get_logger()

EXPIRY = "grant_expiry"
"""The due row that puts the end of a grant's period on record; its key is the grant's id."""


class ConsentApplication(EventSourcedApplication):
    """Grants, and the disclosures that they allow."""

    contract = SERVICE
    tables = rows.TABLES
    fold = staticmethod(rows.fold)
    announce = staticmethod(contracts.announce)

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge)
        self.policy = release_policy()
        self._reference_key = edge.secrets["index_key"]

    def propose_grant(self, command: ProposeGrant, work: Work) -> GrantProposed:
        """A new grant, which opens nothing yet."""
        decision = said(self, command, work)
        erased = _erased(command.participation_id, work)
        if erased.isdisjoint(_item(item) for item in command.items):
            self._must_be_there(command, work.ctx)
        grant_id = new_id()
        grant = Grant.propose(
            grant_id=grant_id,
            decision=decision,
            recipient_agency_id=command.recipient_agency_id,
            agency_reference=self._reference(command.recipient_agency_id, grant_id),
            items=[_item(item) for item in command.items],
            purpose=command.purpose,
            delivery_method=command.delivery_method,
            starts_at=command.starts_at and command.starts_at.astimezone(UTC),
            expires_at=command.expires_at.astimezone(UTC),
            policy=self.policy,
            erased=erased,
            supersedes=_to_supersede(command, work),
        )
        work.save(grant)
        work.schedule(EXPIRY, str(grant.id), grant.expires_at)
        return GrantProposed(
            grant_id=grant.id, agency_reference=grant.agency_reference, state=grant.state
        )

    def explain_grant(self, command: ExplainGrant, work: Work) -> Done:
        """What the release does was explained, in this wording."""
        decision = said(self, command, work)
        grant = _grant(command, work)
        grant.explain(decision, command.explanation_version, self.policy)
        _store(command, grant, work)
        return Done(state=grant.state)

    def give_grant(self, command: GiveGrant, work: Work) -> GrantDecided:
        """The survivor's yes, by themselves or written down by staff (R71)."""
        decision = said(self, command, work)
        return _yes(command, work, decision, lambda grant: grant.give(decision))

    def confirm_grant(self, command: ConfirmGrant, work: Work) -> GrantDecided:
        """A yes that staff recorded, heard again (R71)."""
        trained = work.ctx.principal.trained
        decision = said(self, command, work, come_to_hear=trained)
        return _yes(command, work, decision, lambda grant: grant.confirm(decision, trained=trained))

    def decline_grant(self, command: DeclineGrant, work: Work) -> GrantDecided:
        """The survivor's no; acts at once (R71)."""
        decision = said(self, command, work, no=True)
        return _no(command, work, lambda grant: grant.decline(decision))

    def revoke_grant(self, command: RevokeGrant, work: Work) -> GrantDecided:
        """The end of a grant; acts at once (R09, R71)."""
        decision = said(self, command, work, no=True)
        return _no(command, work, lambda grant: grant.revoke(decision))

    def request_disclosure(self, command: RequestDisclosure, work: Work) -> DisclosureGranted:
        """The grant records a disclosure; or a refusal is recorded, and answered, always alike."""
        asked = _asked(command, work.ctx.principal)
        grant, erased = self._asked_for(asked, work)
        try:
            made = _known(grant).disclose(
                asked, disclosure_id=new_id(), erased=erased, now=work.ctx.now
            )
        except NotReleased as no:
            work.save(_refused(asked, grant, no, work.ctx.now))
            raise work.after_storing(DisclosureNotGranted()) from None
        _store(command, _known(grant), work)
        return DisclosureGranted(disclosure_id=made.disclosure_id, take_before=made.take_before)

    def answer_again(self, command: Command, first: Model, ctx: Context) -> Model:
        """The first answer; of a disclosure only while the grant would still release the item."""
        if isinstance(command, TakeDisclosure):
            return self._taken_before(command, ctx)
        if isinstance(command, RequestDisclosure):
            asked = _asked(command, ctx.principal)
            if not self.decide(ctx, lambda work: self._still_released(asked, work)):
                raise DisclosureNotGranted()
        return first

    def _still_released(self, asked: Asked, work: Work) -> bool:
        grant, erased = self._asked_for(asked, work)
        try:
            _known(grant).must_release(asked, erased=erased, now=work.ctx.now)
        except NotReleased as no:
            work.save(_refused(asked, grant, no, work.ctx.now))
            return False
        return True

    def _asked_for(self, asked: Asked, work: Work) -> tuple[Grant | None, frozenset[Item]]:
        """The grant, and what its participation had erased."""
        # An unknown reference is looked for all the same: it costs what a known one does.
        grant_id = rows.grant_of(self, asked.agency_reference) or asked.agency_reference
        grant = work.find(Grant, grant_id)
        return grant, _erased(grant.participation_id if grant else asked.agency_reference, work)

    def confirm_disclosure(self, query: ConfirmDisclosure, ctx: Context) -> DisclosureConfirmed:
        """Whether the item may be taken now; the grant itself says so, not a read table."""
        grant, made = self._takeable(query, ctx)
        return DisclosureConfirmed(
            disclosure_id=made.disclosure_id,
            participation_id=grant.participation_id,
            agency_id=grant.recipient_agency_id,
            item=query.item,
            take_before=made.take_before,
        )

    def take_disclosure(self, command: TakeDisclosure, work: Work) -> DisclosureTaken:
        """The grant records that the item leaves now; whoever comes after a no gets nothing (R09).

        Decided in the stream that records the end of the release, and relying on
        what was erased: stored before these, or not at all.
        """
        _must_own(command, work.ctx)
        grant_id = rows.grant_of(self, command.disclosure_id)
        grant = work.find(Grant, grant_id) if grant_id is not None else None
        if grant is None:
            raise DisclosureNotGranted()
        try:
            taken = grant.take(
                disclosure_id=command.disclosure_id,
                agency_id=command.agency_id,
                item=_item(command.item),
                erased=_erased(grant.participation_id, work),
                now=work.ctx.now,
            )
        except NotReleased:
            raise DisclosureNotGranted() from None
        work.save(grant)
        return _taken(command, grant, taken, work.ctx)

    def _taken_before(self, command: TakeDisclosure, ctx: Context) -> DisclosureTaken:
        """A repeat: what was taken may still be handed over in what is left of its time."""
        grant, taken = self._takeable(command, ctx)
        again = _taken(command, grant, taken, ctx)
        if again.hand_over_within <= 0:
            raise DisclosureNotGranted()
        return again

    def _takeable(
        self, asked: ConfirmDisclosure | TakeDisclosure, ctx: Context
    ) -> tuple[Grant, Disclosure]:
        _must_own(asked, ctx)
        grant_id = rows.grant_of(self, asked.disclosure_id)
        grant = self.aggregate(grant_id) if grant_id is not None else None
        if not isinstance(grant, Grant):
            raise DisclosureNotGranted()
        erased = self.aggregate(ErasedItems.create_id(grant.participation_id))
        try:
            return grant, grant.takeable(
                disclosure_id=asked.disclosure_id,
                agency_id=asked.agency_id,
                item=_item(asked.item),
                erased=erased.items if isinstance(erased, ErasedItems) else (),
                now=ctx.now,
            )
        except NotReleased:
            raise DisclosureNotGranted() from None

    def get_explanation(self, query: GetExplanation, ctx: Context) -> ExplanationText:
        """What a release does, in the language asked for where we have it (R64)."""
        version, language, wording = explanation(query.language)
        return ExplanationText(explanation_version=version, language=language, **wording)

    def get_grants(self, query: GetGrants, ctx: Context) -> Grants:
        """The survivor's grants, with the state that the clock gives them."""
        must_have_told(self, query.participation_id, ctx.principal)
        return Grants(grants=rows.grants(self, query.participation_id, ctx.now))

    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        """Whose it is, and the staff they have. An agency's request names nobody."""
        participation_id = getattr(request, "participation_id", None)
        if participation_id is None:
            return {"participation_id": "", "assigned": []}
        return {
            "participation_id": str(participation_id),
            "assigned": assigned(self, participation_id, request, ctx.principal),
        }

    def _must_be_there(self, command: ProposeGrant, ctx: Context) -> None:
        """Whoever keeps the items says that each is there; ``ItemUnknown`` where one is not."""
        for owner in sorted({item.service for item in command.items}):
            if owner not in SERVICE.calls:
                raise ItemUnknown()
            theirs = tuple(item for item in command.items if item.service == owner)
            question = ConfirmItems(participation_id=command.participation_id, items=theirs)
            try:
                self.edge.caller.call(owner, question.method(), question, ctx)
            except Refused as refused:
                if refused.because == "unavailable":
                    raise
                raise ItemUnknown() from None

    def _reference(self, agency_id: UUID, grant_id: UUID) -> UUID:
        """Known to this agency alone: two agencies cannot join what they hold."""
        named = b"consent agency reference 1" + agency_id.bytes + grant_id.bytes
        digest = hmac.new(self._reference_key, named, hashlib.sha256).digest()
        return UUID(bytes=digest[:16], version=4)


def _yes(
    command: GiveGrant | ConfirmGrant,
    work: Work,
    decision: Decision,
    decide: Callable[[Grant], None],
) -> GrantDecided:
    grant = _grant(command, work)
    before = grant.state
    decide(grant)
    _store(command, grant, work)
    took_effect = grant.state == "given" and before != "given"
    if took_effect and grant.supersedes is not None:
        old = work.get(Grant, grant.supersedes)
        old.supersede(decision, by=grant.id)
        work.save(old)
        work.unschedule(EXPIRY, str(old.id))
    return GrantDecided(grant_id=grant.id, state=grant.state)


def _no(
    command: DeclineGrant | RevokeGrant, work: Work, decide: Callable[[Grant], None]
) -> GrantDecided:
    grant = _grant(command, work)
    decide(grant)
    _store(command, grant, work)
    work.unschedule(EXPIRY, str(grant.id))
    return GrantDecided(grant_id=grant.id, state=grant.state)


def _grant(
    command: ExplainGrant | GiveGrant | ConfirmGrant | DeclineGrant | RevokeGrant, work: Work
) -> Grant:
    grant = work.get(Grant, command.grant_id)
    if grant.participation_id != command.participation_id:
        raise NotFound()
    return grant


def _to_supersede(command: ProposeGrant, work: Work) -> Grant | None:
    if command.supersedes is None:
        return None
    old = work.find(Grant, command.supersedes)
    if old is None:
        raise NothingToSupersede()
    return old


def _store(command: Request, grant: Grant, work: Work) -> None:
    if not grant.pending_events:
        log.info("command.ignored", command=command.method(), stream_id=str(grant.id))
        return
    work.save(grant)


def _asked(command: RequestDisclosure, principal: Principal) -> Asked:
    if principal.kind != "agency" or principal.agency_id is None:
        raise NotAllowed()
    return Asked(
        principal.agency_id, command.agency_reference, _item(command.item), command.purpose
    )


def _must_own(asked: ConfirmDisclosure | TakeDisclosure, ctx: Context) -> None:
    if ctx.principal.kind != "service" or ctx.principal.id != asked.item.service:
        raise NotAllowed()


def _taken(
    command: TakeDisclosure, grant: Grant, taken: Disclosure, ctx: Context
) -> DisclosureTaken:
    taken_at = taken.taken_at
    if taken_at is None:
        raise DisclosureNotGranted()
    # A clock that was put back since gives no more time than there was.
    until = min(taken_at + HAND_OVER_WITHIN, taken.take_before, ctx.now + HAND_OVER_WITHIN)
    return DisclosureTaken(
        disclosure_id=taken.disclosure_id,
        participation_id=grant.participation_id,
        agency_id=grant.recipient_agency_id,
        item=command.item,
        taken_at=taken_at,
        hand_over_within=(until - ctx.now).total_seconds(),
    )


def _known(grant: Grant | None) -> Grant:
    if grant is None:
        raise NotReleased("unknown_reference")
    return grant


def _erased(participation_id: UUID, work: Work) -> frozenset[Item]:
    """What may be released no more; the decision does not stand if that grows meanwhile."""
    stream = ErasedItems.create_id(participation_id)
    found = work.find(ErasedItems, stream)
    work.rely_on(stream)
    return found.items if found else frozenset()


def _refused(asked: Asked, grant: Grant | None, no: NotReleased, now: datetime) -> Refusal:
    return Refusal(
        agency_id=asked.agency_id,
        participation_id=grant.participation_id if grant is not None else None,
        agency_reference=asked.agency_reference,
        item=asked.item,
        purpose=asked.purpose,
        reason=no.reason,
        refused_at=now,
    )


def _item(ref: ItemRef) -> Item:
    return ref.service, ref.kind, ref.item_id
