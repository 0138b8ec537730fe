"""Which decisions may be stored without asking first."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.eventstore.batch import Decision
from shared.eventstore.work import DueRow

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "condition",
    [
        Decision(due=DueRow("close", "1", NOON)),
        Decision(requires=(("SELECT true", ()),)),
        Decision(expects=(("SELECT true", ()),)),
        Decision(relies_on=((uuid4(), 3),)),
    ],
)
def test_a_condition_that_no_unique_key_tells_is_asked_beforehand(condition: Decision) -> None:
    assert not condition.is_told_by_keys
    assert Decision(message=("intake", 1)).is_told_by_keys
