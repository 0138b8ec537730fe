"""Was anything lost, done twice or reordered? Reads the databases and what people were told.

It knows nothing of how the platform works inside: not its follower, its relay
or its committer, only what their tables hold. What must follow from what is
written down in :data:`EFFECTS` by hand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.chaos.acknowledged import Acknowledgement
from tests.chaos.announced import Heard

LEDGER = "audit"

FOLLOWERS: Mapping[str, tuple[str, ...]] = {
    "intake": ("consent", "keyring", "notifications"),
    "consent": ("intake", "notifications"),
    "notifications": ("intake",),
    "keyring": ("intake", "notifications"),
}
"""Producer → who follows it."""

NOTED = ("intake", "Note.Noted")
TOLD = ("notifications", "Notice.NoticeRequested")

CASE = (
    ("consent", "Accompaniment.CaseStateKnown"),
    ("notifications", "Accompaniment.CaseStateKnown"),
)

EFFECTS: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("intake", "Participation.ConfidentialityNoticeGiven"): (
        ("consent", "Accompaniment.NoticeKnown"),
        ("notifications", "Accompaniment.NoticeKnown"),
    ),
    ("intake", "Participation.AdvocateAssigned"): (
        ("consent", "Accompaniment.AdvocateKnown"),
        ("notifications", "Accompaniment.AdvocateKnown"),
    ),
    ("intake", "Participation.AdvocateAssignmentEnded"): (
        ("consent", "Accompaniment.AdvocateGone"),
        ("notifications", "Accompaniment.AdvocateGone"),
    ),
    ("intake", "Case.CasePaused"): CASE,
    ("intake", "Case.CaseReopened"): CASE,
    ("intake", "Participation.ErasureRequested"): (("keyring", "Erasure.KeysDestroyed"),),
    ("intake", "Participation.NeedsErased"): (("consent", "ErasedItems.ItemsErased"),),
    ("consent", "Grant.GrantProposed"): (NOTED,),
    ("consent", "Grant.GrantExplained"): (NOTED,),
    ("consent", "Grant.GrantGiven"): (NOTED, TOLD),
    ("consent", "Grant.GrantRevoked"): (NOTED, TOLD),
    ("consent", "Grant.GrantDeclined"): (NOTED,),
    ("notifications", "ContactPreference.ChannelDeclaredSafe"): (NOTED,),
    ("notifications", "TopicChoice.TopicChosen"): (NOTED,),
    ("notifications", "Notice.NoticeQueued"): (NOTED,),
    ("notifications", "Notice.NoticeSuppressed"): (NOTED,),
    ("keyring", "Erasure.KeysDestroyed"): (NOTED,),
    ("keyring", "Erasure.ErasureCompleted"): (NOTED, ("intake", "CarriedOut.ErasureCarriedOut")),
}
"""(producer, its event) → (follower, its event), once each, in the order of the producer's stream.

Of the lives that people live here (``tests.chaos.lives``), who chose to hear of every sharing.
"""

Connect = Callable[[str], Any]
"""Service → a connection to its database that may read everything."""


@dataclass(frozen=True)
class Finding:
    """One broken promise: ``lost``, ``twice``, ``reordered`` or ``inconsistent``, and what."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True)
class Event:
    """A stored event, as far as it is looked at."""

    position: int
    stream: str
    version: int
    name: str
    previous: int | None
    causation: str
    command: tuple[str, str] | None


def check(connect: Connect, acknowledged: Iterable[Acknowledgement], heard: Heard) -> list[Finding]:
    """Everything, once the platform is at rest; empty where all of it holds."""
    books = Books(connect)
    return [
        *books.dense(),
        *books.acknowledged(acknowledged),
        *books.once(),
        *books.announced(),
        *books.heard(heard),
        *books.applied(),
        *books.in_the_ledger(),
    ]


