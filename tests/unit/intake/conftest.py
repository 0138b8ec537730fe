from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.eventstore.clock import edge_time
from tests.support.examples import NOON


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Every decision of these tests is made at noon."""
    with edge_time(NOON):
        yield
