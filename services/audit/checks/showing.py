"""How a replay is shown: as a line of text, and as an object. Pseudonyms for ids, words sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.audit.checks.entries import Closed, Entry, Said, is_code
from services.audit.checks.pseudonyms import Pseudonyms
from services.audit.checks.replay import Moment, Standing

Line = tuple[str, dict[str, Any]]

WORDS = "(readable words)"
"""Stands for what should have been sealed (I14): a replay does not pass it on."""

_NOT_SHOWN = frozenset(("decision", "meta", "timestamp", "originator_topic"))
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
        first, last, state = standing.first, standing.last, standing.state_at(at)
        person = self._id(standing.participation)
        data = {
            "kind": "stream",
            "service": first.service,
            "aggregate": first.aggregate,
            "stream": self.names.of(first.stream),
            "participation": person,
            "state": state,
            "version": last.version,
            "since": {"position": last.position, "event": last.name, "at": _iso(last.at)},
        }
        text = (
            f"{first.service:<13} {first.aggregate:<17} {data['stream']}  {state:<21} "
            f"{last.name} {_time(last.at)} ({last.place})"
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
        who = f"{said.decided_by} decided"
        recorder = f"{said.role} {data['recorded_by']['actor']} recorded"
        base = f" ({said.base})" if said.base else ""
        worded = " ".join(f"{name}={value}" for name, value in data["wording"].items())
        what = " ".join(f"{name}={value}" for name, value in data["what"].items())
        text = (
            f"{_time(entry.at)}  {entry.place:<17} {entry.name:<24} {who}; {recorder}{base}, "
            f"{said.how}, {said.language}; {worded or 'no wording'}; "
            f"{entry.aggregate} {data['stream']}"
        )
        return f"{text}  {what}" if what else text, data

    def entry(self, entry: Entry) -> Line:
        """An entry with its fields."""
        if entry.unreadable is not None:
            data = {"kind": "entry", **self._about(entry), "unreadable": entry.unreadable}
            return f"{'-' * 20}  {entry.place:<17} {entry.unreadable}", data
        said = entry.said
        fields = {
            name: self._value(value)
            for name, value in entry.fields.items()
            if name not in _NOT_SHOWN and value is not None
        }
        data = {
            "kind": "entry",
            **self._about(entry),
            "actor": self._text(entry.actor or ""),
            "cause": self._text(entry.causation),
            "fields": fields,
        }
        text = f"{_time(entry.at)}  {entry.place:<17} {entry.name:<24} "
        if said is not None:
            data["decision"] = self._said(said)
            recorder = data["decision"]["recorded_by"]["actor"]
            text += f"{said.decided_by} decided; {said.role} {recorder} recorded, {said.how}; "
        else:
            text += f"by {data['actor']}, {data['cause']}; "
        return text + " ".join(f"{name}={value}" for name, value in fields.items()), data

    def counts(self, counts: Counter[tuple[str, str, str]]) -> Iterator[Line]:
        """How many of a kind are in which state."""
        for (service, aggregate, state), number in sorted(counts.items()):
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
            "event": entry.name,
            "aggregate": entry.aggregate,
            "stream": self.names.of(entry.stream),
            "participation": self._id(entry.participation),
        }

    def _said(self, said: Said) -> dict[str, Any]:
        return {
            "decided_by": said.decided_by,
            "decided_at": _iso(said.decided_at),
            "recorded_by": {
                "actor": self._id(said.actor),
                "role": said.role,
                "base": said.base,
                "agency": self._id(said.agency),
            },
            "recorded_at": _iso(said.recorded_at),
            "on_behalf": said.on_behalf_of is not None,
            "how": said.how,
            "language": said.language,
            "interpreter": self._id(said.interpreter),
        }

    def _wording(self, entry: Entry, said: Said) -> dict[str, str]:
        given = {name: entry.text(name) or getattr(said, name, None) for name in _WORDINGS}
        return {name: self._text(str(value)) for name, value in given.items() if value}

    def _what(self, entry: Entry) -> dict[str, Any]:
        """What was decided, in the event's own codes."""
        return {
            name: self._value(value)
            for name, value in entry.fields.items()
            if name not in _NOT_SHOWN and name not in _WORDINGS and isinstance(value, str | bool)
        }

    def _id(self, id: UUID | None) -> str | None:
        return self.names.of(id) if id is not None else None

    def _text(self, text: str) -> str:
        """Codes as they are, ids inside of them by their pseudonyms; words not at all."""
        if not is_code(text):
            return WORDS
        return "/".join(self._part(part) for part in text.split("/"))

    def _part(self, part: str) -> str:
        try:
            return self.names.of(UUID(part))
        except ValueError:
            return part

    def _value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {self._text(str(key)): self._value(inside) for key, inside in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inside) for inside in value]
        if isinstance(value, UUID):
            return self.names.of(value)
        if isinstance(value, date | datetime):
            return value.isoformat()
        if isinstance(value, str | Closed):
            return self._text(value) if isinstance(value, str) else str(value)
        return value


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at is not None else "-"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
