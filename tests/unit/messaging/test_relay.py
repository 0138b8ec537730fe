from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.messaging.announcement import Announcement
from shared.messaging.relay import BATCH, Relay
from tests.unit.messaging.world import Log, announcement

ENTRIES = [announcement(n, n - 1) for n in range(1, 151)]


def test_the_log_is_announced_in_its_order_and_batches() -> None:
    log, sent = Log(ENTRIES, visible=150), []
    relay = Relay("intake", log, sent.extend)
    assert [relay.run_once() for _ in range(3)] == [BATCH, 50, 0]
    assert sent == ENTRIES


def test_the_cursor_stays_where_it_was_when_the_broker_did_not_confirm() -> None:
    log = Log(ENTRIES, visible=150)

    def lose(batch: Sequence[Announcement]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        Relay("intake", log, lose).run_once()
    assert log.at == 0


def test_a_batch_that_was_confirmed_in_part_is_announced_again_from_its_beginning() -> None:
    log, sent = Log(ENTRIES, visible=3), []

    def lose_the_last(batch: Sequence[Announcement]) -> None:
        sent.extend(batch[:-1])
        if len(sent) < 3:
            raise ConnectionError
        sent.append(batch[-1])

    relay = Relay("intake", log, lose_the_last)
    with pytest.raises(ConnectionError):
        relay.run_once()
    relay.run_once()
    assert [a.position for a in sent] == [1, 2, 1, 2, 3]
    assert log.at == 3
