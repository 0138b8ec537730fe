"""Lines do to what they carry what they are told to, and who judges them knows when it is wrong."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.acknowledged import Acknowledged, Acknowledgement, now
from tests.chaos.platform import FACING_PEOPLE, Recovery
from tests.chaos.wire import Line, Lines, Mode, Trouble
from tests.support.eventually import eventually

LATENCY = 0.5


class Echo:
    """A server that sends back what it is sent, on a free port of loopback."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listening.getsockname()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(one,), daemon=True).start()

    @staticmethod
    def _answer(one: socket.socket) -> None:
        with one, suppress(OSError):
            while data := one.recv(1024):
                one.sendall(data)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    with ExitStack() as stack:
        echo = Echo()
        stack.callback(echo.close)
        made = Line(echo.address, tmp_path, LATENCY).start()
        stack.callback(made.close)
        yield made


def connected(line: Line) -> socket.socket:
    return socket.create_connection(("127.0.0.1", line.port), timeout=10)


def came_back(one: socket.socket, within: float) -> bool:
    """Whether an echo comes; nothing of it is taken where it does not."""
    one.settimeout(within)
    try:
        return one.recv(4) == b"echo"
    except TimeoutError:
        return False


def test_an_open_line_carries_both_ways(line: Line) -> None:
    with closing(connected(line)) as one:
        one.sendall(b"echo")
        assert came_back(one, 10)


def test_a_line_that_is_cut_ends_who_is_on_it_and_whoever_comes(line: Line) -> None:
    with closing(connected(line)) as one:
        one.sendall(b"echo")
        assert came_back(one, 10)
        line.be("cut")
        for cut in (one, connected(line)):
            with closing(cut), suppress(ConnectionError):
                assert cut.recv(1) == b""
    line.be("open")
    with closing(connected(line)) as one:
        one.sendall(b"echo")
        assert came_back(one, 10)


def test_a_silent_line_carries_nothing_and_then_all_that_was_sent(line: Line) -> None:
    with closing(connected(line)) as one:
        line.be("silent")
        one.sendall(b"echo")
        assert not came_back(one, 0.3)
        line.be("open")
        assert came_back(one, 10)


def test_a_slow_line_is_late_by_its_latency_each_way(line: Line) -> None:
    with closing(connected(line)) as one:
        line.be("slow")
        began = time.monotonic()
        one.sendall(b"echo")
        assert came_back(one, 10)
        assert time.monotonic() - began >= 2 * LATENCY


class Standing:
    """As much of a platform as is asked about a line."""

    def __init__(self) -> None:
        self.recoveries: list[Recovery] = []

    def standing(self) -> str:
        return "intake: not ready"


class Person:
    """Somebody who asks every service for an echo again and again, and is told what comes."""

    def __init__(self, ask: Callable[[], bool], told: Acknowledged) -> None:
        self._ask, self._told = ask, told
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Person:
        self._thread.start()
        eventually(lambda: self._told.count)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            at = now()
            if self._ask():
                for service in FACING_PEOPLE:
                    self._told.note(Acknowledgement(service, "m", "s", "c", {}), at)
            self._stopping.wait(0.01)


def over(line: Line) -> Callable[[], bool]:
    """Asks over the line, on a connection each time, as one does whose last one broke."""

    def ask() -> bool:
        with suppress(OSError), closing(connected(line)) as one:
            one.sendall(b"echo")
            return came_back(one, 0.2)
        return False

    return ask


def troubled(
    line: Line, mode: Mode, folder: Path, ask: Callable[[], bool] | None = None
) -> tuple[list[str], list[Recovery]]:
    told = Acknowledged(folder / "told.jsonl")
    platform: Any = Standing()
    with Person(ask or over(line), told):
        trouble = Trouble("broker", mode, 0.4)
        findings = Lines(line, line, heal_within=3.0).trouble(platform, trouble, told)
    told.close()
    return findings, platform.recoveries


@pytest.mark.parametrize("mode", ["cut", "silent", "slow"])
def test_who_answers_again_breaks_nothing_and_how_soon_is_noted(
    line: Line, tmp_path: Path, mode: Mode
) -> None:
    findings, recoveries = troubled(line, mode, tmp_path)
    assert findings == []
    assert [recovery.what for recovery in recoveries] == [f"broker, {mode}"]


@pytest.mark.parametrize("mode", ["cut", "silent", "slow"])
def test_whoever_never_answers_again_is_found(line: Line, tmp_path: Path, mode: Mode) -> None:
    asked: list[bool] = []

    def once() -> bool:
        asked.append(True)
        return len(asked) == 1

    findings, recoveries = troubled(line, mode, tmp_path, once)
    assert findings == [f"lost: broker, {mode}: not healed within 3 s; intake: not ready"]
    assert recoveries == []


@pytest.mark.parametrize("mode", ["cut", "silent"])
def test_an_answer_that_did_not_need_the_line_is_found(
    line: Line, tmp_path: Path, mode: Mode
) -> None:
    """It was acknowledged and not stored; or nobody was on the line, and nothing is shown."""
    findings, _ = troubled(line, mode, tmp_path, lambda: True)
    assert findings == [f"inconsistent: broker, {mode}: answered meanwhile"]


def test_one_service_that_stays_away_is_found_whoever_else_answers(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.chaos.wire.FACING_PEOPLE", (*FACING_PEOPLE, "somebody_else"))
    findings, _ = troubled(line, "cut", tmp_path)
    assert findings == ["lost: broker, cut: not healed within 3 s; intake: not ready"]
