"""I09: every message goes a way that the person called safe, about something they asked for.

Rule R47 and safe contact: nothing leads to somebody's door but a way that they
declared safe themselves, or that was confirmed after staff wrote it down (R71),
inside its days and hours; and only on a topic that they chose (R11, R26). Judged
at each `NoticeQueued` and `NoticeSending` against the preference that it cites and
the topics of the same person, as both stood then: what was being handed over when
they said no is through before their no is answered.

A no to one way is a no to its address: to every way that bears the same mark, and,
where marks cannot tell, to every way of its kind. Who asked for their contact words
to be erased is contacted no more: by the order of the log of whoever heard it, and by
the clocks of two services, with seconds to spare, where it was not heard yet.

An intent to send holds for seconds and for one message: each `NoticeSent` follows
its `NoticeSending`, soon and once; nothing is sent again of which somebody knows
that it went, or nobody knows that it did not; and none goes another way than the
one that it was queued for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from services.audit.checks.entries import Entry
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams
from services.audit.checks.invariants.i04_withdrawal import UNDER_WAY, UNHEARD

Place = tuple[str, int]
Wrong = tuple[str, Place | None]

THEY_CALL = "i_will_call_you"
"""The person comes to us: nothing is ever sent this way."""

HOLDS = timedelta(seconds=3)
"""So long after an intent the message may leave."""

ANSWERED = timedelta(minutes=5)
"""So long after an intent the relay has answered, or the notice counts as lost track of."""

_LEADS_TO = {"sms": "telephone", "voice": "telephone", THEY_CALL: None}
"""Where a kind of way leads, where another kind may lead there too; nowhere, where they call."""

_OVER = frozenset(("NoticeFailed", "NoticeOutcomeUnknown", "NoticeSent", "NoticeSuppressed"))
"""After these nothing is sent of a notice any more."""


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
    at: datetime
    mark: tuple[UUID, UUID] | None = None
    ended: Place | None = None
    renewed: date | None = None

    def may_lead_where(self, other: _Way) -> bool:
        """Whether marks under one key say so; else whether it could be, by their kinds."""
        if self.mark and other.mark and self.mark[0] == other.mark[0]:
            return self.mark == other.mark
        kinds = [_LEADS_TO.get(way.channel or "", way.channel) for way in (self, other)]
        return kinds[0] == kinds[1] is not None

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
    participation: UUID | None = None
    chosen: dict[str, Place] = field(default_factory=dict)
    waiting: dict[str, Place] = field(default_factory=dict)
    dropped: dict[str, Place] = field(default_factory=dict)


@dataclass(slots=True)
class _Erasure:
    """When somebody asked last for their contact words to be erased."""

    place: Place | None = None
    at: datetime | None = None


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
        self._notices: Streams[_Notice] = Streams(history, _Notice, _notify, most)
        self._erasures: Streams[_Erasure] = Streams(history, _Erasure, _ask_erasure, most)

    @property
    def retained(self) -> int:
        """Preferences, choices of topics, notices, and who asked for an erasure."""
        contact = len(self._preferences) + len(self._topics)
        return contact + len(self._notices) + len(self._erasures)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A preference, a topic, or a notice."""
        match entry.aggregate:
            case "ContactPreference":
                self._preferences.remember(entry)
            case "TopicChoice":
                self._topics.remember(entry)
            case "Participation":
                self._erasures.remember(entry)
            case "Notice":
                wrong = self._notice(entry)
                if wrong is not None:
                    sentence, against = wrong
                    yield self.found(entry, f"the notice {sentence}", against)
                self._notices.remember(entry)

    def _notice(self, entry: Entry) -> Wrong | None:
        match entry.name:
            case "NoticeQueued":
                return self._topic(entry) or self._way(entry, entry.time("send_from"))  # I09 R47
            case "NoticeSending":
                return (
                    self._topic(entry)  # I09
                    or self._way(entry, entry.at)  # I09
                    or _again(entry, self._notices.before(entry))  # I09
                    or _too_long(entry)  # I09
                )
            case "NoticeSent":
                return _unintended(entry, self._notices.before(entry))  # I09
        return None

    def _topic(self, cites: Entry) -> Wrong | None:
        topic, person = cites.text("topic") or "", cites.participation
        id = uuid5(NAMESPACE_URL, f"/notifications/topics/{person}")
        topics = self._topics.now(cites.service, id)
        if topic in topics.chosen:
            return None
        if topic in topics.waiting:
            return "is on a topic that others recorded and nobody confirmed", topics.waiting[topic]
        if topic in topics.dropped:
            return "is on a topic that was dropped", topics.dropped[topic]
        return "is on a topic that the person never chose", None

    def _way(self, cites: Entry, at: datetime | None) -> Wrong | None:
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
        return (
            _useless(way, cites.text("channel"), at)  # I09
            or _outdated(cites, version, preference)  # I09
            or self._erased(cites, way)  # I09
        )

    def _erased(self, cites: Entry, way: _Way) -> Wrong | None:
        """Whether they had asked long before, at intake, for where it goes to be erased."""
        person = cites.participation
        asked = self._erasures.now("intake", person) if person else _Erasure()
        within = UNHEARD if cites.name == "NoticeQueued" else UNDER_WAY
        if asked.at is None or cites.at - asked.at <= within or way.at > asked.at:
            return None
        return "goes a way whose erasure the person had asked for", asked.place


