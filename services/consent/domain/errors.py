"""How a release says no to a command: in its own words, with what can be done instead."""

from __future__ import annotations

from shared.contracts.refusal import Because, Refused


class GrantEnded(Refused):
    """A change of heart is a new release, never an edit of the old one."""

    code = "grant_ended"
    detail = "This release was declined, or has ended."
    what_to_do = "Propose a new release if it is wanted again."


class AlreadyAnswered(Refused):
    """The explanation belongs before the answer."""

    code = "grant_already_answered"
    detail = "This release has been answered already; its explanation can no longer change."
    what_to_do = "Revoke it and propose a new one with the other explanation."


class NotExplained(Refused):
    """Consent that was not informed is none (field standards 1, 2)."""

    code = "grant_not_explained"
    detail = "Benefits, risks, alternatives and the way to revoke have not been explained yet."
    what_to_do = "Explain the release first, then ask again."


class UnknownExplanation(Refused):
    """Nobody could say later what the survivor was told."""

    code = "unknown_explanation"
    because: Because = "invalid"
    detail = "There is no explanation of that version."
    what_to_do = "Use a version of the explanation that the policy lists."


class PeriodOver(Refused):
    """The clock decides, not whether somebody recorded the expiry."""

    code = "grant_period_over"
    because: Because = "gone"
    detail = "The period of this release is over."
    what_to_do = "Propose a new release with a later end."


class PeriodNotPossible(Refused):
    """A release ends in the future, after it starts, and within the policy's longest period."""

    code = "grant_period_not_possible"
    because: Because = "invalid"
    detail = "The period is past, runs backwards, or is longer than the policy allows."
    what_to_do = "Choose an end after the start, within the longest period of the policy."


class ItemUnknown(Refused):
    """A release of what is not there would put on record a sharing of nothing."""

    code = "unknown_item"
    because: Because = "invalid"
    detail = "There is no such item of this survivor."
    what_to_do = "Name items as the service that keeps them lists them, for instance under needs."


class ItemErased(Refused):
    """What was erased is gone for good: a release of it would promise what nobody can keep."""

    code = "item_erased"
    because: Because = "gone"
    detail = "One of these items was erased at the survivor's word."
    what_to_do = "Leave it out; the survivor can say it anew, and release that."


class NothingToConfirm(Refused):
    """Only a yes that staff recorded waits for a confirmation."""

    code = "nothing_to_confirm"
    detail = "No yes that staff recorded is waiting here."
    what_to_do = "Record the survivor's yes first; the survivor's own yes needs no confirmation."


class RecipientCannotConfirm(Refused):
    """Whoever would receive it never confirms that it was given (R71)."""

    code = "recipient_cannot_confirm"
    because: Because = "not_allowed"
    detail = "Nobody of the agency that would receive this may confirm the release."
    what_to_do = "Let the survivor confirm it, or a trained colleague of their advocate."


class NotTheirs(Refused):
    """A release is decided by the person whom it concerns, and by nobody else (I13)."""

    code = "not_theirs_to_decide"
    because: Because = "not_allowed"
    detail = "Only the survivor decides about a release."
    what_to_do = "Ask the survivor."


class NothingToSupersede(Refused):
    """A new release replaces one that is in effect, to the same agency."""

    code = "nothing_to_supersede"
    detail = "There is no release in effect to that agency under the id to be replaced."
    what_to_do = "Leave out what it replaces, or name a release that is in effect."


class DisclosureNotGranted(Refused):
    """The one answer to every request that is not granted (trust: Agencies).

    Unknown, ended, never given, another agency's, another item, another purpose:
    nobody can tell which, nor whether there is anything at all.
    """

    code = "nothing_released"
    because: Because = "not_found"
    detail = "Nothing is released to you under that reference for that item and purpose."
    what_to_do = "Ask the person whom it concerns."
