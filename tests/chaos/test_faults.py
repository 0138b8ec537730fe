"""Services, broker and PostgreSQL killed under load: nothing lost, twice or out of order.

Sizes of ``make test``; ``make soak`` runs the same with the full figures. A
row that fails says how its seed is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from shared.messaging.assembly import written
from tests.chaos import checker, rows, sizes
from tests.chaos.acknowledged import Acknowledged
from tests.chaos.announced import Heard
from tests.chaos.plants import (
    PLANTS,
    Plant,
    a_taking_gone,
    an_end_before_a_disclosure,
    an_end_before_a_taking,
    undone,
)
from tests.chaos.platform import Platform
from tests.chaos.platform import platform as a_platform
from tests.chaos.sizes import CI
from tests.chaos.steps import STEPS
from tests.chaos.withdrawing import disclosed_late, handed_over_untaken
from tests.support.rabbitmq import RabbitMQ


@pytest.fixture(scope="module")
def platform(rabbitmq: RabbitMQ) -> Iterator[Platform]:
    rabbitmq.also({})
    with a_platform(rabbitmq) as running:
        yield running


def held(result: rows.Result) -> rows.Result:
    """Nothing was found; and there was something that could have been."""
    again = f"again: make soak ONLY={result.row} SEED={result.seed}"
    assert result.findings == [], again
    assert result.acknowledged > result.faults
    print(f"{result.row} seed {result.seed}: {result.recoveries or result.crashed}")
    return result


@pytest.mark.parametrize("seed", range(CI.kills))
def test_services_killed_under_load_lose_repeat_and_reorder_nothing(
    platform: Platform, seed: int
) -> None:
    result = held(rows.kills(platform, seed))
    heard = platform.listening.up_to_now()
    assert heard.complete, "nothing was wiped yet: each message is looked for"
    assert {"intake", "consent"} <= set(heard.positions)
    assert result.faults == sizes.KILLS
    assert sum(map(len, result.recoveries.values())) == sizes.KILLS
    assert set(result.recoveries) == {f"service {name}" for name in written()}


@pytest.mark.parametrize("seed", range(CI.steps))
def test_a_crash_at_every_named_step_loses_repeats_and_reorders_nothing(
    platform: Platform, seed: int
) -> None:
    result = held(rows.steps(platform, seed, CI.services_of_a_step))
    assert result.crashed == dict.fromkeys(STEPS, CI.services_of_a_step)


@pytest.mark.parametrize("seed", range(CI.postgres))
def test_postgresql_killed_under_load_loses_no_acknowledged_decision(
    platform: Platform, seed: int
) -> None:
    result = held(rows.postgres(platform, seed))
    assert result.recoveries.keys() == {"postgresql"}
    assert result.faults == sizes.POSTGRES


@pytest.mark.parametrize("seed", range(CI.broker))
def test_a_broker_killed_and_wiped_under_load_loses_repeats_and_reorders_nothing(
    platform: Platform, seed: int
) -> None:
    result = held(rows.broker(platform, seed, wiped=CI.wiped))
    assert len(result.recoveries["broker, wiped"]) == CI.wiped
    assert result.faults == sizes.BROKER


@pytest.mark.parametrize("seed", range(CI.poison))
def test_messages_that_cannot_be_heard_stop_their_own_streams_alone(
    platform: Platform, seed: int
) -> None:
    assert held(rows.poison(platform, seed)).faults >= sizes.POISON


@pytest.mark.rule("R09")
@pytest.mark.rule("I03")
@pytest.mark.parametrize("seed", range(CI.withdrawals))
def test_nothing_is_disclosed_after_a_withdrawal_whoever_decides_at_once(
    platform: Platform, seed: int
) -> None:
    held(rows.withdrawals(platform, seed, sizes.CI_HISTORIES))
    with undone(platform.connection) as connect:
        assert disclosed_late(connect) == []
        an_end_before_a_disclosure(connect)
        assert disclosed_late(connect) != []
    with undone(platform.connection) as connect:
        assert handed_over_untaken(connect) == []
        an_end_before_a_taking(connect)
        assert disclosed_late(connect) != []
    with undone(platform.connection) as connect:
        a_taking_gone(connect)
        assert len(handed_over_untaken(connect)) == 1


@pytest.mark.rule("I03")
@pytest.mark.parametrize("seed", range(CI.clock))
def test_clocks_that_jump_by_years_disturb_no_order_and_open_no_release(
    platform: Platform, seed: int
) -> None:
    held(rows.clock(platform, seed))


@pytest.mark.parametrize("seed", range(CI.wires))
def test_lines_that_are_cut_or_silent_lose_nothing_and_heal(platform: Platform, seed: int) -> None:
    result = held(rows.wires(platform, seed, sizes.CI_TROUBLES))
    assert sum(map(len, result.recoveries.values())) == len(sizes.CI_TROUBLES)


@pytest.fixture(scope="module")
def told(platform: Platform) -> Acknowledged:
    """What people were told in a while without any fault."""
    _, told = rows.quiet(platform, 0)
    return told


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_violation_is_found(platform: Platform, told: Acknowledged, plant: Plant) -> None:
    kind, words = PLANTS[plant]
    with undone(platform.connection) as connect:
        plant(connect)
        found = checker.check(connect, told, platform.listening.up_to_now())
    assert any(finding.kind == kind and words in finding.what for finding in found), found[:5]


def never(positions: list[int]) -> None:
    """A message was never handed to the broker."""
    gone = positions[len(positions) // 2]
    positions[:] = [position for position in positions if position != gone]


def too_early(positions: list[int]) -> None:
    """A message overtook another."""
    positions.insert(0, positions[-1])


def never_stored(positions: list[int]) -> None:
    """A message is of nothing that is in the log."""
    positions.append(10**9)


@pytest.mark.parametrize(
    ("plant", "kind", "words"),
    [
        (never, "lost", "the broker was never given ["),
        (too_early, "reordered", "was announced after"),
        (never_stored, "inconsistent", "the broker was given [1000000000] of consent"),
    ],
)
def test_what_the_broker_was_given_is_held_against_the_log(
    platform: Platform,
    told: Acknowledged,
    plant: Callable[[list[int]], None],
    kind: str,
    words: str,
) -> None:
    # As if nothing had been wiped here before: whatever is in the logs was announced.
    logs = checker.Books(platform.connection).logs
    published = {
        service: [event.position for event in log if event.previous is not None]
        for service, log in logs.items()
    }
    assert checker.check(platform.connection, told, Heard(published)) == []
    plant(published["consent"])
    found = checker.check(platform.connection, told, Heard(published))
    assert any(finding.kind == kind and words in finding.what for finding in found), found[:5]


def test_nothing_planted_stays_and_nothing_else_is_found(
    platform: Platform, told: Acknowledged
) -> None:
    assert rows.found(platform, told) == []


def test_a_process_that_does_not_die_where_it_should_is_noticed(platform: Platform) -> None:
    """The ledger acknowledges no message, so it never comes to that step."""
    from tests.chaos.steps import Doom

    died = platform.crash("audit", Doom("after_ack"))
    doomed = platform.up["audit"]
    doomed.end(9)
    assert "should have died at after_ack" in (died() or "")
    platform.wait_until_ready()
