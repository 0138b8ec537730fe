"""Long streams as they were when they were last read, so that only what came since is replayed.

In memory only, bounded, and made of nothing but what was read from the log: words are in it as
sealed as they are there, and whoever destroys a key destroys what it sealed here too.
"""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID

from shared.eventstore.aggregate import Aggregate
from shared.sealing.sealed import Sealed

WORTH_IT = 16
"""Events replayed at once, from which on the next reader is spared them."""

MOST = 512
"""Streams that are kept; the one that was not read for the longest goes first."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An aggregate behind one event of its stream."""

    version: int
    last_state: bytes
    """The stored bytes of that event: another event in its place means another history."""
    copy: bytes
    sealed: tuple[Sealed, ...]
    """The sealed values of it, which are in the copy by their place here: they never change."""

    def aggregate(self) -> Aggregate:
        """A new object each time: whoever decides with it changes it."""
        found: Aggregate = _Reader(self.copy, self.sealed).load()
        return found


class _Writer(pickle.Pickler):
    """Sets sealed values aside: they are never pickled."""

    def __init__(self, into: BytesIO) -> None:
        super().__init__(into, protocol=5)
        self.sealed: list[Sealed] = []

    def persistent_id(self, obj: Any) -> int | None:
        if not isinstance(obj, Sealed):
            return None
        self.sealed.append(obj)
        return len(self.sealed) - 1


class _Reader(pickle.Unpickler):
    """Reads what this process wrote, and nothing else ever."""

    def __init__(self, copy: bytes, sealed: tuple[Sealed, ...]) -> None:
        super().__init__(BytesIO(copy))
        self._sealed = sealed

    def persistent_load(self, pid: int) -> Sealed:
        return self._sealed[pid]


class Snapshots:
    """The snapshots of one application; safe for many threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Snapshot] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, id: UUID) -> Snapshot | None:
        """The newest that is known, or nothing."""
        with self._lock:
            found = self._kept.get(id)
            if found is not None:
                self._kept.move_to_end(id)
            return found

    def keep(self, aggregate: Aggregate, last_state: bytes) -> None:
        """Remember it as it is now: as the log tells it, with nothing decided since."""
        into = BytesIO()
        writer = _Writer(into)
        writer.dump(aggregate)
        snapshot = Snapshot(aggregate.version, last_state, into.getvalue(), tuple(writer.sealed))
        with self._lock:
            self._kept[aggregate.id] = snapshot
            self._kept.move_to_end(aggregate.id)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def drop(self, id: UUID) -> None:
        """Forget it: the log tells another history."""
        with self._lock:
            self._kept.pop(id, None)
