"""What surrounds the rows: named steps, progress that goes on where it was, and an honest table."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.chaos import __main__ as soak
from tests.chaos import rows
from tests.chaos.lives import Wordings, life
from tests.chaos.people import command_id
from tests.chaos.progress import Progress
from tests.chaos.report import ROWS, percentile, written
from tests.chaos.rows import Result
from tests.chaos.sizes import CI, FULL
from tests.chaos.steps import SERVICES_OF, STEPS, Doom, crashes, status_of


def test_every_step_has_an_exit_status_of_its_own_that_python_never_gives() -> None:
    statuses = {status_of(step) for step in STEPS}
    assert len(statuses) == len(STEPS)
    assert statuses.isdisjoint({0, 1, 2, 120, *range(126, 256)})


def test_every_step_is_tried_twice_in_ci_and_in_every_service_in_full() -> None:
    for seed in range(20):
        few = crashes(CI.services_of_a_step, random.Random(seed).shuffle)
        assert [step for step, _ in few] == [step for step in STEPS for _ in range(2)]
        assert len(set(few)) == len(few)
    every = crashes(FULL.services_of_a_step, lambda _: None)
    assert set(every) == {(step, service) for step in STEPS for service in SERVICES_OF[step]}


@pytest.mark.parametrize("text", ["somewhere:1", "after_ack:0", "after_ack:-1", ""])
def test_a_step_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a step is one of"):
        Doom.parse(text)
    assert str(Doom.parse("after_ack:17")) == "after_ack:17"


def test_the_same_seed_is_the_same_life_with_the_same_keys() -> None:
    def steps(seed: str) -> list[str]:
        lived = life(random.Random(seed), Wordings("1", "1"))
        answer = _Answer()
        said = [repr(next(lived))]
        try:
            while True:
                said.append(repr(lived.send(answer)))
        except StopIteration:
            return said

    assert steps("kills/7/0/0") == steps("kills/7/0/0")
    assert len({str(steps(f"kills/7/0/{number}")) for number in range(20)}) > 10
    assert command_id("kills/7/0/0", 3) == command_id("kills/7/0/0", 3)
    assert command_id("kills/7/0/0", 3) != command_id("kills/7/0/1", 3)


def test_a_soak_says_how_far_a_row_is_and_one_seed_is_no_part_of_that(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(rows, "simulation", lambda seed: Result("simulation", seed, faults=8))
    monkeypatch.setattr(soak, "Progress", lambda _commit: Progress("aaa", tmp_path))
    for seed in range(FULL.simulation - 2_500):
        Progress("aaa", tmp_path).note(Result("simulation", seed))
    assert soak.main(["--only", "simulation"]) == 0
    far = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert far == [
        "simulation seed 7999 (8,000 of 10,000 done)",
        "simulation seed 8999 (9,000 of 10,000 done)",
        "simulation seed 9999 (10,000 of 10,000 done)",
    ]

    assert soak.main(["--only", "simulation", "--seed", "99999999"]) == 0
    again = "simulation seed 99999999 (again): 8 faults, 0 acknowledged, 0 broken promises\n"
    assert capsys.readouterr().out == again


class _Answer:
    """What every command is answered in a life that is only read."""

    participation_id = command_id("a participation", 0)
    need_id = command_id("a need", 0)
    grant_id = command_id("a grant", 0)


def test_a_soak_goes_on_where_it_was_and_counts_only_its_own_commit(tmp_path: Path) -> None:
    first = Progress("aaa", tmp_path)
    for seed in (0, 2):
        first.note(Result("kills", seed, faults=20))
    assert first.left("kills", 4) == [1, 3]
    assert first.left("broker", 2) == [0, 1]
    assert [result.seed for result in Progress("aaa", tmp_path).results("kills")] == [0, 2]
    assert Progress("bbb", tmp_path).left("kills", 4) == [0, 1, 2, 3]


def test_a_soak_goes_on_elsewhere_with_the_pieces_that_were_committed(tmp_path: Path) -> None:
    here, reports, elsewhere = tmp_path / "here", tmp_path / "reports", tmp_path / "elsewhere"
    first = Progress("aaa", here, reports)
    for seed in (0, 2):
        first.note(Result("kills", seed, faults=20))
    first.note(Result("broker", 1, faults=5, findings=["lost: intake/7"]))
    reports.mkdir()
    (reports / "2031-05-04-aaa.jsonl").write_text(first.pieces(["kills", "broker"]))
    second = Progress("aaa", elsewhere, reports)
    assert second.left("kills", 4) == [1, 3]
    assert [found.findings for found in second.results("broker")] == [["lost: intake/7"]]
    second.note(Result("kills", 1, faults=20))
    assert second.left("kills", 4) == [3]
    assert len(second.pieces(["kills", "broker"]).splitlines()) == 4
    assert Progress("bbb", elsewhere, reports).left("kills", 4) == [0, 1, 2, 3]


def test_the_table_says_what_is_not_complete_what_was_found_and_what_was_missed(
    tmp_path: Path,
) -> None:
    progress = Progress("aaa", tmp_path)
    for seed in range(FULL.postgres):
        progress.note(Result("postgres", seed, 5, 100, [], {"postgresql": [0.5]}))
    slow = {"service intake": [1.0] * 9 + [12.5]}
    progress.note(Result("kills", 3, 20, 500, ["lost: intake/7"], slow))
    table = written(progress, "2031-05-04", "a machine")
    assert (
        "| SIGKILL of PostgreSQL | 20 of 20 seeds, complete | 100 | 2,000 | 0 | 0.5, 0.5," in table
    )
    assert "| 1 of 50 seeds, **not complete** | 20 | 500 | 1 | 1.0, 12.5, 12.5 s |" in table
    assert "p99 under 10 s: **missed**, 12.5 s" in table
    assert "- kills, seed 3: lost: intake/7" in table
    assert table.count("**not complete**") == len(ROWS) - 1


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile(list(map(float, range(1, 101))), 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0


def test_a_row_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.main(["--only", "kills,weather"]) == 2
    assert "No such row: weather" in capsys.readouterr().out


def test_a_soak_with_a_broken_promise_says_so_and_how_to_repeat_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Result("simulation", 7, findings=["lost: something"])
    monkeypatch.setattr(rows, "simulation", lambda _seed: broken)
    assert soak.main(["--only", "simulation", "--seed", "7"]) == 1
    said = capsys.readouterr().out
    assert "simulation seed 7 (again): 0 faults, 0 acknowledged, 1 broken promises" in said
    assert "lost: something" in said
    assert "make soak ONLY=simulation SEED=7" in said
