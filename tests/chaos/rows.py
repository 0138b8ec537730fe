"""The rows of faults, each in pieces of one seed: what is killed when, and what is held against it.

A seed fixes the schedule and what everybody decides. When each of it happens on
a machine that does other things too cannot be fixed; in memory
(``tests.chaos.simulation``) it is.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from shared.messaging.assembly import written
from tests.chaos import checker, sizes
from tests.chaos import poison as poisoning
from tests.chaos.acknowledged import Acknowledged, now
from tests.chaos.clock import Clocks, jumps, wrong_clocks
from tests.chaos.people import People
from tests.chaos.platform import COMES_BACK, Platform
from tests.chaos.simulation import judge, simulate
from tests.chaos.steps import STEPS, Doom, crashes
from tests.chaos.wire import Trouble, lines
from tests.chaos.withdrawing import Withdrawing, disclosed_late, handed_over_untaken, two_deciding
from tests.support.eventually import eventually

COMMANDS_BETWEEN = 25
"""At most so many acknowledged commands between a fault and the next."""
RESTS_WITHIN = 90.0
PATIENCE = 5.0
"""Seconds until a person whom nobody answers asks again."""


@dataclass
class Result:
    """One piece: how many faults, how much was acknowledged, and what was found."""

    row: str
    seed: int
    faults: int = 0
    acknowledged: int = 0
    findings: list[str] = field(default_factory=list)
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    crashed: dict[str, int] = field(default_factory=dict)
    """Step → how many processes died there."""


def simulation(seed: int) -> Result:
    """One history in memory."""
    history = simulate(seed)
    faults = sum(line.startswith(("a process", "the broker")) for line in history.trace)
    return Result("simulation", seed, faults, len(history.log.entries), judge(history))


def kills(platform: Platform, seed: int) -> Result:
    """SIGKILLs of services, one after another, often before the last has come back."""
    rng = random.Random(f"kills/{seed}")
    plan = [(rng.choice(written()), rng.randrange(COMMANDS_BETWEEN)) for _ in range(sizes.KILLS)]
    with _under_load(platform, "kills", seed) as (result, told):
        coming: dict[str, threading.Thread] = {}
        for victim, commands in plan:
            if victim in coming:
                coming[victim].join()
            _so_many_more(told, commands)
            coming[victim] = platform.kill_service(victim, told)
            result.faults += 1
        for recovering in coming.values():
            recovering.join()
    return result


def broker(platform: Platform, seed: int, wiped: int = sizes.FULL.wiped) -> Result:
    """Kills of the broker, some of them with its data gone."""
    rng = random.Random(f"broker/{seed}")
    empty = set(rng.sample(range(sizes.BROKER), wiped))
    with _under_load(platform, "broker", seed) as (result, told):
        for number in range(sizes.BROKER):
            _so_many_more(told, rng.randrange(COMMANDS_BETWEEN))
            platform.kill_broker(told, wiped=number in empty).join()
            result.faults += 1
    return result


def postgres(platform: Platform, seed: int) -> Result:
    """Kills of every process of PostgreSQL."""
    rng = random.Random(f"postgres/{seed}")
    with _under_load(platform, "postgres", seed) as (result, told):
        for _ in range(sizes.POSTGRES):
            _so_many_more(told, rng.randrange(COMMANDS_BETWEEN))
            platform.kill_postgres(told).join()
            result.faults += 1
    return result


def steps(
    platform: Platform, seed: int, services_each: int = sizes.FULL.services_of_a_step
) -> Result:
    """A crash at every named step of services that take it, of several services at once."""
    rng = random.Random(f"steps/{seed}")
    named = crashes(services_each, rng.shuffle)
    left = [(step, service, rng.randrange(1, 6)) for step, service in named]
    rng.shuffle(left)
    with _under_load(platform, "steps", seed) as (result, told):
        result.crashed = dict.fromkeys(STEPS, 0)
        while left:
            # One step of each service at the same time.
            now_doomed = {service: (step, time) for step, service, time in reversed(left)}
            left = [one for one in left if now_doomed[one[1]] != (one[0], one[2])]
            died = {
                service: platform.crash(service, Doom(step, time))
                for service, (step, time) in now_doomed.items()
            }
            # Side by side: while one that died is not started again, others may not get to die.
            with ThreadPoolExecutor(len(died)) as waiting:
                came = dict(zip(died, waiting.map(lambda wait: wait(), died.values()), strict=True))
            for service, instead in came.items():
                result.faults += 1
                if instead is None:
                    result.crashed[now_doomed[service][0]] += 1
                else:
                    result.findings.append(instead)
            platform.wait_until_ready()
            _so_many_more(told, 1)
    return result


def poison(platform: Platform, seed: int) -> Result:
    """Messages on which their follower always fails, until it does not any more."""
    with _under_load(platform, "poison", seed) as (result, told), poisoning.poisoned(platform):
        patience = now() + COMES_BACK
        while poisoning.met(platform) < sizes.POISON and now() < patience:
            _so_many_more(told, 5)
        result.faults = poisoning.met(platform)
        if result.faults < sizes.POISON:
            result.findings.append(f"only {result.faults} of {sizes.POISON} messages were poison")
        result.findings += poisoning.others_stopped(platform)
    return result


def withdrawals(platform: Platform, seed: int, histories: int = sizes.HISTORIES) -> Result:
    """Releases given, withdrawn, asked for and taken at the same moment; a history is a fault."""
    result = Result("withdrawals", seed, faults=histories)
    told = Acknowledged(platform.processes.folder / f"withdrawals-{seed}-{uuid4().hex[:6]}.jsonl")
    with two_deciding(platform, "consent"):
        result.findings += Withdrawing(platform, told).played(told.path.stem, histories)
    told.close()
    result.acknowledged = told.count
    result.findings += disclosed_late(platform.connection)
    result.findings += handed_over_untaken(platform.connection) + found(platform, told)
    return result


def clock(platform: Platform, seed: int) -> Result:
    """Every clock a year ahead, a year behind, and right again, in an order of the seed's."""
    result = Result("clock", seed)
    name = f"clock-{seed}-{uuid4().hex[:6]}"
    told = Acknowledged(platform.processes.folder / f"{name}.jsonl")
    file = platform.processes.folder / f"{name}.off"
    with wrong_clocks(platform, file):
        people = Clocks(platform, file, told)
        people.begin()
        for off in jumps(seed):
            people.jump(off)
            result.faults += 1
    told.close()
    result.acknowledged = told.count
    result.findings += people.findings + found(platform, told)
    return result


