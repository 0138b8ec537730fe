"""Whoever asks the demonstration to end, at whatever moment, finds nothing of it left."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.eventually import eventually

ROOT = Path(__file__).parents[2]
# Under nohup, or in the background of a script, a test inherits that some are ignored.
HEARD = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
HEARD += "signal.signal(signal.SIGINT, signal.default_int_handler); "
IN = "import sys, pathlib; from infra.demo import __main__ as d; d.IN_MEMORY = pathlib.Path({!r}); "
DEMO = HEARD + IN + "d.ROOM = 0; sys.exit(d.main(['--port', '0', '--race', '3']))"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, for a socket's path, and open to the user that PostgreSQL runs as."""
    made = Path(tempfile.mkdtemp(prefix="sayso-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    for process in of(made):
        process.kill()
    shutil.rmtree(made, ignore_errors=True)


def of(folder: Path) -> list[psutil.Process]:
    """The PostgreSQL servers in it."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
        and "postgres" in process.info["cmdline"][0]
    ]


def begun(folder: Path, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
    log = folder.with_suffix(".log")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command], cwd=ROOT, stdout=out, stderr=out
        )
    return process, log


@pytest.mark.parametrize(
    ("moment", "number", "status"),
    [
        ("PostgreSQL begins", signal.SIGTERM, 130),
        ("Ready after", signal.SIGTERM, 130),
        ("It stays up", signal.SIGTERM, 0),
        ("It stays up", signal.SIGHUP, 0),
        ("It stays up", signal.SIGINT, 0),
    ],
)
def test_the_demonstration_leaves_nothing_when_it_is_asked_to_end(
    moment: str, number: signal.Signals, status: int, folder: Path
) -> None:
    process, log = begun(folder, "-c", DEMO.format(str(folder)))
    try:
        if moment == "PostgreSQL begins":
            eventually(lambda: list(folder.glob("sayso-*/pg/PG_VERSION")), within=60)
        else:
            eventually(lambda: moment in log.read_text("utf-8"), within=90)
            assert of(folder)
        process.send_signal(number)
        process.send_signal(signal.SIGTERM)  # who asks again interrupts nothing
        assert process.wait(60) == status, log.read_text("utf-8")
        assert of(folder) == []
        assert list(folder.iterdir()) == []
        assert "Traceback" not in log.read_text("utf-8")
    finally:
        process.kill()
        log.unlink()


def test_an_embedded_installation_ends_with_its_postgresql_and_keeps_its_files(
    folder: Path,
) -> None:
    process, log = begun(folder, "-m", "shared.run", "embedded", str(folder))
    try:
        eventually((folder / "secret").exists, within=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text("utf-8")
        assert of(folder) == []
        assert (folder / "secret").exists()
        assert "Traceback" not in log.read_text("utf-8")
    finally:
        process.kill()
        log.unlink()
