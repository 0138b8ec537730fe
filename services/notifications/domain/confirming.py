"""Who may turn a yes that staff recorded into a yes that counts (R71)."""

from __future__ import annotations

from typing import Literal

from shared.contracts.decision import Decision
from shared.contracts.refusal import Because, Refused

ConfirmedBy = Literal["survivor", "second_person"]


class SecondPersonNeeded(Refused):
    """The person who recorded a yes cannot also be the one who confirms it."""

    code = "second_person_needed"
    because: Because = "not_allowed"
    detail = "You recorded this yourself; somebody else has to hear it from the survivor."
    what_to_do = "Let the survivor confirm it, or a second trained person who hears it from them."


class TrainingNeeded(Refused):
    """Only trained staff may be the second person."""

    code = "training_needed"
    because: Because = "not_allowed"
    detail = "A second person who confirms must be trained for it."
    what_to_do = "Let the survivor confirm it, or a trained colleague who hears it from them."


def confirmed_by(recorded: Decision, confirming: Decision, *, trained: bool) -> ConfirmedBy:
    """Who confirms ``recorded`` by ``confirming``; refuses where that is nobody entitled to it.

    ``trained`` is what the edge knows of the one who confirms.
    """
    # R71: the survivor, or a second trained person; never the one who wrote it down.
    if not confirming.told_by_staff:
        return "survivor"
    if confirming.recorded_by.actor_id == recorded.recorded_by.actor_id:
        raise SecondPersonNeeded()
    if not trained:
        raise TrainingNeeded()
    return "second_person"