def wires(platform: Platform, seed: int, troubles: tuple[Trouble, ...] = sizes.TROUBLES) -> Result:
    """The lines to PostgreSQL and the broker cut, silent and slow, in an order of the seed's."""
    order = list(troubles)
    random.Random(f"wires/{seed}").shuffle(order)
    with (
        lines(platform, sizes.LATENCY) as both,
        _under_load(platform, "wires", seed) as (
            result,
            told,
        ),
    ):
        for trouble in order:
            _so_many_more(told, 5)
            result.findings += both.trouble(platform, trouble, told)
            result.faults += 1
    return result


def quiet(platform: Platform, seed: int) -> tuple[Result, Acknowledged]:
    """A while of load without any fault."""
    with _under_load(platform, "quiet", seed) as (result, told):
        _so_many_more(told, 6 * COMMANDS_BETWEEN)
    return result, told


ROWS: dict[str, Callable[[Platform, int], Result]] = {
    "kills": kills,
    "broker": broker,
    "postgres": postgres,
    "steps": steps,
    "poison": poison,
    "withdrawals": withdrawals,
    "clock": clock,
    "wires": wires,
}
"""The rows that need a platform."""


@contextmanager
def _under_load(platform: Platform, row: str, seed: int) -> Iterator[tuple[Result, Acknowledged]]:
    """People act meanwhile; afterwards, at rest, everything is checked."""
    result = Result(row, seed)
    before = len(platform.recoveries)
    told = Acknowledged(platform.processes.folder / f"{row}-{seed}-{uuid4().hex[:6]}.jsonl")
    people = People(f"{row}/{seed}", platform.processes.caller(patience=PATIENCE), told)
    with people:
        _so_many_more(told, COMMANDS_BETWEEN)
        yield result, told
        platform.wait_until_ready()
    told.close()
    result.acknowledged = told.count
    result.findings += people.refused
    for recovery in platform.recoveries[before:]:
        result.recoveries.setdefault(recovery.what, []).append(round(recovery.seconds, 2))
        if recovery.instead:
            result.findings.append(f"{recovery.what} did not recover: {recovery.instead}")
    result.findings += found(platform, told)


def found(platform: Platform, told: Acknowledged) -> list[str]:
    """Wait until everything is at rest, then hold all of it against what people were told.

    Something may fall due while it is looked at, a lease that ends, an erasure that is
    complete: then the ledger is behind for a moment, and all of it is looked at again.
    """
    findings: list[str] = []

    def looked_at_in_peace() -> bool:
        ends = checker.ends(platform.connection)
        waiting = checker.at_rest(platform.connection)
        assert not waiting, waiting
        checked = checker.check(platform.connection, told, platform.listening.up_to_now())
        findings[:] = [str(finding) for finding in checked]
        assert checker.ends(platform.connection) == ends, "a log went on meanwhile"
        return True

    try:
        eventually(looked_at_in_peace, within=RESTS_WITHIN, every=0.2)
    except AssertionError as never:
        findings.append(f"not at rest within {RESTS_WITHIN} s: {never}")
    verified = platform.processes.audit("verify")
    if verified.returncode:
        findings.append(f"sayso audit verify: {verified.stdout[-1000:]}{verified.stderr[-1000:]}")
    return findings


def _so_many_more(told: Acknowledged, commands: int) -> None:
    """Wait for so many more acknowledgements; on a slow machine not for ever."""
    until, last = told.count + commands, now() + COMES_BACK
    pause = threading.Event()
    while told.count < until and now() < last:
        pause.wait(0.02)
