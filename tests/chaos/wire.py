"""The lines to PostgreSQL and to the broker: cut, silent for a while, or slow.

Services are told the address of a line instead of the server's. A line that was
silent, or is slow, delivers late what was sent meanwhile, as a network does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from shared.messaging.assembly import written
from tests.chaos.acknowledged import Acknowledged, now
from tests.chaos.platform import FACING_PEOPLE, Platform, Recovery
from tests.support.eventually import eventually

Mode = Literal["open", "cut", "silent", "slow"]
HEALS_WITHIN = 60.0
"""Seconds, the bar: then everybody who faces people answers again."""

_SOCKET = ".s.PGSQL.5432"


class Line:
    """One proxy, to a folder of PostgreSQL's socket or to a host and port; runs in a thread."""

    def __init__(self, target: Path | tuple[str, int], folder: Path, latency: float) -> None:
        """``latency``: seconds by which a slow line delivers each piece late."""
        self._target, self._folder, self._latency = target, folder, latency
        self._mode: Mode = "open"
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.port = 0

    def start(self) -> Line:
        """Listen: in the folder where the target is one, else on a free port of loopback."""
        self._thread.start()
        self._do(self._listen())
        return self

    def close(self) -> None:
        """Cut everything, and end."""
        self.be("cut")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def be(self, mode: Mode) -> None:
        """From now on."""
        self._do(self._be(mode))

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    async def _listen(self) -> None:
        if isinstance(self._target, Path):
            await asyncio.start_unix_server(self._accept, self._folder / _SOCKET)
            return
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _be(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "cut":
            for writer in list(self._writers):
                writer.transport.abort()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        try:
            if isinstance(self._target, Path):
                there = await asyncio.open_unix_connection(self._target / _SOCKET)
            else:
                there = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there[1]}
        self._writers |= ends
        await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))
        self._writers -= ends

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._delay()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    async def _delay(self) -> None:
        while self._mode == "silent":
            await self._changed.wait()
        if self._mode == "slow":
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self._latency)


@dataclass(frozen=True)
class Trouble:
    """What happens to the line to which of the two, for how many seconds."""

    where: Literal["postgresql", "broker"]
    mode: Mode
    seconds: float


class Lines:
    """Both lines of a platform."""

    def __init__(self, postgres: Line, broker: Line, heal_within: float = HEALS_WITHIN) -> None:
        self._lines = {"postgresql": postgres, "broker": broker}
        self._heal_within = heal_within

    def trouble(self, platform: Platform, trouble: Trouble, told: Acknowledged) -> list[str]:
        """Have it, and then everybody answer again; what is wrong if they do not in time,
        or if somebody was answered over a line on which nothing can have come."""
        findings = []
        line = self._lines[trouble.where]
        line.be(trouble.mode)
        began = now()
        threading.Event().wait(trouble.seconds)
        if trouble.mode in ("cut", "silent") and told.answered_since(None, began):
            findings.append(f"inconsistent: {trouble.where}, {trouble.mode}: answered meanwhile")
        line.be("open")
        healed = now()

        def answered() -> bool:
            return all(told.answered_since(name, healed) for name in FACING_PEOPLE)

        what = f"{trouble.where}, {trouble.mode}"
        try:
            eventually(answered, within=self._heal_within, every=0.05)
        except AssertionError:
            within = f"{self._heal_within:g} s"
            findings.append(f"lost: {what}: not healed within {within}; {platform.standing()}")
        else:
            platform.recoveries.append(Recovery(what, now() - healed))
        return findings


@contextmanager
def lines(platform: Platform, latency: float) -> Iterator[Lines]:
    """Every service behind two lines; at the servers themselves again after the block."""
    made = platform.processes
    folder = made.folder / "line"
    folder.mkdir()
    node = platform.broker.node
    with ExitStack() as stack:
        postgres = Line(Path(made.server.folder), folder, latency).start()
        stack.callback(postgres.close)
        broker = Line((node.host, node.amqp_port), folder, latency).start()
        stack.callback(broker.close)
        _again(
            platform,
            {
                "SAYSO_POSTGRES_HOST": str(folder),
                "SAYSO_BROKER_HOST": "127.0.0.1",
                "SAYSO_BROKER_PORT": str(broker.port),
            },
        )
        try:
            yield Lines(postgres, broker)
        finally:
            _again(platform, {})
            (folder / _SOCKET).unlink(missing_ok=True)
            folder.rmdir()


def _again(platform: Platform, environment: dict[str, str]) -> None:
    for name in written():
        platform.up[name].end()
        platform.up[name] = platform.processes.start(name, environment=environment)
    platform.wait_until_ready()
