"""I09: every message goes a way that the person called safe, about something they asked for.

Rule R47 and safe contact: nothing leads to somebody's door but a way that they
declared safe themselves, or that was confirmed after staff wrote it down (R71),
inside its days and hours; and only on a topic that they chose (R11, R26). Judged
at each `NoticeQueued` and `NoticeSending` against the preference that it cites and
the topics of the same person, as both stood then: what was being handed over when
they said no is through before their no is answered. No `NoticeSent` without its
`NoticeSending`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Hours:
    weekdays: frozenset[int]
    start: str
    end: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of contact; ``until`` is the last day on which it may be used."""

    channel: str | None
    hours: _Hours | None
    since: date | None
    days: int
    safe: bool
    place: Place
    ended: Place | None = None
    renewed: date | None = None

    @property
    def until(self) -> date | None:
        return self.since + timedelta(days=self.days) if self.since is not None else None


@dataclass(slots=True)
class _Preference:
    participation: UUID | None = None
    version: int = 0
    ways: dict[UUID, _Way] = field(default_factory=dict)


@dataclass(slots=True)
class _Topics:
    chosen: dict[str, Place] = field(default_factory=dict)
    waiting: dict[str, Place] = field(default_factory=dict)
    dropped: dict[str, Place] = field(default_factory=dict)


