"""The header of a decision: made here, for every service (language: "A decision")."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from shared.accompaniment.refusals import DecidedInTheFuture
from shared.contracts.base import Spoken
from shared.contracts.decision import DecidedBy, Decision, RecordedBy
from shared.contracts.refusal import NotAllowed
from shared.eventstore.work import Context
from shared.identity.principal import Principal

CLOCKS_DIFFER = timedelta(minutes=1)
"""How far ahead the clock of whoever entered a decision's time may be."""

_PARTIES = ("harmed_party", "responsible_party", "system")


def recorder(principal: Principal) -> RecordedBy:
    """Who writes it down. ``NotAllowed`` unless that is a person: survivor or staff."""
    if not isinstance(principal.id, UUID) or principal.kind not in ("survivor", "staff"):
        raise NotAllowed()
    if principal.kind == "survivor":
        return RecordedBy(principal.id, "harmed_party")
    # Whatever an identity provider calls its staff, they never pass for a party (R71).
    role = "staff" if principal.role in ("", *_PARTIES) else principal.role
    return RecordedBy(principal.id, role, principal.base, principal.agency_id)


def recorder_for(whose: UUID, principal: Principal) -> RecordedBy:
    """The same of this participation. ``NotAllowed`` where a survivor speaks for another."""
    by = recorder(principal)
    if not by.is_staff and by.actor_id != whose:
        raise NotAllowed()
    return by


def header(
    command: Spoken,
    ctx: Context,
    *,
    whose: UUID,
    notice_version: str | None,
    decided_by: DecidedBy = "harmed_party",
    options_version: str | None = None,
    no: bool = False,
) -> Decision:
    """Who decided ``command`` and who wrote it down, how, when, upon which wording.

    ``NotAllowed`` where a survivor speaks for another. ``DecidedInTheFuture`` for a time
    that lies ahead; a ``no`` counts from now instead, for nothing holds it up (R09).
    """
    by = recorder_for(whose, ctx.principal)
    said_at = command.decided_at or ctx.now
    if said_at > ctx.now + CLOCKS_DIFFER and not no:
        raise DecidedInTheFuture()
    return Decision(
        decided_by=decided_by,
        participation_id=whose,
        recorded_by=by,
        how=command.how,
        language=command.language,
        decided_at=min(said_at, ctx.now),
        recorded_at=ctx.now,
        on_behalf_of=whose if by.is_staff and decided_by == "harmed_party" else None,
        interpreter=command.interpreter,
        notice_version=notice_version,
        options_version=options_version,
    )
