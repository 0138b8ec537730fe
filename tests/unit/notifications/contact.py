"""Ways of contact for the tests, with everything but what a test is about filled in."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from services.notifications.domain.channel import AddressMark
from services.notifications.domain.hours import SafeHours
from services.notifications.domain.preference import ContactPreference
from shared.contracts.decision import Decision
from shared.sealing.sealed import Sealed
from tests.support.examples import ADDRESS, MARIA, NOON, an_id, said

ALWAYS = SafeHours.of(range(7), "00:00", "23:59", "UTC")
MORNINGS = SafeHours.of(range(7), "08:00", "09:00", "UTC")
TODAY = NOON.date()
EMAIL = an_id("maria's e-mail")
PHONE = an_id("maria's phone")
SENDERS = frozenset({"email", "sms"})
"""The ways that something can be sent by, in these tests."""


def preference() -> ContactPreference:
    """A preference that nobody has said anything in yet."""
    begun = ContactPreference(participation_id=MARIA)
    begun.collect_events()
    return begun


def sealed(words: str = ADDRESS) -> Sealed:
    """Contact words of Maria's."""
    return Sealed.pending(MARIA, "contact", words)


def marked(address: str) -> AddressMark:
    """The mark of an address under the one key of these tests."""
    return AddressMark(an_id("contact key"), an_id(address))


def declare(
    to: ContactPreference,
    channel_id: UUID = EMAIL,
    channel: str = "email",
    *,
    decision: Decision | None = None,
    hours: SafeHours = ALWAYS,
    verified_on: date = TODAY,
    stale_after_days: int = 30,
    **more: Any,
) -> str:
    """Declare a way of contact safe; safe at all hours, verified today.

    The state that follows. Each id leads to an address of its own unless ``address_mark`` says so.
    """
    fields: dict[str, Any] = {
        "address": sealed(),
        "voicemail_ok": False,
        "name_to_use": None,
        "say_agency": False,
        "address_mark": None if more.get("address", ...) is None else marked(str(channel_id)),
        **more,
    }
    found = to.declare_safe(
        channel_id,
        channel,
        hours=hours,
        verified_on=verified_on,
        stale_after_days=stale_after_days,
        decision=decision or said(),
        **fields,
    )
    return to.channels[found].state
