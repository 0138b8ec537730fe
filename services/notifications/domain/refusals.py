"""What a preference refuses, and what whoever asked can do then."""

from __future__ import annotations

from shared.contracts.refusal import Because, NotFound, Refused


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


class ErasureUnderWay(Refused):
    """What is declared now would be erased with the rest when the keys are destroyed."""

    code = "erasure_under_way"
    because: Because = "gone"
    detail = "The survivor asked for their ways of contact to be erased, and that is under way."
    what_to_do = "Send it again in a moment, when the erasure is complete."


class NotUsedAnyMore(Refused):
    """Declared unsafe, replaced or erased: final for this way of contact.

    Also what staff wrote down before addresses were marked: nobody can tell whether the
    survivor said no to it since.
    """

    code = "channel_not_used_any_more"
    because: Because = "gone"
    detail = "This way of contact is not used any more."
    what_to_do = "If it is safe now, declare it anew."
