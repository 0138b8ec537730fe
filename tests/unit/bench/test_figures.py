"""What the bench makes of measured times, and that something slower shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.bench.figures import (
    FLOOR,
    ONE_BY_ONE,
    OURS,
    PEER,
    Bar,
    Row,
    Sample,
    interleaved,
    paired,
    percentile,
    slices,
)
from tests.bench.report import QUICK_WARNING, Run, number, write
from tests.bench.writers import written

LINE = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        "name",
        "writers",
        "unit",
        "median",
        "p99",
        "floor",
        "ratio",
        "peer",
        "peer_ratio",
        "onebyone_ratio",
    ],
    "properties": {
        "name": {"enum": ["append", "replay", "rpc", "http", "reaction", "ledger", "audit"]},
        "writers": {"type": "integer", "minimum": 1},
        "unit": {"type": "string", "minLength": 1},
        "median": {"type": "number", "exclusiveMinimum": 0},
        "p99": {"type": "number", "exclusiveMinimum": 0},
        **{
            name: {"type": ["number", "null"], "exclusiveMinimum": 0}
            for name in ("floor", "ratio", "peer", "peer_ratio", "onebyone_ratio")
        },
    },
}
SCHEMA = {"type": "array", "minItems": 1, "items": LINE}


class Machine:
    """A clock of its own: a thing takes as long as it is said to, times how busy the machine is."""

    def __init__(self, busy: Iterable[float] = ()) -> None:
        self._busy = iter(busy)

    def variant(self, took: float, things: int = 100) -> Callable[[], Sample]:
        def run() -> Sample:
            each = took * next(self._busy, 1.0)
            return Sample([each * (i + 1) for i in range(things)], [each] * things)

        return run


def row(samples: dict[str, list[Sample]], unit: str = "decisions/s") -> Row:
    return Row("append", unit, samples, 8)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert percentile(values, 99) == 99
    assert percentile(values, 100) == 100
    assert percentile([7.0], 99) == 7
    assert percentile([3, 1, 2], 50) == 2
    with pytest.raises(ValueError, match="nothing was measured"):
        percentile([], 99)


def test_every_thing_that_was_done_is_in_one_slice() -> None:
    sample = Sample([n / 100 for n in range(1, 131)], [0.01] * 130)
    assert [round(rate) for rate in slices(sample)] == [100, 100]
    slow_end = Sample([*(n / 100 for n in range(1, 100)), 11.0], [0.01] * 100)
    assert [round(rate) for rate in slices(slow_end)] == [100, 5]
    assert [round(rate) for rate in slices(Sample([0.5, 1.0], [0.5, 0.5]))] == [2]


def test_variants_take_turns_and_nobody_always_goes_first() -> None:
    order: list[str] = []

    def variant(name: str) -> Callable[[], Sample]:
        return lambda: order.append(name) or Sample([1.0], [1.0])  # type: ignore[func-returns-value]

    interleaved({name: variant(name) for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab"


def test_what_else_the_machine_does_does_not_move_a_ratio_of_rounds() -> None:
    """Each round is slower than the one before; both variants meet it alike."""
    machine = Machine(busy for busy in (1, 1, 2, 2, 5, 5, 9, 9, 3, 3))
    samples = interleaved({OURS: machine.variant(0.001), PEER: machine.variant(0.002)}, 5)
    assert row(samples).ratio(PEER) == pytest.approx(2.0)
    assert paired([10, 90], [5, 45]) == 2


@pytest.mark.parametrize("slower", [1.2, 3.0])
def test_a_planted_slowness_moves_the_ratio_and_misses_the_bar(slower: float) -> None:
    def ratio(took: float) -> float:
        variants = {OURS: Machine().variant(took), ONE_BY_ONE: Machine().variant(0.0014)}
        found = row(interleaved(variants, 5)).ratio(ONE_BY_ONE)
        assert found
        return found

    assert Bar("append", ratio(0.001), 1.3).met
    assert ratio(0.001 * slower) == pytest.approx(ratio(0.001) / slower)
    assert not Bar("append", ratio(0.001 * slower), 1.3).met


def test_a_planted_slowness_in_real_threads_shows() -> None:
    def work(turns: int) -> Callable[[int, int], None]:
        return lambda _writer, _number: sum(range(turns)) and None  # type: ignore[func-returns-value]

    variants = {
        OURS: lambda: written(4, 50, work(60_000)),
        PEER: lambda: written(4, 50, work(6_000)),
    }
    ratio = row(interleaved(variants, 5)).ratio(PEER)
    assert ratio
    assert ratio < 0.5


def test_writers_begin_together_and_every_thing_is_counted() -> None:
    seen: list[tuple[int, int]] = []
    sample = written(8, 5, lambda writer, number: seen.append((writer, number)))
    assert sorted(seen) == [(w, n) for w in range(8) for n in range(5)]
    assert len(sample.done) == len(sample.took) == 40
    assert min(sample.done) > 0


def test_a_thing_that_failed_is_not_counted_as_fast() -> None:
    def fails(_writer: int, number: int) -> None:
        if number == 3:
            raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        written(2, 5, fails)


def test_times_are_told_in_milliseconds_with_their_own_99th_percentile() -> None:
    times = [n / 1000 for n in range(1, 101)]
    measured = row({OURS: [Sample(times, times)], FLOOR: [Sample(times, [0.001] * 100)]}, "ms")
    assert measured.median == pytest.approx(50.5)
    assert measured.p99 == pytest.approx(99)
    assert measured.ratio(FLOOR) == pytest.approx(50.5)


def test_the_99th_percentile_of_a_rate_is_a_slow_one() -> None:
    stutter = [0.001 * (n + 1) + (1.0 if n >= 950 else 0.0) for n in range(1000)]
    measured = row({OURS: [Sample(stutter, [0.001] * 1000)]})
    assert measured.p99 < 60 < measured.median


def test_a_bar_may_be_a_floor_or_a_ceiling() -> None:
    assert Bar("replay", 40_000, 40_000).met
    assert not Bar("replay", 39_999, 40_000).met
    assert Bar("p99", 100, 100, at_least=False).met
    assert not Bar("p99", 100.1, 100, at_least=False).met


def test_what_a_run_leaves_is_what_is_promised(tmp_path: Path) -> None:
    machine = Machine()
    run = Run(
        full=False,
        repeats=5,
        leaves=10_000,
        machine={
            "processor": "an abacus",
            "cores": 2,
            "memory_mib": 4096,
            "system": "Linux",
            "python": "3.13",
            "commit": "0" * 40,
            "uncommitted_changes": True,
        },
        load_before=0.5,
    )
    names = {OURS: 0.001, FLOOR: 0.0005, PEER: 0.002, ONE_BY_ONE: 0.003}
    run.rows.append(
        row(interleaved({name: machine.variant(took) for name, took in names.items()}, 5))
    )
    times = {OURS: machine.variant(0.05), FLOOR: machine.variant(0.001)}
    run.rows.append(Row("reaction", "ms", interleaved(times, 5)))
    run.bars = [Bar("a bar that is met", 2, 1), Bar("a bar that is not", 1, 2)]
    text = write(run, tmp_path)

    lines = json.loads((tmp_path / "bench.json").read_text())
    Draft202012Validator(SCHEMA).validate(lines)
    assert lines[0]["ratio"] == pytest.approx(0.5)
    assert lines[0]["peer_ratio"] == pytest.approx(2)
    assert lines[0]["onebyone_ratio"] == pytest.approx(3)
    assert lines[1]["peer"] is lines[1]["onebyone_ratio"] is None
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "bench-run.json").read_text())["full"] is False
    assert QUICK_WARNING in text
    assert "uncommitted changes" in text
    assert text.count("MISSED") == 1
    assert (tmp_path / "bench.md").read_text() == text


@pytest.mark.parametrize(
    "broken", [{"name": "appendix"}, {"median": None}, {"ratio": "fast"}, {"extra": 1}]
)
def test_the_schema_refuses_what_was_not_promised(broken: dict[str, object]) -> None:
    line = row({OURS: [Sample([0.001], [0.001])]}).as_data()
    assert Draft202012Validator(SCHEMA).is_valid([line])
    assert not Draft202012Validator(SCHEMA).is_valid([{**line, **broken}])


def test_numbers_are_short() -> None:
    assert [number(n) for n in (None, 0.47184, 12.345, 41_234.5)] == [
        "–",
        "0.472",
        "12.3",
        "41,200",
    ]


def test_every_part_can_be_started(capsys: pytest.CaptureFixture[str]) -> None:
    """What the bench measures moves about; a part that lost what it measures is told here."""
    from tests.bench.__main__ import PARTS, main

    with pytest.raises(SystemExit) as ended:
        main(["--only", "appendix"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "no such part: appendix" in told
    assert all(part in told for part in PARTS)


def test_a_part_leaves_the_files_of_a_whole_run_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.bench import __main__ as bench

    def measured(run: Run, _sizes: object, only: list[str], _told: object) -> None:
        run.rows.append(row({OURS: [Sample([0.001 * len(only)], [0.001])]}))

    monkeypatch.setattr(bench, "_measured", measured)
    folder = ["--folder", str(tmp_path)]
    assert bench.main(folder) == 0
    files = ("bench.json", "bench-run.json", "bench.md", "bench.png")
    whole = {name: (tmp_path / name).read_bytes() for name in files}

    assert bench.main([*folder, "--only", "replay,append"]) == 0
    assert {name: (tmp_path / name).read_bytes() for name in files} == whole
    part = tmp_path / "parts" / "append-replay"
    assert {path.name for path in part.iterdir()} == set(files)
    assert (part / "bench.json").read_bytes() != whole["bench.json"]

    in_another_order = ",".join(reversed(bench.PARTS))
    (tmp_path / "bench.json").write_text("[]")
    assert bench.main([*folder, "--only", in_another_order]) == 0
    assert (tmp_path / "bench.json").read_bytes() == whole["bench.json"], "all parts are the whole"
