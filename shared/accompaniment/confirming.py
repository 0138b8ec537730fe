"""Who turns a yes that staff recorded into a yes that counts (R71, I16)."""

from __future__ import annotations

from typing import Literal

from shared.accompaniment.refusals import SecondPersonNeeded, TrainingNeeded
from shared.contracts.decision import Decision, RecordedBy

ConfirmedBy = Literal["survivor", "second_person"]


def confirmed_by(
    yes_recorded_by: RecordedBy, confirming: Decision, *, trained: bool
) -> ConfirmedBy:
    """Who confirms it: the survivor, or a second trained person, never who wrote it down.

    ``trained`` is what the edge knows of the one who confirms. ``SecondPersonNeeded``
    or ``TrainingNeeded`` where that is nobody entitled to it.
    """
    if not confirming.told_by_staff:
        return "survivor"
    if confirming.recorded_by.actor_id == yes_recorded_by.actor_id:  # R71
        raise SecondPersonNeeded()
    if not trained:  # R71
        raise TrainingNeeded()
    return "second_person"
