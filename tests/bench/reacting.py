"""From a request over HTTP to what another service stored because of it, at a steady pace."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterable
from contextlib import closing, contextmanager
from typing import Any
from uuid import UUID

import aiohttp
import httpx
import psycopg2

from infra.demo.credentials import Held
from tests.bench.figures import Sample
from tests.bench.people import Survivor, begun, key
from tests.support.eventually import eventually

PACE = 50
"""Decisions a second that another service reacts to; half as many more that nobody does."""

LOOK_EVERY = 0.005

KEPT_ALIVE = 2.0
"""Seconds; the gateway keeps a connection for longer, so none is used that it is just closing."""


class Watcher:
    """Looks at a service's log all the time and notes when each event was first there."""

    def __init__(self, dsn: str) -> None:
        self.seen: dict[tuple[UUID, int], float] = {}
        self._dsn = dsn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.failed: BaseException | None = None

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            with closing(psycopg2.connect(self._dsn)) as connection:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    self._look(cursor)
        except BaseException as error:
            self.failed = error

    def _look(self, cursor: Any) -> None:
        last = 0
        while not self._stopping.is_set():
            cursor.execute(
                "SELECT position, originator_id::text, originator_version FROM events"
                " WHERE position > %s ORDER BY position",
                (last,),
            )
            rows = cursor.fetchall()
            now = time.perf_counter()
            for last, stream, version in rows:  # noqa: B007 - the last one is where it goes on
                self.seen[UUID(stream), version] = now
            self._stopping.wait(LOOK_EVERY)


@contextmanager
def people(address: str, held: Held, consent_dsn: str) -> Any:
    """Survivors and a watcher of consent's log, for as many repeats as wanted."""
    survivors = begun(address, held)
    with Watcher(consent_dsn) as watcher:
        yield survivors, watcher


def reactions(address: str, survivors: list[Survivor], watcher: Watcher, seconds: float) -> Sample:
    """Each from the moment at which its request was due to be sent, whenever it was sent.

    A platform that falls behind is not asked less often: it is late.
    """
    expected = asyncio.run(_decide(address, survivors, seconds))
    wanted = {place for place, _ in expected}

    def all_seen() -> bool:
        if watcher.failed:
            raise watcher.failed
        return wanted <= watcher.seen.keys()

    eventually(all_seen, within=60)
    began = min(due for _, due in expected)
    seen = [(watcher.seen[place], due) for place, due in expected]
    if any(at <= due for at, due in seen):
        raise RuntimeError("a reaction was seen before its request: this measures something else")
    return Sample([at - began for at, _ in seen], [at - due for at, due in seen])


Expected = list[tuple[tuple[UUID, int], float]]


async def _decide(address: str, survivors: list[Survivor], seconds: float) -> Expected:
    cycles = max(1, round(seconds * PACE / len(survivors) / 2))
    every = 1 / (PACE * 1.5)
    async with aiohttp.ClientSession(
        address,
        timeout=aiohttp.ClientTimeout(30),
        connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=KEPT_ALIVE),
    ) as http:
        begin = time.perf_counter() + 0.2
        plays = (
            _play(http, survivor, begin + number * every, every * len(survivors), cycles)
            for number, survivor in enumerate(survivors)
        )
        return [place for played in await asyncio.gather(*plays) for place in played]


async def _play(
    http: aiohttp.ClientSession, survivor: Survivor, due: float, every: float, cycles: int
) -> Expected:
    expected: Expected = []
    steps = survivor.steps()
    for _ in range(3 * cycles):
        path, headers, body, reacted = next(steps)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        async with http.post(path, json=body, headers={**headers, **key()}) as answer:
            said = await answer.text()
        if not answer.ok:
            raise RuntimeError(f"{path}: {answer.status} {said[:300]}")
        if reacted:
            survivor.version += 1
            expected.append(((survivor.stream, survivor.version), due))
        due += every
    return expected


def over_http(address: str, survivors: Iterable[Survivor], count: int) -> Sample:
    """One person after the other decides: request to answer."""
    done: list[float] = []
    took: list[float] = []
    plays = [(survivor, survivor.steps()) for survivor in survivors]
    with httpx.Client(base_url=address, timeout=30) as http:
        http.get("/health/live")
        began = time.perf_counter()
        for number in range(0, count - count % 3, 3):
            survivor, steps = plays[number // 3 % len(plays)]
            for _ in range(3):
                path, headers, body, reacted = next(steps)
                start = time.perf_counter()
                answer = http.post(path, json=body, headers={**headers, **key()})
                end = time.perf_counter()
                if not answer.is_success:
                    raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:300]}")
                survivor.version += reacted
                done.append(end - began)
                took.append(end - start)
    return Sample(done, took)
