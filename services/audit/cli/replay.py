"""``sayso audit replay``: how everything stood, and what had been decided, as of a moment."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from services.audit.checks.history import History, opened
from services.audit.checks.pseudonyms import pseudonyms
from services.audit.checks.replay import (
    Moment,
    NotAMoment,
    NothingThere,
    Place,
    Standing,
    entries,
    moment,
    named,
    standings,
)
from services.audit.checks.showing import Showing
from shared.command_line import HELD, Command, Reading

NOTHING_THERE = 10


def arguments(parser: ArgumentParser) -> None:
    """As of when, of what, and how to say it."""
    parser.add_argument(
        "--at",
        type=_moment,
        metavar="MOMENT",
        help="a date (all of it, UTC), a time with its offset, or a place such as consent/41; "
        "without it, everything that is stored",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--stream", metavar="ID", help="one stream, with every entry")
    which.add_argument(
        "--participation", metavar="ID", help="all streams and entries of one participation"
    )
    which.add_argument("--decisions", action="store_true", help="every decision, in order")
    which.add_argument("--counts", action="store_true", help="how many are in which state, only")
    parser.add_argument("--service", metavar="NAME", help="of one service only")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--pseudonym-key", type=Path, metavar="FILE", help="at least 32 bytes")


def run(asked: Namespace, given: Reading) -> int:
    """Fold, and print as it goes."""
    show = Showing(pseudonyms(given.secrets, asked.pseudonym_key))
    replay = _Replay(asked, given, show)
    if isinstance(asked.at, datetime) and asked.at > given.clock():
        print(
            f"{asked.at:%Y-%m-%d %H:%M:%S} UTC is still to come: this is everything that is"
            " stored now, as it will stand then if nothing more is decided.",
            file=sys.stderr,
        )
    with opened(given, lambda done, total: given.progress.at("read", done, total)) as history:
        try:
            if asked.service not in (None, *history.services):
                raise NothingThere(asked.service)
            when = moment(history, asked.at)
        except NothingThere as what:
            print(f"There is no {what}.", file=sys.stderr)
            return NOTHING_THERE
        return HELD if replay.of(history, when) else NOTHING_THERE


class _Replay:
    """One replay. Beside counts it keeps the streams of the one participation asked for."""

    def __init__(self, asked: Namespace, given: Reading, show: Showing) -> None:
        self._asked = asked
        self._given = given
        self._show = show

    def of(self, history: History, when: Moment) -> bool:
        """Print it; whether there was what was asked for."""
        self._say(*self._show.moment(when))
        if self._asked.decisions:
            self._decisions(history, when)
            return True
        counts: Counter[tuple[str, str, str]] = Counter()
        streams: set[tuple[str, UUID]] = set()
        for standing in standings(history, when, self._given.progress, self._asked.service):
            if not self._is_asked(standing):
                continue
            first = standing.first
            counts[first.service, first.aggregate, standing.state_at(when.at)] += 1
            if not self._asked.counts:
                self._say(*self._show.standing(standing, when.at))
            if self._asked.stream or self._asked.participation:
                streams.add((first.service, first.stream))
        for entry in entries(history, when) if streams else ():
            if (entry.service, entry.stream) in streams:
                self._say(*self._show.entry(entry))
        for text, data in self._show.counts(counts):
            self._say(text, data)
        return bool(streams) or not (self._asked.stream or self._asked.participation)

    def _decisions(self, history: History, when: Moment) -> None:
        for entry in entries(history, when):
            if entry.said is not None and self._asked.service in (None, entry.service):
                self._say(*self._show.decision(entry))

    def _is_asked(self, standing: Standing) -> bool:
        if self._asked.stream:
            return self._names(self._asked.stream, standing.first.stream)
        if self._asked.participation:
            person = standing.participation
            return person is not None and self._names(self._asked.participation, person)
        return True

    def _names(self, text: str, id: UUID) -> bool:
        """Whether that is this id's pseudonym, or the id itself."""
        with suppress(ValueError):
            return UUID(text) == id
        return text == self._show.names.of(id)

    def _say(self, text: str, data: dict[str, Any]) -> None:
        self._given.progress.clear()
        print(json.dumps(data, ensure_ascii=False) if self._asked.json else text, flush=True)


def _moment(text: str) -> datetime | Place:
    try:
        return named(text)
    except NotAMoment as what:
        raise ArgumentTypeError(
            f"{what} is no moment: give 2026-06-30, 2026-06-30T12:00:00Z or consent/41"
        ) from None


COMMAND = Command(
    "replay",
    "Show how everything stood, and what had been decided, as of a date or a position.",
    run,
    {NOTHING_THERE: "there is no such entry, service, stream or participation"},
    arguments,
)
