"""What every invariant is made of: findings, and a bounded memory of streams."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

from services.audit.checks.entries import Entry
from services.audit.checks.history import History

MOST = 20_000
"""How many streams, and how many open matters across streams, an invariant remembers at once."""

S = TypeVar("S")


@dataclass(frozen=True)
class Finding:
    """One breach: the entry that breaks the invariant, and the one that it contradicts."""

    invariant: str
    service: str
    position: int
    stream: UUID
    aggregate: str
    sentence: str
    against: tuple[str, int] | None = None


class Invariant:
    """A state machine that is fed a history entry by entry, in order, and says what breaks it.

    ``holds`` is what it judges, in one sentence; ``rules`` the rules it stands
    for; ``limits`` what of it the stored events cannot show.
    """

    code: ClassVar[str]
    holds: ClassVar[str]
    rules: ClassVar[tuple[str, ...]]
    limits: ClassVar[str] = ""

    def __init__(self, history: History, most: int = MOST) -> None:
        self.history = history
        self.most = most

    def see(self, entry: Entry) -> Iterator[Finding]:
        """What this entry breaks."""
        raise NotImplementedError

    def see_unreadable(self, entry: Entry) -> Iterator[Finding]:
        """What an entry breaks whose fields cannot be read: mostly nothing can be said."""
        return iter(())

    def end(self) -> Iterator[Finding]:
        """What could only be told at the end of the history."""
        return iter(())

    @property
    def retained(self) -> int:
        """How many streams and open matters are remembered now."""
        return 0

    def found(
        self, entry: Entry, sentence: str, against: Entry | tuple[str, int] | None = None
    ) -> Finding:
        """A finding at an entry."""
        if isinstance(against, Entry):
            against = (against.service, against.position)
        return Finding(
            self.code,
            entry.service,
            entry.position,
            entry.stream,
            entry.aggregate,
            sentence,
            against,
        )


class Streams(Generic[S]):
    """What an invariant remembers of streams: of at most ``most`` of them, the last ones used.

    One that was put out of memory is folded again from its own events in the
    log when it is needed, so that what is remembered never depends on how much
    is. Memory is bounded by ``most`` times one stream's own memory; a log of any
    length costs time only. ``unreadable``: whether entries count whose fields
    cannot be read.
    """

    def __init__(
        self,
        history: History,
        new: Callable[[], S],
        remember: Callable[[S, Entry], None],
        most: int = MOST,
        *,
        unreadable: bool = False,
    ) -> None:
        self._history = history
        self._new = new
        self._remember = remember
        self._most = most
        self._unreadable = unreadable
        self._states: OrderedDict[tuple[str, UUID], S] = OrderedDict()

    def before(self, entry: Entry) -> S:
        """A stream as it stood before this entry of it."""
        new = entry.version == 1
        return self._get(entry.service, entry.stream, None if new else entry.position)

    def now(self, service: str, stream: UUID) -> S:
        """Any stream as far as the history has come."""
        return self._get(service, stream, self._history.come(service) + 1)

    def remember(self, entry: Entry) -> None:
        """Fold an entry of the history into its stream."""
        self._remember(self.before(entry), entry)

    def __len__(self) -> int:
        return len(self._states)

    def _get(self, service: str, stream: UUID, before: int | None) -> S:
        key = (service, stream)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = self._new()
            if before is not None:
                for earlier in self._history.earlier(service, stream, before):
                    if self._unreadable or earlier.unreadable is None:
                        self._remember(state, earlier)
            if len(self._states) > self._most:
                self._states.popitem(last=False)
        else:
            self._states.move_to_end(key)
        return state
