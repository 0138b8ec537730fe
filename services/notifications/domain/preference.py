"""Where a person may be reached, and nothing else.

Only a way that the person called safe is ever used, inside its hours and until
it goes stale. A way that staff wrote down waits until the person, or a second
trained person, confirms it. "Not safe any more" acts at once, whoever says it,
and is final for that way: to use it again is to declare it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.domain import event

from services.notifications.domain.hours import SafeHours
from shared.accompaniment.confirming import ConfirmedBy, confirmed_by
from shared.contracts.decision import Decision
from shared.contracts.refusal import Because, NotFound, Refused
from shared.eventstore.aggregate import Aggregate
from shared.sealing.sealed import Sealed

Suppressed = Literal[
    "no_channel",
    "stale",
    "unsafe",
    "out_of_hours",
    "unconfirmed",
    "they_call",
    "no_sender",
    "not_chosen",
    "lapsed",
    "at_rest",
]
THEY_CALL = "i_will_call_you"
"""The person comes to us; nothing is ever sent this way."""


class NoSuchChannel(NotFound):
    """The person declared no such way of contact."""


class AddressNeeded(Refused):
    """A way of contact without the address it leads to."""

    code = "address_needed"
    because: Because = "invalid"
    detail = "This way of contact needs an address or a number."
    what_to_do = "Send it, or declare that the survivor will call."


class AddressNotSendable(Refused):
    """An e-mail address that no message can be sent to."""

    code = "address_not_sendable"
    because: Because = "invalid"
    detail = "This is not one plain e-mail address."
    what_to_do = "Send the address alone, such as somebody@example.org."


class NoAddressWanted(Refused):
    """An address nobody needs is an address that can leak."""

    code = "no_address_wanted"
    because: Because = "invalid"
    detail = "Nobody is contacted where the survivor calls; an address is not kept for it."
    what_to_do = "Leave the address out."


class VerifiedInTheFuture(Refused):
    """Nobody can know that a way will be safe."""

    code = "verified_in_the_future"
    because: Because = "invalid"
    detail = "That day has not come yet where the survivor is."
    what_to_do = "Send the day on which the survivor said that it is safe."


class VerifiedTooLongAgo(Refused):
    """What was safe that long ago may lead to somebody else today."""

    code = "verified_too_long_ago"
    because: Because = "conflict"
    detail = "That was too long ago to rely on, or older than what is already known."
    what_to_do = "Ask the survivor whether it is safe today, and send that day."


class NotConfirmedYet(Refused):
    """A way that waits for its first confirmation has no window to start anew."""

    code = "not_confirmed_yet"
    because: Because = "conflict"
    detail = "Staff recorded this way of contact, and nobody has confirmed it yet."
    what_to_do = "Confirm it first."


class NotUsedAnyMore(Refused):
    """Declared unsafe, or erased: final for this way of contact."""

    code = "channel_not_used_any_more"
    because: Because = "gone"
    detail = "This way of contact is not used any more."
    what_to_do = "If it is safe now, declare it anew."


@dataclass(frozen=True, slots=True)
class Renewal:
    """A later verification that staff recorded; counts once confirmed."""

    verified_on: date
    recorded: Decision


@dataclass(frozen=True, slots=True)
class Channel:
    """One way of contact. ``state``: awaiting_confirmation, safe, unsafe or erased."""

    channel: str
    hours: SafeHours
    verified_on: date
    stale_after_days: int
    state: str
    recorded: Decision
    renewal: Renewal | None = None
    address: Sealed | None = None
    name_to_use: Sealed | None = None

    @property
    def stale_after(self) -> date:
        """The last day on which it may be used."""
        return self.verified_on + timedelta(days=self.stale_after_days)

    def lasts(self, at: datetime) -> bool:
        """Whether ``at`` lies in its window; before the window is as bad as after it."""
        return self.verified_on <= self.hours.date_at(at) <= self.stale_after

    def useless(self, at: datetime) -> Suppressed | None:
        """Why it may not be used for something that comes up at ``at``; None if it may."""
        if self.state == "awaiting_confirmation":  # I09 R71
            return "unconfirmed"
        if self.state != "safe":  # I09
            return "unsafe"
        if not self.lasts(at):  # I09
            return "stale"
        return None if self.lasts(self.hours.next_opening(at)) else "out_of_hours"  # I09


@dataclass(frozen=True, slots=True)
class Way:
    """What a notice cites: a live preference, and the nearest safe hours (I09)."""

    preference_id: UUID
    preference_version: int
    channel_id: UUID
    channel: str
    send_from: datetime
    send_until: datetime


# From the nearest to a way that could be used, to the farthest.
_REASONS: tuple[Suppressed, ...] = ("out_of_hours", "stale", "unconfirmed", "unsafe")


class ContactPreference(Aggregate):
    """All ways of contact of one participation."""

    class Begun(Aggregate.Created):
        participation_id: UUID

    class ChannelDeclaredSafe(Aggregate.Event):
        channel_id: UUID
        channel: str
        address: Sealed | None
        hours: SafeHours
        voicemail_ok: bool
        name_to_use: Sealed | None
        say_agency: bool
        verified_on: date
        stale_after_days: int
        decision: Decision

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

    def declare_safe(
        self,
        channel_id: UUID,
        channel: str,
        *,
        address: Sealed | None,
        hours: SafeHours,
        voicemail_ok: bool,
        name_to_use: Sealed | None,
        say_agency: bool,
        verified_on: date,
        stale_after_days: int,
        decision: Decision,
    ) -> str:
        """The state that follows: ``safe``, or ``awaiting_confirmation`` where staff recorded it.

        Refuses a missing or needless address, a day that has not come, and a
        window that is over already.
        """
        if channel == THEY_CALL and address is not None:
            raise NoAddressWanted()
        if channel != THEY_CALL and address is None:
            raise AddressNeeded()
        _check_window(hours, verified_on, stale_after_days, decision.recorded_at)
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
            decision=decision,
        )
        return self.channels[channel_id].state

    def confirm(self, channel_id: UUID, *, trained: bool, decision: Decision) -> str:
        """Confirm what staff recorded, a way or a later verification; ``safe`` follows.

        ``trained``: whether the one who confirms is trained for it. Ignored
        where nothing waits. Refuses the one who recorded it, the untrained, a
        way not used any more, and a window that ran out while it waited.
        """
        known = self._in_use(channel_id)
        if known.state == "safe" and known.renewal is None:
            return known.state
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

        Never refused for a way that exists; a repeat is ignored.
        """
        known = self._known(channel_id)
        if known.state in ("awaiting_confirmation", "safe"):
            self._declare_unsafe(channel_id=channel_id, decision=decision)
        return self.channels[channel_id].state

    def declare_all_unsafe(self, *, decision: Decision) -> None:
        """The same for every way there is."""
        for channel_id in list(self.channels):
            self.declare_unsafe(channel_id, decision=decision)

    def erase(self, erasure_id: UUID) -> None:
        """The key of these words is destroyed: no way of contact can be used any more."""
        if any(c.state != "erased" for c in self.channels.values()):
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
        found = {c.useless(at) for c in self.channels.values() if c.state != "erased"}
        return next((reason for reason in _REASONS if reason in found), "no_channel")

    def same_way(self, channel_id: UUID, at: datetime) -> Way | Suppressed:
        """The way that was found before, looked at again; or why it may not be used any more.

        Whatever became of it, no other way is looked for (I09).
        """
        known = self.channels.get(channel_id)
        if known is None or known.state == "erased":  # I09
            return "no_channel"
        if reason := known.useless(at):  # I09
            return reason
        return self._way(channel_id, at)

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
        if known.state in ("unsafe", "erased"):
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
        )

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
        self.channels[channel_id] = replace(self.channels[channel_id], state="unsafe", renewal=None)

    @event(ContactErased)
    def _erase(self, participation_id: UUID, erasure_id: UUID) -> None:
        self.channels = {
            channel_id: replace(known, state="erased", renewal=None)
            for channel_id, known in self.channels.items()
        }


def _check_window(hours: SafeHours, verified_on: date, days: int, at: datetime) -> None:
    today = hours.date_at(at)
    if verified_on > today:
        raise VerifiedInTheFuture()
    if verified_on + timedelta(days=days) < today:
        raise VerifiedTooLongAgo()