def at_rest(connect: Connect) -> list[str]:
    """What is still under way; empty once everything is announced, consumed and in the ledger."""
    waiting = []
    last: dict[str, int] = {}
    before = ends(connect)
    for service in FOLLOWERS:
        stored, published, announced, parked = _row(
            connect,
            service,
            "SELECT (SELECT coalesce(max(position), 0) FROM events),"
            " (SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL),"
            " (SELECT coalesce(max(cursor), 0) FROM relay), (SELECT count(*) FROM parked)",
        )
        last[service] = published
        if announced != published:
            waiting.append(f"{service} announced {announced} of {published}")
        if parked:
            waiting.append(f"{service} has {parked} parked")
        recorded = _row(
            connect,
            LEDGER,
            "SELECT coalesce(max(position), 0) FROM leaves WHERE service = %s",
            (service,),
        )[0]
        if recorded != stored:
            waiting.append(f"the ledger has {recorded} of {stored} of {service}")
    for producer, followers in FOLLOWERS.items():
        for follower in followers:
            cursor = _row(
                connect,
                follower,
                "SELECT coalesce(max(position), 0) FROM inbox WHERE producer = %s",
                (producer,),
            )[0]
            if cursor != last[producer]:
                waiting.append(f"{follower} heard {cursor} of {last[producer]} of {producer}")
    # The logs were looked at one after another: what was heard in between moved one of them on.
    if ends(connect) != before:
        waiting.append("a log went on meanwhile")
    return waiting


def ends(connect: Connect) -> dict[str, int]:
    """The last position of every log."""
    last = "SELECT coalesce(max(position), 0) FROM events"
    return {service: int(_row(connect, service, last)[0]) for service in FOLLOWERS}


