"""What a run leaves in ``build/``: a table, a plot, and the figures as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.figures import FLOOR, MILLISECONDS, ONE_BY_ONE, PEER, Bar, Row

QUICK_WARNING = (
    "A QUICK LOOK, NOT THE FULL RUN: fewer repeats and smaller logs; quote nothing of it."
)

_HEAD = (
    "what", "writers", "unit", "n", "median", "p99", "floor", "× floor", "library", "× library",
    "× one by one",
)  # fmt: skip

_NOTES = """\
- n: how often ours was measured, in {repeats} rounds. In each round every variant ran once, in
  turn; nothing was dropped. Ratios are medians of the rounds' ratios: what else the machine did
  fell on both.
- For a rate more is better, and p99 is what 99 of 100 slices of 50 reached. For ms less is better.
- append: a whole decision with sealing, read table, inbox and command id. Floor: INSERT + commit
  of the event alone, a connection for each writer. Library: save() of eventsourcing 9.5.6 on
  psycopg 3, words in the clear. One by one: the same rows, made ready beforehand, each decision
  one round trip and one commit under the same lock.
- replay: every stored event through mapper and upcasting into its aggregate. Floor: the rows,
  fetched.
- rpc, http, reaction: services as processes on RabbitMQ. Floor: a publish that is confirmed.
  Library, for a reaction: its application and its event-sourced projection in one process, at the
  same pace, without broker and HTTP. For rpc, http, ledger and audit it has nothing to compare.
- ledger: records fetched from a service's log, appended, read back, derived and signed at a tick.
  audit: `sayso audit verify` of {leaves:,} leaves, their rows included. Floor: SHA-256 of a state,
  a leaf and a node for each."""


@dataclass
class Run:
    """Everything that one run measured."""

    full: bool
    repeats: int
    leaves: int
    machine: dict[str, Any]
    load_before: float
    load_after: float = 0.0
    rows: list[Row] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def write(run: Run, folder: Path) -> str:
    """Write ``bench.json``, ``bench-run.json``, ``bench.md`` and ``bench.png``; the table."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [row.as_data() for row in run.rows]
    (folder / "bench.json").write_text(json.dumps(lines, indent=1) + "\n", "utf-8")
    (folder / "bench-run.json").write_text(json.dumps(_record(run), indent=1) + "\n", "utf-8")
    text = table(run)
    (folder / "bench.md").write_text(text, "utf-8")
    plot(run, folder / "bench.png")
    return text


def table(run: Run) -> str:
    """The run in Markdown, to be read in a terminal."""
    at = run.machine
    dirty = ", with uncommitted changes" if at["uncommitted_changes"] else ""
    parts = [
        "# Bench",
        *([] if run.full else [f"**{QUICK_WARNING}**"]),
        f"Commit {at['commit'][:12]}{dirty}; {at['processor']}, {at['cores']} cores,"
        f" {at['memory_mib']:,} MiB, {at['system']}, Python {at['python']}; load before"
        f" {run.load_before}, after {run.load_after}.",
        "![Ratios](bench.png)",
        _grid(_HEAD, [_cells(row) for row in run.rows]),
        _NOTES.format(repeats=run.repeats, leaves=run.leaves),
        "## Bars",
        _grid(
            ("bar", "wanted", "measured", "", "note"),
            [
                (
                    bar.what,
                    f"{'≥' if bar.at_least else '≤'} {bar.bar:,g}",
                    number(bar.figure),
                    "met" if bar.met else "MISSED",
                    bar.note,
                )
                for bar in run.bars
            ],
        ),
        *(
            ["## Not measured", "\n".join(f"- {what}" for what in run.left_out)]
            * bool(run.left_out)
        ),
    ]
    return "\n\n".join(parts) + "\n"


def plot(run: Run, file: Path) -> None:
    """Bars of the ratios to floor, library and one by one; a line at one."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    against = {FLOOR: "raw floor", PEER: "bare eventsourcing 9.5.6", ONE_BY_ONE: "one by one"}
    rows = [row for row in run.rows if row.unit != MILLISECONDS]
    times = [row for row in run.rows if row.unit == MILLISECONDS]
    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(11, 4.5), width_ratios=(max(2, len(rows)), max(1, len(times)))
    )
    width = 0.8 / len(against)
    for i, (variant, label) in enumerate(against.items()):
        heights = [row.ratio(variant) or 0 for row in rows]
        left.bar([n + (i - 1) * width for n in range(len(rows))], heights, width, label=label)
    left.axhline(1, color="black", linewidth=0.8)
    left.set_xticks(range(len(rows)), [_label(row) for row in rows])
    left.set_ylabel("times as many a second")
    left.legend()
    right.bar(
        [n - 0.2 for n in range(len(times))], [row.median for row in times], 0.4, label="median"
    )
    right.bar([n + 0.2 for n in range(len(times))], [row.p99 for row in times], 0.4, label="p99")
    right.set_xticks(range(len(times)), [_label(row) for row in times])
    right.set_ylabel("ms")
    right.legend()
    title = f"Sayso {run.machine['commit'][:12]}, medians of {run.repeats} rounds"
    figure.suptitle(title if run.full else f"{title}: a quick look, not the full run")
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def number(value: float | None) -> str:
    """Three digits that matter; nothing where nothing was measured."""
    if value is None:
        return "–"
    if value >= 1_000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


def _record(run: Run) -> dict[str, Any]:
    return {
        "full": run.full,
        "repeats": run.repeats,
        "leaves": run.leaves,
        "machine": run.machine,
        "load": {"before": run.load_before, "after": run.load_after},
        "rounds": [
            {"name": row.name, "writers": row.writers, "unit": row.unit, "n": row.count}
            | {variant: row.rounds(variant) for variant in row.samples}
            for row in run.rows
        ],
        "bars": [bar.as_data() for bar in run.bars],
        "left_out": run.left_out,
    }


def _cells(row: Row) -> tuple[str, ...]:
    figures = (
        row.median, row.p99, row.of(FLOOR), row.ratio(FLOOR), row.of(PEER), row.ratio(PEER),
        row.ratio(ONE_BY_ONE),
    )  # fmt: skip
    return (row.name, str(row.writers), row.unit, f"{row.count:,}", *map(number, figures))


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def _label(row: Row) -> str:
    return f"{row.name}\n{row.writers} writers" if row.name == "append" else row.name
