"""Six voices side by side: what each of them says and sees while the journey runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Voice = Literal["survivor", "advocate", "agency", "parole officer", "the log", "auditor"]
VOICES: tuple[Voice, ...] = (
    "survivor",
    "advocate",
    "agency",
    "parole officer",
    "the log",
    "auditor",
)
_STYLES = {
    "survivor": "bold cyan",
    "advocate": "green",
    "agency": "yellow",
    "parole officer": "red",
    "the log": "dim",
    "auditor": "magenta",
}


@dataclass
class Voices:
    """Prints one row for each thing that happens, in the column of whoever it happens to.

    Rows are printed as they come, so that progress shows on a terminal and in
    a log file alike. ``heard`` keeps what each voice was told.
    """

    console: Console = field(
        default_factory=lambda: Console(
            width=None if sys.stdout.isatty() else 170, highlight=False, soft_wrap=False
        )
    )
    heard: dict[Voice, list[str]] = field(default_factory=lambda: {v: [] for v in VOICES})

    def open(self) -> None:
        """Print the six names."""
        self._row({v: v.upper() for v in VOICES}, header=True)

    def chapter(self, title: str) -> None:
        """Begin a numbered part of the journey."""
        self.console.rule(f"[bold]{title}", align="left", style="dim")

    def say(self, voice: Voice, words: str) -> None:
        """One thing that one voice says or sees."""
        self.heard[voice].append(words)
        self._row({voice: words})

    def log(self, *lines: str) -> None:
        """What the log now holds."""
        for line in lines:
            self.say("the log", line)

    @contextmanager
    def page(self, title: str) -> Iterator[Console]:
        """A page of plain text after the journey."""
        self.console.print()
        self.console.rule(f"[bold]{title}")
        yield self.console
        self.console.rule()

    def _row(self, cells: dict[Voice, str], header: bool = False) -> None:
        table = Table(
            box=box.SIMPLE if header else None, show_header=False, expand=True, padding=(0, 1)
        )
        for voice in VOICES:
            table.add_column(ratio=1, style=_STYLES[voice], overflow="fold")
        table.add_row(*(Text(cells.get(voice, "")) for voice in VOICES))
        self.console.print(table)
