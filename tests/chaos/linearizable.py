"""Whether answers that overlapped are those of some order in which they did not.

Herlihy and Wing, "Linearizability" (1990): each operation takes effect at one
moment between its question and its answer. Histories here are short, so every
order is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """What was asked from when to when, and what was answered."""

    name: str
    asked: float
    answered: float
    answer: str


Spec = Callable[[str, str], tuple[str, str]]
"""(state, name of the operation) → (its answer there, the state after it)."""


def is_linearizable(history: Sequence[Operation], begins: str, spec: Spec) -> bool:
    """Whether some order of ``history``, from the state ``begins``, gives these answers.

    Whoever was answered before another asked comes before them in it.
    """
    tried: set[tuple[frozenset[Operation], str]] = set()

    def rest(left: frozenset[Operation], state: str) -> bool:
        if not left:
            return True
        if (left, state) in tried:
            return False
        tried.add((left, state))
        first_answer = min(operation.answered for operation in left)
        for operation in left:
            if operation.asked > first_answer:
                continue
            answer, after = spec(state, operation.name)
            if answer == operation.answer and rest(left - {operation}, after):
                return True
        return False

    return rest(frozenset(history), begins)