class Books:
    """Every log, read once."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.logs = {service: list(_events(connect, service)) for service in FOLLOWERS}

    def dense(self) -> Iterator[Finding]:
        """Positions and versions from 1 without a hole; each published event names the last one."""
        for service, log in self.logs.items():
            versions: dict[str, int] = defaultdict(int)
            published = 0
            for due, event in enumerate(log, 1):
                at = f"{service}/{event.position}"
                if event.position != due:
                    yield Finding("lost", f"{at} where position {due} is due")
                    break
                versions[event.stream] += 1
                if event.version != versions[event.stream]:
                    yield Finding("reordered", f"{at} is version {event.version} of its stream")
                if event.previous is not None:
                    if event.previous != published:
                        yield Finding("lost", f"{at} names {event.previous} and not {published}")
                    published = event.position

    def acknowledged(self, acknowledged: Iterable[Acknowledgement]) -> Iterator[Finding]:
        """What somebody was told is stored, once, with that answer, and led to an event."""
        commands = {service: self._commands(service) for service in self.logs}
        deciding = {service: {event.command for event in log} for service, log in self.logs.items()}
        told: set[tuple[str, str, str]] = set()
        for one in acknowledged:
            what = f"{one.service} {one.method} {one.command_id}"
            told.add((one.service, one.scope, one.command_id))
            stored = commands[one.service].get((one.scope, one.command_id))
            if stored is None:
                yield Finding("lost", f"{what} was acknowledged, and is not stored")
                continue
            if stored != (one.method, {"ok": one.result}):
                yield Finding("inconsistent", f"{what} was answered otherwise than it is stored")
            actor = one.scope.partition(":")[2]
            if (actor, one.command_id) not in deciding[one.service]:
                yield Finding("lost", f"{what} was acknowledged, and no event says so")

    def once(self) -> Iterator[Finding]:
        """What has one cause was stored in one go: side by side, each event of a stream once."""
        for service, log in self.logs.items():
            for cause, events in _by_cause(log).items():
                where = [event.position for event in events]
                if where != list(range(where[0], where[0] + len(where))):
                    yield Finding("twice", f"{service} has effects of {cause} at {where}")
                kinds = [(event.stream, event.name) for event in events]
                for _stream, name in {kind for kind in kinds if kinds.count(kind) > 1}:
                    yield Finding("twice", f"{service} has {name} of {cause} at {where}")

    def announced(self) -> Iterator[Finding]:
        """Relay and followers are at the last published position, and nothing is set aside."""
        for waiting in at_rest(self._connect):
            yield Finding("lost", waiting)

    def heard(self, heard: Heard) -> Iterator[Finding]:
        """Each published event was at the broker, at least once, and first in its log's order."""
        for service, log in self.logs.items():
            published = [event.position for event in log if event.previous is not None]
            first = list(dict.fromkeys(heard.positions.get(service, ())))
            if missing := sorted(set(published) - set(first)) if heard.complete else []:
                yield Finding("lost", f"the broker was never given {missing[:5]} of {service}")
            if unknown := sorted(set(first) - set(published)):
                what = f"the broker was given {unknown[:5]} of {service}, which are not published"
                yield Finding("inconsistent", what)
            for before, after in pairwise(first):
                if after < before:
                    yield Finding("reordered", f"{service}/{after} was announced after {before}")

    def applied(self) -> Iterator[Finding]:
        """Each published event has each of its effects exactly once, and all effects of a stream
        in a follower are in the order of that stream."""
        effects = {service: _effects(log) for service, log in self.logs.items()}
        for producer, log in self.logs.items():
            reached: dict[tuple[str, str], int] = {}
            for event in log:
                cause = f"{producer}/{event.position}"
                last: dict[tuple[str, str], int] = {}
                for follower, name in EFFECTS.get((producer, event.name), ()):
                    found = effects[follower].get((cause, name), [])
                    if len(found) != 1:
                        kind = "twice" if found else "lost"
                        what = f"{follower} has {name} of {cause} {len(found)} times: {found}"
                        yield Finding(kind, what)
                        continue
                    # Whatever it leads to: what came first leads to what comes first.
                    place = (follower, event.stream)
                    if found[0] < reached.get(place, 0):
                        yield Finding("reordered", f"{follower} has {name} of {cause} too early")
                    last[place] = max(found[0], last.get(place, 0))
                reached |= {place: max(at, reached.get(place, 0)) for place, at in last.items()}

    def in_the_ledger(self) -> Iterator[Finding]:
        """Each position of each log is one leaf, and no other is. ``sayso audit verify`` holds
        their digests against the rows."""
        with closing(self._connect(LEDGER)) as connection, connection.cursor() as cursor:
            for service, log in self.logs.items():
                cursor.execute(
                    "SELECT position FROM leaves WHERE service = %s ORDER BY position", (service,)
                )
                recorded = [position for (position,) in cursor.fetchall()]
                stored = [event.position for event in log]
                if recorded != stored:
                    missing = sorted(set(stored) - set(recorded))[:5]
                    more = sorted(set(recorded) - set(stored))[:5]
                    repeated = len(recorded) - len(set(recorded))
                    kind = "twice" if repeated else "lost"
                    what = f"the ledger of {service}: without {missing}, besides {more}"
                    yield Finding(kind, f"{what}, {repeated} more than once")

    def _commands(self, service: str) -> dict[tuple[str, str], tuple[str, Any]]:
        with closing(self._connect(service)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT scope, command_id::text, method, result FROM commands")
            return {(scope, id): (method, result) for scope, id, method, result in cursor}


def _events(connect: Connect, service: str) -> Iterator[Event]:
    with closing(connect(service)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT position, originator_id::text, originator_version, topic, previous, state"
            " FROM events ORDER BY position"
        )
        for position, stream, version, topic, previous, state in cursor:
            meta = json.loads(bytes(state)).get("meta") or {}
            command_id = meta.get("command_id")
            yield Event(
                position=position,
                stream=stream,
                version=version,
                name=topic.partition(":")[2],
                previous=previous,
                causation=meta.get("causation") or "",
                command=(str(meta.get("actor_id")), command_id) if command_id else None,
            )


def _by_cause(log: Iterable[Event]) -> dict[Any, list[Event]]:
    """Events by command or by message. A due row may be done about more than once, on purpose."""
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in log:
        if event.command:
            found[event.command].append(event)
        elif event.causation and not event.causation.startswith("due/"):
            found[event.causation].append(event)
    return found


def _effects(log: Iterable[Event]) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in log:
        found[event.causation, event.name].append(event.position)
    return found


def _row(connect: Connect, service: str, sql: str, params: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    with closing(connect(service)) as connection, connection.cursor() as cursor:
        cursor.execute(sql, params)
        return tuple(cursor.fetchone())
