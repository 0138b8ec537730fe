"""The bench against a real PostgreSQL, in miniature."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.bench import appending, ledger, replaying
from tests.bench.figures import FLOOR, ONE_BY_ONE, PEER
from tests.bench.sizes import Sizes
from tests.integration.eventstore.probe import Probe
from tests.support.postgres import postgres_dsn

__all__ = ["postgres_dsn"]

TINY = Sizes(
    full=False, repeats=3, decisions=64, small_log=100, full_log=1_000, flat_decisions=64,
    flat_repeats=3, replayed=200, leaves=1_000,
)  # fmt: skip


def silent(_: str) -> None:
    return


def test_every_variant_stores_what_it_says_and_a_planted_slowness_shows(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = appending.measure(postgres_dsn, TINY, silent)
    assert [row.writers for row in before] == [1, 8, 32]
    assert all(row.ratio(variant) for row in before for variant in (FLOOR, PEER, ONE_BY_ONE))
    assert [row.count for row in before] == [3 * 64] * 3
    assert len(appending.bars(before)) == 3

    run = Probe.run

    def slow(self: Probe, *asked: Any) -> Any:
        done = run(self, *asked)
        until = time.perf_counter() + 0.02
        while time.perf_counter() < until:
            pass
        return done

    monkeypatch.setattr(Probe, "run", slow)
    after = appending.measure(postgres_dsn, TINY, silent)
    for fast, slowed in zip(before, after, strict=True):
        assert (slowed.ratio(PEER) or 0) < (fast.ratio(PEER) or 0) / 2
        assert (slowed.ratio(ONE_BY_ONE) or 0) < (fast.ratio(ONE_BY_ONE) or 0) / 2


def test_a_log_filled_beforehand_is_measured_as_one_that_grew(postgres_dsn: str) -> None:
    [bar] = appending.flatness(postgres_dsn, TINY, silent)
    assert bar.figure > 0
    assert bar.bar == 0.9


def test_a_replay_reads_every_event_of_a_log(postgres_dsn: str) -> None:
    [row], bars = replaying.measure(postgres_dsn, TINY, silent)
    assert row.count == 3 * 200
    assert row.ratio(PEER)
    assert [bar.bar for bar in bars] == [40_000, 40_000]


def test_the_ledger_is_taken_in_signed_and_audited(postgres_dsn: str) -> None:
    taken, audited = ledger.measure(postgres_dsn, TINY, silent)
    assert taken.count == 3 * (TINY.leaves // 5)
    assert audited.count == 3 * TINY.leaves
    assert taken.ratio(FLOOR)
    assert audited.ratio(FLOOR)
