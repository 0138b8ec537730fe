"""I16: a yes that staff wrote down opened nothing before somebody else had heard it.

Rule R71: such a yes takes effect once the survivor confirms it, or a second
trained person hears it from them; a no, a stop or a revocation acts at once,
whoever records it. Judged wherever a yes takes effect: a release given, an
option chosen, an erasure requested, a topic or a way of contact confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from services.audit.checks.entries import Entry, Said
from services.audit.checks.history import History
from services.audit.checks.invariants.base import MOST, Finding, Invariant, Streams

NOTHING_NOW = "nothing_now"
NO_WAIT = timedelta(minutes=1)
"""What may lie between the recording of a no, as its header says, and its storing."""

_AT_ONCE = "a yes that staff recorded took effect at once"
_NOT_THEIRS = "a yes that was recorded as the person's own, by somebody else, took effect at once"
_NOBODY = "a yes took effect that does not say who recorded it"

_SETTLED = frozenset(
    (
        "ChannelConfirmed",
        "ChannelDeclaredUnsafe",
        "ErasureRequested",
        "OptionChosen",
        "TopicConfirmed",
        "TopicDropped",
    )
)
"""After these a yes that was written down is in effect, or over."""

Place = tuple[str, int]
Wrong = tuple[str, Place | None]

_NOES = frozenset(
    (
        "AdvocateAssignmentEnded",
        "CaseClosed",
        "CasePaused",
        "ChannelDeclaredUnsafe",
        "DecisionDenied",
        "GrantDeclined",
        "GrantRevoked",
        "OptionDeclined",
        "TopicDropped",
    )
)


@dataclass(slots=True)
class _Yes:
    """What staff wrote down, and who; ``heard`` is who confirmed it, ``over`` the no to it."""

    actor: UUID | None
    place: Place
    kind: str | None = None
    heard: Entry | None = None
    over: Place | None = None


@dataclass(slots=True)
class _Stream:
    """Whose it is, and its yeses that staff wrote down: by decision, topic or way."""

    person: UUID | None = None
    yeses: dict[object, _Yes] = field(default_factory=dict)
    noes: set[UUID] = field(default_factory=set)
    no: Place | None = None


class Confirmed(Invariant):
    """Remembers: of each stream the yeses that staff wrote down, and its noes."""

    code = "I16"
    holds = (
        "every yes that staff recorded and that took effect has its confirmation before the "
        "effect; no no waited"
    )
    rules = ("R71",)
    limits = "Whether a second person was trained is not in the stored header."

    def __init__(self, history: History, most: int = MOST) -> None:
        super().__init__(history, most)
        self._streams: Streams[_Stream] = Streams(history, _Stream, _remember, most)

    @property
    def retained(self) -> int:
        """Streams."""
        return len(self._streams)

    def see(self, entry: Entry) -> Iterator[Finding]:
        """A yes, a confirmation, or a no."""
        if entry.aggregate not in ("Grant", "Participation", "TopicChoice", "ContactPreference"):
            return
        wrong = self._judge(entry)
        if wrong is not None:
            sentence, against = wrong
            yield self.found(entry, sentence, against)
        self._streams.remember(entry)

    def _judge(self, entry: Entry) -> Wrong | None:
        stream, said = self._streams.before(entry), entry.said
        match entry.name:
            case "GrantGiven":
                return _grant(entry, stream)  # I16 R71
            case "OptionChosen" | "ErasureRequested":
                return _decision(entry, stream)  # I16 R71
            case "TopicChosen" | "PreferenceVerified" if entry.fields.get("waits") is not True:
                return _at_once(entry, stream)  # I16 R71
            case "ChannelDeclaredSafe" if said is None or not said.heard_for(stream.person):
                return _at_once(entry, stream)  # I16 R71: in the hand of staff it waits
            case "TopicConfirmed" | "ChannelConfirmed":
                return _heard(entry, stream, stream.yeses.get(_key(entry)))  # I16 R71
        return _waited(entry, said, stream) if said is not None else None  # I16 R71


def _waited(entry: Entry, said: Said, stream: _Stream) -> Wrong | None:
    """Whether a no had to wait for anything."""
    if entry.name == "DecisionConfirmed" and entry.id("decision_id") in stream.noes:
        return "a no was made to wait for a confirmation", None
    if entry.name not in _NOES and not _steps_back(entry):
        return None
    if said.recorded_at is None or entry.at - said.recorded_at > NO_WAIT:
        return f"{entry.name} was recorded, and waited before it was stored", None
    return None


def _grant(entry: Entry, stream: _Stream) -> Wrong | None:
    if stream.no is not None:
        return "the release took effect after the survivor's no", stream.no
    if _is_for_i13(entry, stream):
        return None
    return _heard(entry, stream, stream.yeses.get(None))


def _decision(entry: Entry, stream: _Stream) -> Wrong | None:
    """A choice or an erasure: in effect with the header of who wrote it down."""
    if entry.own(stream.person) or entry.text("programme_type") == NOTHING_NOW:
        return None
    if entry.name == "OptionChosen" and _is_for_i13(entry, stream):
        return None
    yes = stream.yeses.get(_key(entry))
    if yes is None:
        return _at_once(entry, stream)
    if yes.over is not None:
        return "a yes took effect after it was denied, declined or had lapsed", yes.over
    if yes.heard is None:
        return "a yes that staff recorded took effect, and nobody had confirmed it", yes.place
    return _heard(yes.heard, stream, yes)


def _is_for_i13(entry: Entry, stream: _Stream) -> bool:
    """Whether it does not even claim to be told by somebody of this person: that is I13's."""
    said = entry.said
    return (
        said is None
        or said.as_own
        or said.participation != stream.person
        or said.on_behalf_of not in (None, stream.person)
        or said.role in (None, "system")
        or said.actor is None
    )


