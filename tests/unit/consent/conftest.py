from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.eventstore.clock import edge_time
from tests.unit.consent.world import NOON


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Every decision of these tests is made at noon, unless it says another time."""
    with edge_time(NOON):
        yield