@dataclass(slots=True)
class _Notice:
    """What of one notice was stored: the way it is queued for, the intent, the end."""

    channel_id: UUID | None = None
    intent: Entry | None = None
    sent: Place | None = None
    over: Place | None = None


def _again(intent: Entry, notice: _Notice) -> Wrong | None:
    """Whether another message could leave than the one that was queued, or one more."""
    if notice.over is not None:
        return "is sent again, and was sent, given up or lost track of before", notice.over
    if notice.intent is not None:
        return "is sent again, and nobody knows what became of it before", _place(notice.intent)
    if notice.channel_id not in (None, intent.id("channel_id")):
        return "goes another way than it was queued for", None
    return None


def _too_long(intent: Entry) -> Wrong | None:
    """Whether the intent would hold when the preference that it cites may not any more."""
    until, at = intent.time("until"), intent.time("at")
    if until is None or at is None:
        return "is sent by an intent that does not say until when it holds", None
    if until - at > HOLDS or until - intent.at > HOLDS:
        return "is sent by an intent that holds too long", None
    return None


def _unintended(sent: Entry, notice: _Notice) -> Wrong | None:
    """Whether what was sent had its intent: that one, just before, and for it alone."""
    intent = notice.intent
    if notice.sent is not None:
        return "was sent twice under one intent", notice.sent
    if intent is None or sent.number("tries") != intent.number("tries"):
        return "was sent without an intent that cites why", None
    said = sent.time("at") or sent.at
    if sent.at - intent.at > ANSWERED or said - intent.at > ANSWERED:
        return "was sent long after the intent that cites why", _place(intent)
    return None


def _outdated(cites: Entry, version: int, preference: _Preference) -> Wrong | None:
    """What is sent cites the preference as it is; what is queued may be overtaken."""
    if cites.name == "NoticeSending" and version != preference.version:
        return "is sent by a preference that was changed since", None
    return None


def _useless(way: _Way, channel: str | None, at: datetime) -> Wrong | None:
    """Why a way may not be gone at this moment, and since when; or nothing."""
    if way.ended is not None:
        return "goes a way that is not safe any more", way.ended
    local = at.astimezone(way.hours.zone).date() if way.hours is not None else None
    for sentence, wrong in (
        ("goes a way that others recorded and nobody confirmed", not way.safe),
        ("is to go to somebody who calls by themselves", way.channel == THEY_CALL),
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
    if entry.name in ("ContactErasureRequested", "ContactErased"):
        _end(preference, preference.ways, entry)
        return
    channel_id, own = entry.id("channel_id"), entry.own(preference.participation)
    if channel_id is None:
        return
    if entry.name == "ChannelDeclaredSafe":
        before = preference.ways.get(channel_id)
        preference.ways[channel_id] = _Way(
            entry.text("channel"),
            _hours(entry),
            entry.day("verified_on"),
            entry.number("stale_after_days") or 0,
            own,
            _place(entry),
            entry.at,
            _mark(entry),
            before.ended if before else None,
        )
    known = preference.ways.get(channel_id)
    if known is None:
        return
    match entry.name:
        case "ChannelDeclaredUnsafe":  # whoever says it, and however badly it is recorded (R71)
            same = (id for id, way in preference.ways.items() if way.may_lead_where(known))
            _end(preference, {channel_id, *same}, entry)
            return
        case "ChannelReplaced":
            _end(preference, (channel_id,), entry)
            return
        case "ChannelConfirmed":
            changed = replace(known, safe=True, since=known.renewed or known.since, renewed=None)
        case "PreferenceVerified" if own:
            changed = replace(known, since=entry.day("verified_on"))
        case "PreferenceVerified":
            changed = replace(known, renewed=entry.day("verified_on"))
        case _:
            return
    preference.ways[channel_id] = changed


def _end(preference: _Preference, ids: Iterable[UUID], entry: Entry) -> None:
    for id in list(ids):
        way = preference.ways[id]
        preference.ways[id] = replace(way, ended=way.ended or _place(entry), renewed=None)


def _mark(entry: Entry) -> tuple[UUID, UUID] | None:
    match entry.fields.get("address_mark"):
        case {"key_id": UUID() as key_id, "digest": UUID() as digest}:
            return key_id, digest
    return None


def _ask_erasure(erasure: _Erasure, entry: Entry) -> None:
    classes = entry.fields.get("record_classes")
    of_contact = isinstance(classes, list | tuple) and "contact" in classes
    if entry.name == "ErasureRequested" and of_contact:
        erasure.place, erasure.at = _place(entry), entry.at


def _choose(topics: _Topics, entry: Entry) -> None:
    topics.participation = topics.participation or entry.participation
    topic = entry.text("topic")
    if topic is None:
        return
    match entry.name:
        case "TopicChosen" if entry.own(topics.participation):
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


def _notify(notice: _Notice, entry: Entry) -> None:
    match entry.name:
        case "NoticeQueued":
            notice.channel_id = notice.channel_id or entry.id("channel_id")
        case "NoticeSending":
            notice.intent = entry
        case "NoticePutOff":
            notice.intent = None
        case "NoticeSent":
            notice.sent = notice.sent or _place(entry)
    if entry.name in _OVER:
        notice.over = notice.over or _place(entry)


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