def _at_once(entry: Entry, stream: _Stream) -> Wrong | None:
    """Of a yes that is in effect as it is stored: whether it is the person's own."""
    said = entry.said
    if said is None:
        return _NOBODY, None
    if entry.own(stream.person):
        return None
    return (_NOT_THEIRS if said.as_own else _AT_ONCE), None


def _heard(by: Entry, stream: _Stream, yes: _Yes | None) -> Wrong | None:
    """Whether who stored ``by`` may confirm a yes: the survivor, or a second person of staff."""
    said = by.said
    if by.own(stream.person):
        return None
    if said is None or not said.heard_for(stream.person):
        return "a yes was confirmed by neither the survivor nor staff", yes.place if yes else None
    if yes is None:
        return "staff confirmed a yes that nobody had recorded before", None
    if said.actor == yes.actor:
        return "a yes was confirmed by whoever had recorded it", yes.place
    return None


def _steps_back(entry: Entry) -> bool:
    return entry.name == "InvolvementChanged" and entry.text("involvement") != "active"


def _key(entry: Entry) -> object:
    return (
        entry.id("decision_id")
        or entry.id("erasure_id")
        or entry.id("channel_id")
        or entry.text("topic")
    )


def _remember(stream: _Stream, entry: Entry) -> None:
    key, place, said = _key(entry), (entry.service, entry.position), entry.said
    if entry.version == 1:
        stream.person = entry.participation
    yes = stream.yeses.get(key)
    match entry.name:
        case "YesRecorded" | "ChoiceRecorded" | "ErasureRecorded":
            actor = said.actor if said else None
            stream.yeses[key] = _Yes(actor, place, entry.text("programme_type"))
        case "TopicChosen" | "PreferenceVerified" | "ChannelDeclaredSafe":
            if said is not None and not entry.own(stream.person):
                stream.yeses[key] = _Yes(said.actor, place)
        case "DecisionConfirmed" if yes is not None and yes.over is None:
            yes.heard = entry
        case "DecisionDenied" | "DecisionLapsed" if yes is not None:
            yes.over = place
        case "OptionDeclined":
            _declined(stream, entry)
        case "GrantDeclined" | "GrantRevoked":
            stream.no = stream.no or place
        case _ if entry.name in _SETTLED:
            stream.yeses.pop(key, None)


def _declined(stream: _Stream, entry: Entry) -> None:
    decision_id, kind = entry.id("decision_id"), entry.text("programme_type")
    if decision_id is not None:
        stream.noes.add(decision_id)
    for yes in stream.yeses.values():
        if yes.kind is not None and yes.kind == kind:
            yes.over = (entry.service, entry.position)
