"""Guessing possession codes is slow, and beyond a limit in vain; the right code still opens."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from services.gateway.attempts import Attempts, Pace
from services.gateway.limits import Rate
from services.gateway.problems import Problem, bad_request
from services.intake.domain.refusals import CodeUnknown
from shared.contracts.refusal import Refused, Unavailable
from tests.unit.gateway.door import ORDINARY, Door, problem
from tests.unit.gateway.steady import Steady

RIGHT = "the right code"
GUESSER = "203.0.113.9"
PACE = Pace()
EACH, PLENTY = Rate(3, 6), Rate(100_000, 100_000)


@dataclass
class Intake:
    """Knows one code, and notes when each was looked up."""

    time: Steady
    takes: float = 0.0
    looked_up: list[tuple[float, str]] = field(default_factory=list)

    async def look_up(self, code: str) -> str:
        self.looked_up.append((self.time.now, code))
        if self.takes:
            await self.time.sleep(self.takes)
        if code != RIGHT:
            raise CodeUnknown()
        return "opened"


@dataclass
class Tried:
    """Attempts over a simulated intake; ``each`` may fail 3 times, then 6 times a minute."""

    seed: int = 0
    each: Rate = EACH
    together: Rate = PLENTY
    pace: Pace = PACE

    def __post_init__(self) -> None:
        self.time = Steady(self.seed)
        self.intake = Intake(self.time)
        self.attempts = Attempts(self.each, self.together, self.pace, self.time.waiting)

    async def one(self, code: str = "a guess", source: str = GUESSER) -> tuple[str, float]:
        """What came of it, and how many seconds it took."""
        begun = self.time.now
        try:
            came = await self.attempts.make(source, lambda: self.intake.look_up(code))
        except (Problem, Refused) as failed:
            came = failed.code
        return came, self.time.now - begun

    async def all(self, number: int, source: str = GUESSER) -> list[tuple[str, float]]:
        return await asyncio.gather(*(self.one(f"guess {n}", source) for n in range(number)))

    async def guess_for_ever(self, source: str = GUESSER, connections: int = 1) -> None:
        """Asks again at once, whatever the answer; a machine's answer takes it a millisecond."""

        async def connection() -> None:
            while True:
                await self.one(source=source)
                await self.time.sleep(0.001)

        await asyncio.gather(*(connection() for _ in range(connections)))


def test_what_fails_is_answered_at_the_same_time_however_it_failed() -> None:
    tried = Tried(each=Rate(100, 100))

    async def malformed() -> None:
        raise bad_request("not_json", "Not JSON.", "Send JSON.")

    async def seconds(takes: float) -> float:
        tried.intake.takes = takes
        return (await tried.one())[1]

    async def play() -> list[float]:
        begun = tried.time.now
        with pytest.raises(Problem):
            await tried.attempts.make(GUESSER, malformed)
        return [tried.time.now - begun, *[await seconds(takes) for takes in (0, 0.001, 0.4, 0.7)]]

    assert tried.time.run(play()) == pytest.approx([0.5, 0.5, 0.5, 0.5, 1.0])


def test_beyond_the_limit_a_code_is_looked_up_only_when_its_turn_comes() -> None:
    tried = Tried()

    async def play() -> list[tuple[str, float]]:
        return [await tried.one() for _ in range(5)]

    came = tried.time.run(play())
    assert [what for what, _ in came] == ["code_unknown"] * 5
    assert [took for _, took in came] == pytest.approx([0.5, 0.5, 0.5, 1.0, 1.0])


def test_a_hundred_guesses_at_once_are_few_look_ups() -> None:
    tried = Tried()
    came = Counter(what for what, _ in tried.time.run(tried.all(200)))
    drawn = int(PACE.longest / PACE.each)
    assert came["code_unknown"] == 3 + drawn
    assert came["too_many_requests"] == 200 - 3 - drawn
    times = [at for at, _ in tried.intake.looked_up]
    assert times == pytest.approx([0.0] * 3 + [PACE.each * n for n in range(1, drawn + 1)])


