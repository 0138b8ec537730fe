"""`sayso` finds its commands by itself, and says by its exit status what it found."""

from __future__ import annotations

import subprocess
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest

from shared import command_line
from shared.command_line import CANNOT_READ, HELD, CannotRead, Command, Reading, groups, main
from shared.progress import Progress

ROOT = Path(__file__).parents[3]


def planted(monkeypatch: pytest.MonkeyPatch, run: object, **more: object) -> None:
    """One group with one command, over databases that nobody can reach."""
    command = Command("look", "Look.", run, {10: "found something"}, **more)  # type: ignore[arg-type]

    @contextmanager
    def nowhere(_: Path | None) -> Iterator[Reading]:
        yield Reading(("intake",), lambda _: "host=/nowhere dbname=none", Path("/nowhere"))

    monkeypatch.setattr(command_line, "groups", lambda: {"audit": (command,)})
    monkeypatch.setattr(command_line, "reading", nowhere)


def test_the_auditor_has_a_group_of_commands() -> None:
    assert "audit" in groups()


@pytest.mark.parametrize("status", [HELD, 10])
def test_a_command_s_own_status_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    planted(monkeypatch, lambda asked, given: status)
    assert main(["audit", "look"]) == status


def test_a_status_that_the_command_does_not_explain_is_a_defect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted(monkeypatch, lambda asked, given: 11)
    with pytest.raises(ValueError, match="no exit status 11"):
        main(["audit", "look"])


def test_a_database_that_is_away_has_a_status_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: Namespace, given: Reading) -> int:
        with given.connection("intake"):
            return HELD

    planted(monkeypatch, run)
    assert main(["audit", "look"]) == CANNOT_READ
    assert "database of intake" in capsys.readouterr().err


def test_arguments_are_the_command_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--found", type=int)

    planted(monkeypatch, lambda asked, given: asked.found, arguments=arguments)
    assert main(["audit", "look", "--found", "10"]) == 10


def test_the_help_of_a_command_explains_every_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(monkeypatch, lambda asked, given: 0)
    with pytest.raises(SystemExit):
        main(["audit", "look", "--help"])
    said = capsys.readouterr().out
    assert "found something" in said
    assert "nothing is known" in said


def test_statuses_of_every_command_are_not_among_the_command_line_s_own() -> None:
    with pytest.raises(ValueError, match="10 to 125"):
        Command("look", "Look.", lambda asked, given: 0, {2: "something"})


def test_a_folder_without_an_installation_is_told_apart(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotRead, match="no folder of an embedded"),
        command_line.reading(tmp_path),
    ):
        pass


def test_sayso_runs_from_anywhere(tmp_path: Path) -> None:
    ended = subprocess.run(
        [str(ROOT / "infra/sayso"), "audit"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "usage: sayso audit" in ended.stderr


def test_progress_is_told_now_and_then_and_not_at_every_call() -> None:
    out, clock = StringIO(), iter([0.0, 1.0, 2.5, 4.0, 5.0])
    progress = Progress(out, lambda: next(clock))
    for done in (1, 2_000, 3_000, 4_000):
        progress.at("intake", done, 5_000)
    assert out.getvalue() == "intake: 2,000 of 5,000\nintake: 4,000 of 5,000\n"
