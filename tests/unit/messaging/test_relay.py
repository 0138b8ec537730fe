from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.messaging.announcement import Announcement
from shared.messaging.relay import BATCH, NotAlone, Relay
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


def test_the_cursor_is_asked_for_once_and_again_after_whatever_failed() -> None:
    asked: list[int] = []

    class Asked(Log):
        def cursor(self) -> int:
            asked.append(self.at)
            return super().cursor()

    log, broken = Asked(ENTRIES, visible=150), [False, True, False]

    def publish(batch: Sequence[Announcement]) -> None:
        if broken.pop(0):
            raise ConnectionError

    relay = Relay("intake", log, publish)
    relay.run_once()
    with pytest.raises(ConnectionError):
        relay.run_once()
    relay.run_once()
    assert relay.run_once() == 0
    assert (asked, log.at) == ([0, 100], 150)


def test_a_relay_whose_cursor_somebody_else_moved_goes_on_from_there() -> None:
    log, sent = Log(ENTRIES, visible=100), []
    relay = Relay("intake", log, sent.extend)
    relay.run_once()
    log.visible, log.at = 150, 120
    with pytest.raises(NotAlone):
        relay.run_once()
    relay.run_once()
    assert log.at == 150
    assert [a.position for a in sent[-30:]] == list(range(121, 151))


def test_a_relay_whose_store_was_put_back_while_it_was_quiet_announces_from_there_again() -> None:
    log, sent = Log(ENTRIES, visible=10), []
    relay = Relay("intake", log, sent.extend)
    relay.run_once()
    log.visible, log.at = 9, 5
    relay.run_once()
    relay.run_once()
    assert [a.position for a in sent[10:]] == [6, 7, 8, 9]
    assert log.at == 9


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
