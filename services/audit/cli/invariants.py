"""``sayso audit invariants``: I01 to I16, re-judged from the stored events."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from services.audit.checks.history import opened
from services.audit.checks.invariants import CHECKED, NOT_YET, Finding, Unreadable, judge
from services.audit.checks.pseudonyms import Pseudonyms, pseudonyms
from shared.command_line import HELD, Command, Reading

BROKEN, UNREADABLE = 10, 11


def arguments(parser: ArgumentParser) -> None:
    """What to judge, and how to say it."""
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        choices=[invariant.code for invariant in CHECKED],
        metavar="I03",
        help="judge these only",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--pseudonym-key", type=Path, metavar="FILE", help="at least 32 bytes")


def run(asked: Namespace, given: Reading) -> int:
    """Print each finding as it is found, then how every invariant stands."""
    say = _Lines(given, asked.json, pseudonyms(given.secrets, asked.pseudonym_key))
    broken: Counter[str] = Counter()
    unreadable = 0
    with opened(given, lambda done, total: given.progress.at("judged", done, total)) as history:
        for found in judge(history, asked.only):
            if isinstance(found, Unreadable):
                unreadable += 1
                say.unreadable(found)
            else:
                broken[found.invariant] += 1
                say.finding(found)
        read = {name: history.judged[name] for name in history.services}
    say.standing(asked.only, broken, read, given.services)
    if broken:
        return BROKEN
    return UNREADABLE if unreadable else HELD


class _Lines:
    """What is said, as text or as JSON."""

    def __init__(self, given: Reading, as_json: bool, names: Pseudonyms) -> None:
        self._given = given
        self._as_json = as_json
        self._names = names

    def finding(self, found: Finding) -> None:
        stream = self._names.of(found.stream)
        against = f" (against {found.against[0]}/{found.against[1]})" if found.against else ""
        self._say(
            f"{found.invariant}  broken   {found.service}/{found.position}  "
            f"{found.aggregate} {stream}: {found.sentence}{against}",
            {
                "finding": found.invariant,
                "service": found.service,
                "position": found.position,
                "aggregate": found.aggregate,
                "stream": stream,
                "sentence": found.sentence,
                "against": _place(found.against),
            },
        )

    def unreadable(self, found: Unreadable) -> None:
        entry = found.entry
        self._say(
            f"---  unreadable  {entry.place}: {entry.unreadable}; what it holds is not judged",
            {
                "unreadable": entry.unreadable,
                "service": entry.service,
                "position": entry.position,
                "stream": self._names.of(entry.stream),
            },
        )

    def standing(
        self,
        only: tuple[str, ...],
        broken: Counter[str],
        read: dict[str, int],
        services: tuple[str, ...],
    ) -> None:
        """Each of the sixteen, once; what was not judged is never said to hold."""
        lines: dict[str, tuple[str, dict[str, Any]]] = {}
        for invariant in CHECKED:
            count = broken[invariant.code]
            state = f"broken {count}×" if count else "holds"
            if only and invariant.code not in only:
                state = "not asked"
            limits = f"  [{invariant.limits}]" if invariant.limits else ""
            lines[invariant.code] = (
                f"{invariant.code}  {state:<9}  {invariant.holds}{limits}",
                {
                    "invariant": invariant.code,
                    "state": state.split(" ")[0] if count else state,
                    "findings": count,
                    "rules": list(invariant.rules),
                    "limits": invariant.limits,
                },
            )
        for waits in NOT_YET:
            missing = sorted(set(waits.services) - set(services))
            lines[waits.code] = (
                f"{waits.code}  not yet    {waits.holds}: no such service ({', '.join(missing)})",
                {"invariant": waits.code, "state": "not yet", "missing": missing},
            )
        for _, (text, data) in sorted(lines.items()):
            self._say(text, data)
        upto = ", ".join(f"{service}/{position}" for service, position in read.items())
        self._say(f"Judged up to {upto}.", {"judged": read})

    def _say(self, text: str, data: dict[str, Any]) -> None:
        self._given.progress.clear()
        print(json.dumps(data, ensure_ascii=False) if self._as_json else text, flush=True)


def _place(place: tuple[str, int] | None) -> dict[str, Any] | None:
    return {"service": place[0], "position": place[1]} if place else None


COMMAND = Command(
    "invariants",
    "Judge I01 to I16 again, from what the services stored.",
    run,
    {BROKEN: "an invariant is broken", UNREADABLE: "an entry cannot be read; the others hold"},
    arguments,
)
