"""Why somebody may not write down what a survivor decided."""

from __future__ import annotations

from shared.contracts.refusal import Because, NotAllowed, Refused


class NotAssigned(NotAllowed):
    """The survivor's own advocate records what they say, and nobody else (R21, R71)."""

    code = "not_assigned"


class NoticeNotGiven(Refused):
    """Nothing is collected from a survivor before the limits of confidentiality were told (R22)."""

    code = "notice_not_given"
    detail = "The confidentiality notice for who is helping now has not been given."
    what_to_do = (
        "Read or give the notice for this base first, and record it with its version."
        " A no, a stop or a revocation needs none."
    )


class CaseAtRest(Refused):
    """Nothing is asked of whoever paused or closed their case (R09, R11, I04)."""

    code = "case_at_rest"
    detail = "The survivor paused or closed this case; nothing is asked of them now."
    what_to_do = "Wait. The survivor can reopen it at any time."


class DecidedInTheFuture(Refused):
    """Nobody has decided tomorrow yet."""

    code = "decided_in_the_future"
    because: Because = "invalid"
    detail = "decided_at lies in the future."
    what_to_do = "Give the time at which it was decided, or leave it out."


class SecondPersonNeeded(NotAllowed):
    """Nobody confirms what they recorded themselves (R71)."""

    code = "second_person_needed"
    detail = "A yes recorded by staff is confirmed by the survivor, or by another, trained person."
    what_to_do = "Let the survivor confirm it, or a trained colleague who hears it from them."


class TrainingNeeded(NotAllowed):
    """The second person has been trained for it (R71)."""

    code = "training_needed"
    detail = "Only a trained person may confirm a yes that somebody else recorded."
    what_to_do = "Let the survivor confirm it, or ask a trained colleague to hear it from them."
