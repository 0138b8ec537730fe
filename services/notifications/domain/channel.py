"""One way of contact: where it leads, when it may be used, and which others lead there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.notifications.domain.hours import SafeHours
from shared.contracts.decision import Decision
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

LIVE = ("awaiting_confirmation", "safe")
"""The states of a way that is used, or may come to be."""

_LEADS_TO = {"email": "mailbox", "sms": "telephone", "voice": "telephone", "printed_letter": "door"}


@dataclass(frozen=True, slots=True)
class Renewal:
    """A later verification that staff recorded; counts once confirmed."""

    verified_on: date
    recorded: Decision


@dataclass(frozen=True, slots=True)
class AddressMark:
    """By which an address is known again within one participation, for as long as its key lives.

    ``digest``: HMAC of the comparable form under a key derived from the data key ``key_id``
    of this participation's contact words; it tells nobody else anything, nor of anybody else.
    """

    key_id: UUID
    digest: UUID


@dataclass(frozen=True, slots=True)
class Channel:
    """One way of contact. ``state``: awaiting_confirmation, safe, replaced, unsafe or erased."""

    channel: str
    hours: SafeHours
    verified_on: date
    stale_after_days: int
    state: str
    recorded: Decision
    renewal: Renewal | None = None
    address: Sealed | None = None
    name_to_use: Sealed | None = None
    mark: AddressMark | None = None

    @property
    def is_live(self) -> bool:
        """Whether it is used, or may come to be."""
        return self.state in LIVE

    def is_same_as(self, channel: str, mark: AddressMark | None) -> bool:
        """Whether this is surely the same way: the same kind, to the same address."""
        return self.is_live and mark is not None and (self.channel, self.mark) == (channel, mark)

    def may_lead_where(self, other: Channel) -> bool:
        """Whether both may lead to one address, however it is used there.

        Where marks cannot tell, because what was stored before marks has none, or by
        another key: whether it could be by their kinds. A no rather reaches too far.
        """
        if self.address is None or other.address is None:
            return False
        if self.mark and other.mark and self.mark.key_id == other.mark.key_id:
            return self.mark == other.mark
        return _LEADS_TO.get(self.channel) == _LEADS_TO.get(other.channel)

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