def test_whoever_finds_no_place_is_told_at_once_and_not_looked_up() -> None:
    tried = Tried()
    came = tried.time.run(tried.all(PACE.places_each + 50))
    refused_at_once = [what for what, took in came if took == 0]
    assert refused_at_once == ["too_many_requests"] * 50


def test_a_right_code_uses_nothing_up() -> None:
    tried = Tried()

    async def play() -> list[tuple[str, float]]:
        return [await tried.one(RIGHT) for _ in range(50)]

    assert tried.time.run(play()) == [("opened", 0.0)] * 50


def tries_until_in(seed: int, connections: int) -> tuple[int, float]:
    """How often, and how long, a survivor tries beside that many guessers at one address."""
    tried = Tried(seed)

    async def play() -> tuple[int, float]:
        guessing = asyncio.ensure_future(tried.guess_for_ever(connections=connections))
        await tried.time.sleep(5 + tried.time.chance.random())
        begun, tries, came = tried.time.now, 0, ""
        while came != "opened":
            tries += 1
            came, _ = await tried.one(RIGHT)
            if came == "too_many_requests":
                await tried.time.sleep(1)
        guessing.cancel()
        return tries, tried.time.now - begun

    return tried.time.run(play())


@pytest.mark.parametrize(("connections", "tries", "seconds"), [(10, 4, 40), (63, 20, 220)])
def test_a_survivor_behind_the_same_address_as_guessers_still_gets_in(
    connections: int, tries: int, seconds: float
) -> None:
    came = [tries_until_in(seed, connections) for seed in range(25)]
    assert max(tries for tries, _ in came) <= tries
    assert max(took for _, took in came) <= seconds


@pytest.mark.parametrize("lot", [0, 2, -1], ids=["the first", "the third", "the last"])
def test_who_is_looked_up_next_is_drawn_and_not_whoever_came_first(lot: int) -> None:
    """A machine that keeps its place at the head of a line gains nothing by it."""
    tried = Tried()
    tried.attempts = Attempts(
        EACH, PLENTY, PACE, replace(tried.time.waiting, below=lambda number: lot % number)
    )

    async def play() -> None:
        await tried.all(3)
        tried.intake.looked_up.clear()
        await tried.all(5)

    tried.time.run(play())

    left = [f"guess {n}" for n in range(5)]
    drawn = [left.pop(lot % len(left)) for _ in range(5)]
    assert [code for _, code in tried.intake.looked_up] == drawn


def test_guessers_at_one_address_delay_nobody_at_another() -> None:
    tried = Tried()

    async def play() -> tuple[str, float]:
        guessing = asyncio.ensure_future(tried.guess_for_ever(connections=60))
        await tried.time.sleep(30)
        came = await tried.one(RIGHT, "198.51.100.1")
        guessing.cancel()
        return came

    assert tried.time.run(play()) == ("opened", 0.0)


def test_sources_in_a_line_leave_half_of_all_places_to_the_others() -> None:
    tried = Tried(pace=replace(PACE, places=40, places_each=10))

    async def play() -> tuple[list[str], tuple[str, float]]:
        for n in range(6):
            await tried.all(3, f"source {n}")
        waiting = [
            asyncio.ensure_future(tried.all(10, f"source {n}")) for n in range(6)
        ]  # 60 for 20 places
        await tried.time.sleep(0.01)
        fresh = await tried.one(RIGHT, "198.51.100.1")
        return [what for came in await asyncio.gather(*waiting) for what, _ in came], fresh

    came, fresh = tried.time.run(play())
    assert fresh == ("opened", 0.0)
    assert Counter(came)["too_many_requests"] >= 40