class Contact(Invariant):
    """Remembers: of each person their ways of contact and topics; of a notice what it cites.

    The stream of a person's topics has an id that follows from the participation's, for ever.
    """

    code = "I09"
    holds = (
        "every notice cites a way of contact that is live, safe and confirmed at that moment, and "
        "a topic that the person chose"
    )
    rules = ("R47", "R26", "R11")
    limits = (
        "Verifications made in the person's presence and warnings of a threat: no service records "
        "them yet."
    )

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._preferences: Streams[_Preference] = Streams(history, _Preference, _prefer, most)
        self._topics: Streams[_Topics] = Streams(history, _Topics, _choose, most)
        self._intents: Streams[list[int | None]] = Streams(history, list, _intend, most)

    @property
    def retained(self) -> int:
        """Preferences, choices of topics, notices."""
        return len(self._preferences) + len(self._topics) + len(self._intents)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A preference, a topic, or a notice."""
        match entry.aggregate:
            case "ContactPreference":
                self._preferences.remember(entry)
            case "TopicChoice":
                self._topics.remember(entry)
            case "Notice" if entry.name == "NoticeQueued":
                yield from self._check(entry, entry.time("send_from"))  # I09 R47
            case "Notice" if entry.name == "NoticeSending":
                yield from self._check(entry, entry.at)  # I09 R47
                self._intents.remember(entry)
            case "Notice" if entry.name == "NoticeSent":
                if entry.number("tries") not in self._intents.before(entry):  # I09
                    yield self.found(entry, "the notice was sent without an intent that cites why")

    def _check(self, entry: Entry, at: datetime | None) -> Iterator[Finding]:
        wrong = self._topic(entry) or self._way(entry, at)
        if wrong is not None:
            sentence, against = wrong
            yield self.found(entry, f"the notice {sentence}", against)

    def _topic(self, cites: Entry) -> tuple[str, Place | None] | None:
        topic, person = cites.text("topic") or "", cites.participation
        id = uuid5(NAMESPACE_URL, f"/notifications/topics/{person}")
        topics = self._topics.now(cites.service, id)
        if topic in topics.chosen:
            return None
        if topic in topics.waiting:
            return "is on a topic that staff recorded and nobody confirmed", topics.waiting[topic]
        if topic in topics.dropped:
            return "is on a topic that was dropped", topics.dropped[topic]
        return "is on a topic that the person never chose", None

    def _way(self, cites: Entry, at: datetime | None) -> tuple[str, Place | None] | None:
        preference_id, channel_id = cites.id("preference_id"), cites.id("channel_id")
        if preference_id is None or channel_id is None or at is None:
            return "cites no preference", None
        preference = self._preferences.now(cites.service, preference_id)
        way = preference.ways.get(channel_id)
        version = cites.number("preference_version")
        if preference.participation is None or preference.participation != cites.participation:
            return "cites a preference that is not the person's", None
        if way is None or version is None or version > preference.version:
            return "cites a way of contact that was not declared", None
        return _useless(way, cites.text("channel"), at) or _outdated(cites, version, preference)


def _outdated(
    cites: Entry, version: int, preference: _Preference
) -> tuple[str, Place | None] | None:
    """What is sent cites the preference as it is; what is queued may be overtaken."""
    if cites.name == "NoticeSending" and version != preference.version:
        return "is sent by a preference that was changed since", None
    return None


def _useless(way: _Way, channel: str | None, at: datetime) -> tuple[str, Place | None] | None:
    """Why a way may not be gone at this moment, and since when; or nothing."""
    if way.ended is not None:
        return "goes a way that is not safe any more", way.ended
    local = at.astimezone(way.hours.zone).date() if way.hours is not None else None
    for sentence, wrong in (
        ("goes a way that staff recorded and nobody confirmed", not way.safe),
        ("goes another way than the one it cites", way.channel != channel),
        (
            "goes a way outside the days in which it is known to be safe",
            local is None
            or way.since is None
            or way.until is None
            or not way.since <= local <= way.until,
        ),
        (
            "goes a way outside its safe hours",
            way.hours is None or not _inside(way.hours, at),
        ),
    ):
        if wrong:
            return sentence, way.place
    return None


def _inside(hours: _Hours, at: datetime) -> bool:
    """Whether the moment lies in the window of its own day, or in that of the night before."""
    local = at.astimezone(hours.zone)
    now, night = local.strftime("%H:%M:%S"), hours.end < hours.start
    start, end = f"{hours.start}:00", f"{hours.end}:00"
    if not night:
        return local.weekday() in hours.weekdays and start <= now <= end
    yesterday = (local.weekday() - 1) % 7
    return (local.weekday() in hours.weekdays and now >= start) or (
        yesterday in hours.weekdays and now <= end
    )


def _prefer(preference: _Preference, entry: Entry) -> None:
    preference.version = max(preference.version, entry.version)
    preference.participation = preference.participation or entry.participation
    if entry.name == "ContactErased":
        for id, way in preference.ways.items():
            preference.ways[id] = replace(way, ended=way.ended or _place(entry))
        return
    channel_id, said = entry.id("channel_id"), entry.said
    if channel_id is None or said is None:
        return
    if entry.name == "ChannelDeclaredSafe":
        preference.ways[channel_id] = _Way(
            entry.text("channel"),
            _hours(entry),
            entry.day("verified_on"),
            entry.number("stale_after_days") or 0,
            said.own,
            _place(entry),
        )
    known = preference.ways.get(channel_id)
    if known is None:
        return
    match entry.name:
        case "ChannelDeclaredUnsafe":
            changed = replace(known, ended=known.ended or _place(entry), renewed=None)
        case "ChannelConfirmed":
            changed = replace(known, safe=True, since=known.renewed or known.since, renewed=None)
        case "PreferenceVerified" if said.own:
            changed = replace(known, since=entry.day("verified_on"))
        case "PreferenceVerified":
            changed = replace(known, renewed=entry.day("verified_on"))
        case _:
            return
    preference.ways[channel_id] = changed


def _choose(topics: _Topics, entry: Entry) -> None:
    topic, said = entry.text("topic"), entry.said
    if topic is None or said is None:
        return
    match entry.name:
        case "TopicChosen" if said.own:
            topics.chosen[topic] = _place(entry)
        case "TopicChosen":
            topics.waiting[topic] = _place(entry)
        case "TopicConfirmed":
            topics.waiting.pop(topic, None)
            topics.chosen[topic] = _place(entry)
        case "TopicDropped":
            topics.waiting.pop(topic, None)
            topics.chosen.pop(topic, None)
            topics.dropped[topic] = _place(entry)


def _intend(tries: list[int | None], entry: Entry) -> None:
    if entry.name == "NoticeSending":
        tries[:] = [entry.number("tries")]


def _hours(entry: Entry) -> _Hours | None:
    match entry.fields.get("hours"):
        case {
            "weekdays": [*weekdays],
            "start": str(start),
            "end": str(end),
            "time_zone": str(zone),
        }:
            try:
                return _Hours(
                    frozenset(d for d in weekdays if isinstance(d, int)),
                    start,
                    end,
                    ZoneInfo(zone),
                )
            except (ValueError, OSError, KeyError):
                return None
    return None


def _place(entry: Entry) -> Place:
    return entry.service, entry.position
