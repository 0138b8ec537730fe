"""Why intake says no, in words that say what can be done instead."""

from __future__ import annotations

from shared.contracts.refusal import Because, NotAllowed, NotFound, Refused


class NoticeOfAnotherBase(Refused):
    """The notice must be that of whoever helps: what stays confidential depends on it."""

    code = "notice_of_another_base"
    because: Because = "invalid"
    detail = "This notice is not the one for the advocate who is assigned."
    what_to_do = "Give the notice of the advocate's base; 'alone' where there is no advocate."


class UnknownNotice(Refused):
    """Nobody could say later what the survivor was told (R22)."""

    code = "unknown_notice"
    because: Because = "invalid"
    detail = "There is no confidentiality notice of that base and version."
    what_to_do = "Read the notice in force for the base, give that one, and name its version."


class AdvocateNotAsked(Refused):
    """An advocate comes only when called."""

    code = "advocate_not_asked"
    detail = "No advocate of this base is asked for here."
    what_to_do = "Wait until the survivor asks, and assign somebody of the base they named."


class AdvocateAlreadyThere(Refused):
    """Another advocate is assigned."""

    code = "advocate_already_assigned"
    detail = "Another advocate is assigned already."
    what_to_do = "Let the survivor end that assignment and ask anew, if they wish."


class TooFewOptions(Refused):
    """One option is no choice."""

    code = "too_few_options"
    because: Because = "invalid"
    detail = "An offer needs at least two different options besides 'nothing now'."
    what_to_do = "Add another option that is really there, and offer again."


class DeclinedBefore(Refused):
    """A no was said; it stands until the survivor comes back by themself."""

    code = "declined_before"
    detail = "The survivor declined one of these, and has not made contact since."
    what_to_do = "Leave it out. The survivor can choose it, or make contact, at any time."


class OfferedBefore(Refused):
    """No answer is not an invitation to ask again (R11)."""

    code = "offered_before"
    detail = "One of these was offered, and the survivor has not answered yet."
    what_to_do = "Leave it out, and wait for the survivor to answer or to make contact."


class NotOffered(Refused):
    """The offer named does not hold this option."""

    code = "not_offered"
    because: Because = "invalid"
    detail = "This option is not part of that offer."
    what_to_do = "Name the offer that holds it, or choose it without an offer."


class NoSuchOption(Refused):
    """The catalogue has no such option."""

    code = "no_such_option"
    because: Because = "invalid"
    detail = "There is no option of this name."
    what_to_do = "Read the options, and use one of their keys."


class NothingToConfirm(Refused):
    """The yes has lapsed, or was denied."""

    code = "nothing_to_confirm"
    detail = "This yes is over: it was denied, declined or lapsed."
    what_to_do = "If the survivor says yes now, record it anew."


class UnknownDecision(NotFound):
    """No decision of this participation has that id."""

    code = "unknown_decision"
    detail = "There is no such decision here."


class NotAsAssigned(NotAllowed):
    """What stays confidential depends on the base: nobody passes for another (R21, R22)."""

    code = "not_as_assigned"
    detail = "The advocate of this survivor was assigned from another base or agency."
    what_to_do = "Act under the base and agency of the assignment, or let the survivor ask anew."


class OnlyOwnAgency(NotAllowed):
    """A coordinator speaks for their own agency's advocates and for no others (R21)."""

    code = "only_own_agency"
    detail = "A coordinator assigns advocates of their own agency only."
    what_to_do = "Name an advocate of your agency, or leave it to the other agency's coordinator."


class OnlyOwnBase(NotAllowed):
    """A community advocate is not the justice system's to give (R21, R23)."""

    code = "only_own_base"
    detail = "A unit of the justice system assigns no community advocate."
    what_to_do = "Leave it to a coordinator of a community agency."


class ErasureUnderWay(Refused):
    """What is written now would be destroyed with what is being erased."""

    code = "erasure_under_way"
    detail = "The needs of this survivor are being erased; nothing new is written until it is done."
    what_to_do = "Wait until the timeline says that the erasure is completed, and state it then."


class BeyondRecall(Refused):
    """An erasure that took effect cannot be taken back."""

    code = "beyond_recall"
    because: Because = "gone"
    detail = "The erasure has begun; what was destroyed cannot come back."
    what_to_do = "Tell the survivor at once, and your supervisor: their yes was recorded falsely."


class OnlyTheSurvivor(NotAllowed):
    """Nobody does this for the survivor."""

    code = "only_the_survivor"
    detail = "Only the survivor can do this, with their own code."
    what_to_do = "Leave it to the survivor."


class CodeUnknown(NotFound):
    """Wrong, unknown, malformed: one answer."""

    code = "code_unknown"
    detail = "This code opens nothing."
    what_to_do = "Check the words and their order. Nothing was recorded."


class NoSuchItem(NotFound):
    """Unknown, used, late, foreign: one answer."""

    code = "nothing_to_hand_over"
    detail = "There is nothing to hand over under this disclosure."
    what_to_do = "Ask consent for a disclosure, and take the item once, within a minute."
