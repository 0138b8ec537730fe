"""Where a person may be reached, and nothing else.

Only a way that the person called safe is ever used, inside its hours and until
it goes stale. A way that staff wrote down waits until the person, or a second
trained person, confirms it. "Not safe any more" acts at once, whoever says it, on every
way that leads or may lead to that address, and is final for them: to use it again
is to declare it anew. That two ways lead to one address is known by its mark.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from services.notifications.domain.channel import (
    THEY_CALL,
    AddressMark,
    Channel,
    Renewal,
    Suppressed,
    Way,
)
from services.notifications.domain.hours import SafeHours
from services.notifications.domain.refusals import (
    AddressNeeded,
    ErasureUnderWay,
    NoAddressWanted,
    NoSuchChannel,
    NotConfirmedYet,
    NotUsedAnyMore,
    VerifiedInTheFuture,
    VerifiedTooLongAgo,
)
from shared.accompaniment.confirming import ConfirmedBy, confirmed_by
from shared.contracts.decision import Decision
from shared.eventstore.aggregate import Aggregate
from shared.sealing.sealed import Sealed

# From the nearest to a way that could be used, to the farthest.
_REASONS: tuple[Suppressed, ...] = ("out_of_hours", "stale", "unconfirmed", "unsafe")


class ContactPreference(Aggregate):
    """All ways of contact of one participation."""

    class Begun(Aggregate.Created):
        participation_id: UUID

    class ChannelDeclaredSafe(Aggregate.Event):
        """A way, or by a known ``channel_id`` the same way declared anew by the survivor."""

        class_version = 2

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Of addresses before marks nobody can tell which are the same."""
            state["address_mark"] = None

        channel_id: UUID
        channel: str
        address: Sealed | None
        hours: SafeHours
        voicemail_ok: bool
        name_to_use: Sealed | None
        say_agency: bool
        verified_on: date
        stale_after_days: int
        address_mark: AddressMark | None
        decision: Decision

    class ChannelReplaced(Aggregate.Event):
        """With the same way declared anew, or confirmed, as ``replaced_by``: that one counts."""

        participation_id: UUID
        channel_id: UUID
        replaced_by: UUID

    class ChannelConfirmed(Aggregate.Event):
        channel_id: UUID
        verified_on: date
        stale_after: date
        confirmed_by: ConfirmedBy
        decision: Decision

    class PreferenceVerified(Aggregate.Event):
        channel_id: UUID
        verified_on: date
        stale_after: date
        waits: bool
        decision: Decision

    class ChannelDeclaredUnsafe(Aggregate.Event):
        channel_id: UUID
        decision: Decision

    class ContactErasureRequested(Aggregate.Event):
        participation_id: UUID
        erasure_id: UUID

    class ContactErased(Aggregate.Event):
        participation_id: UUID
        erasure_id: UUID

    @staticmethod
    def create_id(participation_id: UUID) -> UUID:
        """One preference per participation; roles of one person are never joined (R50)."""
        return uuid5(NAMESPACE_URL, f"/notifications/preference/{participation_id}")

    @event(Begun)
    def __init__(self, participation_id: UUID) -> None:
        self.participation_id = participation_id
        self.channels: dict[UUID, Channel] = {}
        self.erasing: set[UUID] = set()
        self.erased: set[UUID] = set()

    def declare_safe(
        self,
        channel_id: UUID,
        channel: str,
        *,
        address: Sealed | None,
        address_mark: AddressMark | None,
        hours: SafeHours,
        voicemail_ok: bool,
        name_to_use: Sealed | None,
        say_agency: bool,
        verified_on: date,
        stale_after_days: int,
        decision: Decision,
    ) -> UUID:
        """The way that it is now: ``safe``, or ``awaiting_confirmation`` where staff recorded it.

        The survivor's own word on a way that is there, in whatever state it is used,
        renews that one, and what others wrote down of it before is confirmed no more. What
        staff write down is always one of its own, so that whoever confirms it knows what.
        Refuses a missing or needless address, a day that has not come, a window that is
        over already, and everything while the contact words are being erased.
        """
        if self.erasing:  # R09
            raise ErasureUnderWay()
        if channel == THEY_CALL and address is not None:
            raise NoAddressWanted()
        if channel != THEY_CALL and address is None:
            raise AddressNeeded()
        _check_window(hours, verified_on, stale_after_days, decision.recorded_at)
        same = [
            id for id, known in self.channels.items() if known.is_same_as(channel, address_mark)
        ]
        safe = [id for id in same if self.channels[id].state == "safe"]
        if decision.told_by_staff:
            over = [id for id in same if id not in safe]
        else:
            channel_id = next(iter((*safe, *same)), channel_id)
            over = [id for id in same if id != channel_id]
        self._declare_safe(
            channel_id=channel_id,
            channel=channel,
            address=address,
            hours=hours,
            voicemail_ok=voicemail_ok,
            name_to_use=name_to_use,
            say_agency=say_agency,
            verified_on=verified_on,
            stale_after_days=stale_after_days,
            address_mark=address_mark,
            decision=decision,
        )
        for id in over:
            self._replaced(id, channel_id)
        return channel_id

    def confirm(self, channel_id: UUID, *, trained: bool, decision: Decision) -> str:
        """Confirm what staff recorded, a way or a later verification; ``safe`` follows.

        ``trained``: whether the one who confirms is trained for it. Ignored
        where nothing waits. Refuses the one who recorded it, the untrained, a
        way not used any more, and a window that ran out while it waited. A way
        confirmed for the first time takes the place of what was known of the same.
        """
        known = self._in_use(channel_id)
        if known.state == "safe" and known.renewal is None:
            return known.state
        if known.state != "safe" and known.address is not None and known.mark is None:  # I09 R71
            raise NotUsedAnyMore()
        waiting = known.recorded if known.renewal is None else known.renewal.recorded
        verified_on = known.verified_on if known.renewal is None else known.renewal.verified_on
        by = confirmed_by(waiting.recorded_by, decision, trained=trained)
        _check_window(known.hours, verified_on, known.stale_after_days, decision.recorded_at)
        self._confirm(
            channel_id=channel_id,
            verified_on=verified_on,
            stale_after=verified_on + timedelta(days=known.stale_after_days),
            confirmed_by=by,
            decision=decision,
        )
        for id, other in list(self.channels.items()) if known.state != "safe" else ():
            if id != channel_id and other.is_same_as(known.channel, known.mark):  # I09
                self._replaced(id, channel_id)
        return self.channels[channel_id].state

    def verify(self, channel_id: UUID, verified_on: date, *, decision: Decision) -> str:
        """Start the window anew; where staff recorded it, once it is confirmed (R71).

        Ignored where that day is known already. Refuses a way that is not in
        use or waits for its first confirmation, an older day, and a coming one.
        """
        known = self._in_use(channel_id)
        if known.state != "safe":
            raise NotConfirmedYet()
        waiting = known.renewal.verified_on if known.renewal else None
        if verified_on == known.verified_on:
            return known.state
        if decision.told_by_staff and verified_on == waiting:
            return "awaiting_confirmation"
        if verified_on < known.verified_on:
            raise VerifiedTooLongAgo()
        _check_window(known.hours, verified_on, known.stale_after_days, decision.recorded_at)
        self._verify(
            channel_id=channel_id,
            verified_on=verified_on,
            stale_after=verified_on + timedelta(days=known.stale_after_days),
            waits=decision.told_by_staff,
            decision=decision,
        )
        return "awaiting_confirmation" if decision.told_by_staff else "safe"

    def declare_unsafe(self, channel_id: UUID, *, decision: Decision) -> str:
        """Nothing goes there any more, from this moment, whoever records it (R71).

        Neither by any other way that leads there or may, be it still to be confirmed.
        Never refused for a way that exists; a repeat is ignored.
        """
        said = self._known(channel_id)
        for id, known in list(self.channels.items()):
            if known.is_live and (id == channel_id or known.may_lead_where(said)):  # I09 R71
                self._declare_unsafe(channel_id=id, decision=decision)
        return self.channels[channel_id].state

    def declare_all_unsafe(self, *, decision: Decision) -> None:
        """The same for every way there is."""
        for channel_id in list(self.channels):
            self.declare_unsafe(channel_id, decision=decision)

    def request_erasure(self, erasure_id: UUID) -> None:
        """They asked for these words to be erased: from now on no way of contact is used.

        Nothing is declared until their key is destroyed. Ignored where it is already.
        """
        if erasure_id not in self.erasing | self.erased:
            self._request_erasure(participation_id=self.participation_id, erasure_id=erasure_id)

    def erase(self, erasure_id: UUID) -> None:
        """The key of these words is destroyed: no way of contact can be used any more."""
        if erasure_id not in self.erased:
            self._erase(participation_id=self.participation_id, erasure_id=erasure_id)

    def way(self, at: datetime, senders: frozenset[str]) -> Way | Suppressed:
        """The one way a notice that comes up at ``at`` may go, or why there is none.

        Of the ways that something can be sent by (``senders``), the one whose
        safe hours come first, the one declared first among equals.
        """
        usable = {id: c for id, c in self.channels.items() if c.useless(at) is None}
        ways = [self._way(id, at) for id, c in usable.items() if c.channel in senders]
        if ways:
            return min(ways, key=lambda way: way.send_from)
        if usable:
            they_call = all(c.channel == THEY_CALL for c in usable.values())
            return "they_call" if they_call else "no_sender"
        known = (c for c in self.channels.values() if c.state not in ("erased", "replaced"))
        found = {c.useless(at) for c in known}
        return next((reason for reason in _REASONS if reason in found), "no_channel")

    def same_way(self, channel_id: UUID, at: datetime) -> Way | Suppressed:
        """The way that was found before, looked at again; or why it may not be used any more.

        Whatever became of it, no other way is looked for (I09).
        """
        known = self.channels.get(channel_id)
        if known is None or known.state in ("erased", "replaced"):  # I09
            return "no_channel"
        if reason := known.useless(at):  # I09
            return reason
        return self._way(channel_id, at)

    def _replaced(self, channel_id: UUID, by: UUID) -> None:
        self._replace(participation_id=self.participation_id, channel_id=channel_id, replaced_by=by)

    def _way(self, channel_id: UUID, at: datetime) -> Way:
        known = self.channels[channel_id]
        opens, closes = known.hours.next_window(at)
        return Way(self.id, self.version, channel_id, known.channel, opens, closes)

    def _known(self, channel_id: UUID) -> Channel:
        try:
            return self.channels[channel_id]
        except KeyError:
            raise NoSuchChannel() from None

    def _in_use(self, channel_id: UUID) -> Channel:
        known = self._known(channel_id)
        if not known.is_live:
            raise NotUsedAnyMore()
        return known

    @event(ChannelDeclaredSafe)
    def _declare_safe(
        self,
        *,
        channel_id: UUID,
        channel: str,
        address: Sealed | None,
        hours: SafeHours,
        voicemail_ok: bool,
        name_to_use: Sealed | None,
        say_agency: bool,
        verified_on: date,
        stale_after_days: int,
        address_mark: AddressMark | None,
        decision: Decision,
    ) -> None:
        self.channels[channel_id] = Channel(
            channel,
            hours,
            verified_on,
            stale_after_days,
            state="awaiting_confirmation" if decision.told_by_staff else "safe",
            recorded=decision,
            address=address,
            name_to_use=name_to_use,
            mark=address_mark,
        )

    @event(ChannelReplaced)
    def _replace(self, participation_id: UUID, channel_id: UUID, replaced_by: UUID) -> None:
        self._ends(channel_id, "replaced")

    @event(ChannelConfirmed)
    def _confirm(
        self,
        channel_id: UUID,
        verified_on: date,
        stale_after: date,
        confirmed_by: ConfirmedBy,
        decision: Decision,
    ) -> None:
        self.channels[channel_id] = replace(
            self.channels[channel_id],
            state="safe",
            verified_on=verified_on,
            renewal=None,
        )

    @event(PreferenceVerified)
    def _verify(
        self,
        channel_id: UUID,
        verified_on: date,
        stale_after: date,
        waits: bool,
        decision: Decision,
    ) -> None:
        known = self.channels[channel_id]
        if waits:
            self.channels[channel_id] = replace(known, renewal=Renewal(verified_on, decision))
            return
        later = known.renewal if known.renewal and known.renewal.verified_on > verified_on else None
        self.channels[channel_id] = replace(known, verified_on=verified_on, renewal=later)

    @event(ChannelDeclaredUnsafe)
    def _declare_unsafe(self, channel_id: UUID, decision: Decision) -> None:
        said = self.channels[channel_id]
        self._ends(channel_id, "unsafe")
        # What was stored before marks names one way only, and meant the address.
        for id, known in list(self.channels.items()):
            if known.is_live and not (known.mark and said.mark) and known.may_lead_where(said):
                self._ends(id, "unsafe")  # I09 R71

    @event(ContactErasureRequested)
    def _request_erasure(self, participation_id: UUID, erasure_id: UUID) -> None:
        self.erasing.add(erasure_id)
        self._end_all("erased")

    @event(ContactErased)
    def _erase(self, participation_id: UUID, erasure_id: UUID) -> None:
        self.erasing.discard(erasure_id)
        self.erased.add(erasure_id)
        self._end_all("erased")

    def _end_all(self, state: str) -> None:
        for channel_id in list(self.channels):
            self._ends(channel_id, state)

    def _ends(self, channel_id: UUID, state: str) -> None:
        self.channels[channel_id] = replace(self.channels[channel_id], state=state, renewal=None)


def _check_window(hours: SafeHours, verified_on: date, days: int, at: datetime) -> None:
    today = hours.date_at(at)
    if verified_on > today:
        raise VerifiedInTheFuture()
    if verified_on + timedelta(days=days) < today:
        raise VerifiedTooLongAgo()