def test_guessing_from_everywhere_makes_everybody_wait_a_little_and_nobody_for_ever() -> None:
    tried = Tried(together=Rate(5, 60))

    async def play() -> tuple[str, float]:
        guesses = [asyncio.ensure_future(tried.one(source=f"source {n}")) for n in range(100)]
        await tried.time.sleep(0.001)
        came = await tried.one(RIGHT, "198.51.100.1")
        await asyncio.gather(*guesses)
        return came

    what, took = tried.time.run(play())
    assert what == "opened"
    assert 0 < took <= 101 * PACE.together
    times = [at for at, _ in tried.intake.looked_up]
    assert sum(at < 1 for at in times) <= 5 + 1 / PACE.together


def test_what_fails_because_a_service_is_away_is_nobodys_attempt() -> None:
    tried = Tried()

    async def away() -> None:
        raise Unavailable()

    async def play() -> tuple[str, float]:
        for _ in range(20):
            with pytest.raises(Unavailable):
                await tried.attempts.make(GUESSER, away)
        return await tried.one(RIGHT)

    assert tried.time.run(play()) == ("opened", 0.0)


def test_who_leaves_while_waiting_leaves_the_place_and_is_not_looked_up() -> None:
    tried = Tried()

    async def play() -> list[tuple[str, float]]:
        await tried.all(3)
        there = [asyncio.ensure_future(tried.one("left")) for _ in range(PACE.places_each)]
        await tried.time.sleep(0.001)
        for one in there:
            one.cancel()
        await asyncio.gather(*there, return_exceptions=True)
        return [await tried.one(RIGHT)]

    [(what, took)] = tried.time.run(play())
    assert (what, took <= PACE.each) == ("opened", True)
    assert "left" not in [code for _, code in tried.intake.looked_up]


def test_the_addresses_remembered_are_bounded() -> None:
    tried = Tried()

    async def play() -> None:
        for n in range(12_000):
            await tried.one(RIGHT, f"source {n}")

    tried.time.run(play())
    assert len(tried.attempts._sources) == 10_000


# -- at the door ------------------------------------------------------------------------------


def posted(door: Door, time: Steady, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """All of them at once, from one address."""

    async def play() -> list[httpx.Response]:
        transport = httpx.ASGITransport(door.app, client=(GUESSER, 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await asyncio.gather(*(client.post("/v1/sessions", **one) for one in bodies))

    return time.run(play())


def door_of(time: Steady) -> Door:
    strict = replace(ORDINARY, codes_each=Rate(3, 6))
    door = Door(limits=strict, waiting=time.waiting)
    door.bus.answers["open_session"] = {"refused": CodeUnknown().as_data()}
    return door


def test_at_the_door_what_is_beyond_the_limit_reaches_no_service() -> None:
    time = Steady()
    door = door_of(time)
    answers = posted(door, time, [{"json": {"possession_code": f"guess {n}"}} for n in range(100)])
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[404] == len(door.bus.asked) == 3 + int(PACE.longest / PACE.each)
    assert statuses[429] == 100 - statuses[404]
    for answer in answers:
        if answer.status_code == 429:
            assert problem(answer)["code"] == "too_many_requests"
            assert int(answer.headers["Retry-After"]) >= 1


def test_at_the_door_every_unknown_code_is_answered_in_the_same_bytes() -> None:
    time = Steady()
    door = door_of(time)
    codes = ["x", "never issued " * 9, "amber heron quiet willow", "\u00e9"]
    answers = posted(door, time, [{"json": {"possession_code": code}} for code in codes[:3]])
    answers += posted(door, time, [{"json": {"possession_code": codes[3]}}])
    seen = {
        (
            answer.status_code,
            answer.text.replace(answer.headers["X-Correlation-ID"], ""),
            tuple(k for k, _ in answer.headers.items()),
        )
        for answer in answers
    }
    assert len(seen) == 1


def test_at_the_door_what_cannot_be_read_counts_and_waits_like_a_wrong_code() -> None:
    time = Steady()
    door = door_of(time)
    answers = posted(door, time, [{"content": b"{"}] * 100)
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[429] == 100 - 3 - int(PACE.longest / PACE.each)
    assert door.bus.asked == []
