"""How a replay is shown: as a line of text, and as an object.

Nothing is printed but codes that their fields can hold, times, numbers, and
pseudonyms for ids; whatever else is stored stands there as ``(not shown)``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.audit.checks.codes import NOT_SHOWN, STANDINGS, shown
from services.audit.checks.entries import Entry, Said
from services.audit.checks.lists import AGGREGATES, EVENTS
from services.audit.checks.pseudonyms import Pseudonyms
from services.audit.checks.replay import Moment, Standing

Line = tuple[str, dict[str, Any]]

_LEFT_OUT = frozenset(("decision", "meta", "timestamp", "originator_topic"))
_WORDINGS = ("notice_version", "explanation_version", "options_version", "policy_version")


class Showing:
    """Renders under one key of pseudonyms."""

    def __init__(self, names: Pseudonyms) -> None:
        self.names = names

    def moment(self, when: Moment) -> Line:
        """What the replay is as of."""
        places = ", ".join(f"{name}/{position}" for name, position in when.upto.items())
        at = f"{_time(when.at)}: " if when.at else ""
        data = {"kind": "moment", "at": _iso(when.at), "upto": dict(when.upto)}
        return f"As of {at}{places}", data

    def standing(self, standing: Standing, at: datetime | None) -> Line:
        """How a stream stood."""
        first, last = standing.first, standing.last
        state = _one_of(STANDINGS, standing.state_at(at))
        person = self._id(standing.participation)
        data = {
            "kind": "stream",
            "service": first.service,
            "aggregate": _one_of(AGGREGATES, first.aggregate),
            "stream": self.names.of(first.stream),
            "participation": person,
            "state": state,
            "version": last.version,
            "since": {"position": last.position, "event": _event(last), "at": _iso(last.at)},
        }
        text = (
            f"{first.service:<13} {data['aggregate']:<17} {data['stream']}  {state:<21} "
            f"{_event(last)} {_time(last.at)} ({last.place})"
        )
        return text + (f"  of {person}" if person else ""), data

    def decision(self, entry: Entry) -> Line:
        """Who decided, who recorded it, how, and upon which wording."""
        said = entry.said
        assert said is not None
        data = {
            "kind": "decision",
            **self._about(entry),
            "what": self._what(entry),
            **self._said(said),
            "wording": self._wording(entry, said),
        }
        by = data["recorded_by"]
        who = f"{data['decided_by']} decided"
        recorder = f"{by['role']} {by['actor']} recorded"
        base = f" ({by['base']})" if by["base"] else ""
        worded = " ".join(f"{name}={value}" for name, value in data["wording"].items())
        what = " ".join(f"{name}={value}" for name, value in data["what"].items())
        text = (
            f"{_time(entry.at)}  {entry.place:<17} {data['event']:<24} {who}; {recorder}{base}, "
            f"{data['how']}, {data['language']}; {worded or 'no wording'}; "
            f"{data['aggregate']} {data['stream']}"
        )
        return f"{text}  {what}" if what else text, data

    def entry(self, entry: Entry) -> Line:
        """An entry with its fields."""
        if entry.unreadable is not None:
            data = {"kind": "entry", **self._about(entry), "unreadable": entry.unreadable}
            return f"{'-' * 20}  {entry.place:<17} {entry.unreadable}", data
        said = entry.said
        fields = {
            name: value
            for name, value in self._shown("", entry.fields).items()
            if name not in _LEFT_OUT and value is not None
        }
        data = {
            "kind": "entry",
            **self._about(entry),
            "actor": self._shown("actor_id", entry.actor or ""),
            "cause": self._shown("causation", entry.causation),
            "fields": fields,
        }
        text = f"{_time(entry.at)}  {entry.place:<17} {data['event']:<24} "
        if said is not None:
            decision = data["decision"] = self._said(said)
            by = decision["recorded_by"]
            text += f"{decision['decided_by']} decided; {by['role']} {by['actor']} recorded, "
            text += f"{decision['how']}; "
        else:
            text += f"by {data['actor']}, {data['cause']}; "
        return text + " ".join(f"{name}={value}" for name, value in fields.items()), data

    def counts(self, counts: Counter[tuple[str, str, str]]) -> Iterator[Line]:
        """How many of a kind are in which state."""
        shown: Counter[tuple[str, str, str]] = Counter()
        for (service, aggregate, state), number in counts.items():
            known = _one_of(AGGREGATES, aggregate), _one_of(STANDINGS, state)
            shown[service, *known] += number
        for (service, aggregate, state), number in sorted(shown.items()):
            yield (
                f"{number:>7}  {service} {aggregate} {state}",
                {
                    "kind": "count",
                    "service": service,
                    "aggregate": aggregate,
                    "state": state,
                    "count": number,
                },
            )

    def _about(self, entry: Entry) -> dict[str, Any]:
        return {
            "service": entry.service,
            "position": entry.position,
            "at": _iso(entry.at),
            "event": _event(entry),
            "aggregate": _one_of(AGGREGATES, entry.aggregate),
            "stream": self.names.of(entry.stream),
            "participation": self._id(entry.participation),
        }

    def _said(self, said: Said) -> dict[str, Any]:
        return {
            "decided_by": self._shown("decided_by", said.decided_by),
            "decided_at": _iso(said.decided_at),
            "recorded_by": {
                "actor": self._id(said.actor),
                "role": self._shown("role", said.role),
                "base": self._shown("base", said.base),
                "agency": self._id(said.agency),
            },
            "recorded_at": _iso(said.recorded_at),
            "on_behalf": said.on_behalf_of is not None,
            "how": self._shown("how", said.how),
            "language": self._shown("language", said.language),
            "interpreter": self._id(said.interpreter),
        }

    def _wording(self, entry: Entry, said: Said) -> dict[str, str]:
        given = {name: entry.text(name) or getattr(said, name, None) for name in _WORDINGS}
        return {name: self._shown(name, value) for name, value in given.items() if value}

    def _what(self, entry: Entry) -> dict[str, Any]:
        """What was decided, in the event's own codes."""
        return {
            name: value
            for name, value in self._shown("", entry.fields).items()
            if name not in _LEFT_OUT and name not in _WORDINGS
            if isinstance(entry.fields.get(name), str | bool)
        }

    def _id(self, id: UUID | None) -> str | None:
        return self.names.of(id) if id is not None else None

    def _shown(self, name: str, value: Any) -> Any:
        return shown(name, value, self.names.of)


def _event(entry: Entry) -> str:
    return _one_of(EVENTS, entry.name)


def _one_of(known: Collection[str], text: str) -> str:
    return text if text in known else NOT_SHOWN


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at is not None else "-"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
