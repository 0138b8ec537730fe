"""Data keys, and where a service gets them: one key per participation and record class."""

from __future__ import annotations

import base64
import math
import time
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Protocol
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from shared.contracts.base import Model, Request
from shared.contracts.keyring import LEASE_SECONDS, DataKeyById, OpenDataKey, OpenedKey
from shared.contracts.refusal import Because, Refused, Unavailable

LOOK_EVERY = 1.0
"""Seconds between two looks at what is held, while anything is."""

EARLY = 2 * LOOK_EVERY
"""Seconds before the end of its loan from which a look drops a key: the next could be late."""


class KeyDestroyed(Refused):
    """The key is gone for good: what was sealed under it has been rendered unreadable."""

    code = "key_destroyed"
    because: Because = "gone"
    detail = "This was erased; it has been rendered unreadable for everybody."
    what_to_do = (
        "What is gone cannot come back. What is said from now on can be kept again in a moment,"
        " when the erasure is complete."
    )


class KeyNotYours(Refused):
    """The record class is none that this service may open."""

    code = "key_not_yours"
    because: Because = "not_allowed"
    detail = "This service may not open words of that record class."
    what_to_do = "Ask the service that owns the record."


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one participation's words in one record class; ``repr`` hides the secret."""

    key_id: UUID
    participation_id: UUID
    record_class: str
    secret: bytes = field(repr=False)
    _marks: bytes | None = field(default=None, init=False, repr=False, compare=False)
    _extracted: bytes | None = field(default=None, init=False, repr=False, compare=False)

    def for_marks(self, derive: Callable[[bytes], bytes]) -> bytes:
        """What ``derive`` makes of the secret, asked once; it goes with this key."""
        if self._marks is None:
            object.__setattr__(self, "_marks", derive(self.secret))
        assert self._marks is not None
        return self._marks

    def expanded(self, info: bytes) -> bytes:
        """32 bytes of HKDF-SHA-256 (RFC 5869) of the secret, without a salt, for ``info`` alone.

        Its first half, which does not depend on ``info``, is done once and goes with this key.
        """
        if self._extracted is None:
            object.__setattr__(self, "_extracted", HKDF.extract(SHA256(), None, self.secret))
        assert self._extracted is not None
        return HKDFExpand(SHA256(), 32, info).derive(self._extracted)

    def __post_init__(self) -> None:
        if len(self.secret) != 32:
            raise ValueError("a data key has 32 bytes")


class KeySource(Protocol):
    """Where sealing gets its keys.

    Every method may raise ``Unavailable`` (the keyring is away and the key is
    not cached) and ``KeyNotYours``.
    """

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        """The key to close new words with; ``KeyDestroyed`` after an erasure."""
        ...

    def by_id(self, key_id: UUID) -> DataKey:
        """The key that a closed value names; ``KeyDestroyed`` after an erasure."""
        ...

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        """Drop what is held in memory of these; nothing happens where nothing is held."""
        ...


class Caller(Protocol):
    """The part of ``shared.messaging.bus.ServiceCaller`` that is needed here."""

    def call(
        self,
        service: str,
        method: str,
        request: Request,
        ctx: Any,
        command_id: UUID | None = None,
    ) -> Model:
        """Ask another service and wait for its answer."""


@dataclass(slots=True)
class _Held:
    key: DataKey
    until: float


class CachedKeySource:
    """Keys from the keyring, held in memory for at most ``LEASE_SECONDS``.

    The time starts before the question is sent, so a key is always dropped
    here before the keyring takes the loan for run out: also where nobody asks for
    anything any more, by a thread of its own (on RabbitMQ a greenlet) that looks
    once a second while something is held, and is not there otherwise. What was
    derived from a secret goes with it. ``asker`` is the
    service's own principal. While the keyring is away, held keys go on
    working and everything else raises ``Unavailable``.
    """

    def __init__(
        self,
        caller: Caller,
        asker: Any = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        holder: UUID | None = None,
    ) -> None:
        self.holder = holder or uuid4()
        """This process, as the keyring knows it."""
        self._caller = caller
        self._asker = asker
        self._monotonic = monotonic
        self._lock = Lock()
        self._held: dict[UUID, _Held] = {}
        self._current: dict[tuple[UUID, str], UUID] = {}
        self._forgotten: dict[tuple[UUID, str], float] = {}
        self._looked_at = False
        self._closed = Event()

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        """The key to close new words with."""
        with self._lock:
            key_id = self._current.get((participation_id, record_class))
            held = self._fresh(key_id) if key_id else None
        return held or self._ask(
            OpenDataKey(
                participation_id=participation_id, record_class=record_class, holder=self.holder
            )
        )

    def by_id(self, key_id: UUID) -> DataKey:
        """The key that a closed value names."""
        with self._lock:
            held = self._fresh(key_id)
        return held or self._ask(DataKeyById(key_id=key_id, holder=self.holder))

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        """Drop these keys now, also from answers that are still on their way."""
        with self._lock:
            for record_class in record_classes:
                subject = (participation_id, record_class)
                self._forgotten[subject] = self._monotonic()
                self._current.pop(subject, None)
                for key_id in [k for k, h in self._held.items() if _subject(h.key) == subject]:
                    del self._held[key_id]

    def close(self) -> None:
        """Drop everything, and hold nothing from now on."""
        self._closed.set()
        with self._lock:
            self._held.clear()
            self._current.clear()

    def _fresh(self, key_id: UUID) -> DataKey | None:
        held = self._held.get(key_id)
        return held.key if held and self._monotonic() < held.until else None

    def _ask(self, request: OpenDataKey | DataKeyById) -> DataKey:
        asked_at = self._monotonic()
        try:
            answer = self._caller.call("keyring", request.method(), request, self._asker)
        except Refused as refused:
            for known in (KeyDestroyed, KeyNotYours):
                if refused.code == known.code:
                    raise known() from refused
            raise
        if not isinstance(answer, OpenedKey):
            raise TypeError("the keyring answered with something other than a key")
        key = DataKey(
            answer.key_id,
            answer.participation_id,
            answer.record_class,
            base64.b64decode(answer.secret, validate=True),
        )
        until = asked_at + LEASE_SECONDS
        with self._lock:
            now = self._monotonic()
            self._drop_stale(now)
            # An answer that was on its way while the key was destroyed is not kept.
            if self._forgotten.get(_subject(key), -math.inf) >= asked_at:
                raise KeyDestroyed()
            if now >= until:  # the loan ran out on the way: the keyring waits for nobody any more
                raise Unavailable()
            if not self._closed.is_set():
                self._have_looked_at()
                self._held[key.key_id] = _Held(key, until)
                self._current[_subject(key)] = key.key_id
        return key

    def _have_looked_at(self) -> None:
        if self._looked_at:
            return
        looking = (weakref.ref(self), self._closed)
        Thread(target=_look_again, args=looking, name="sayso-keys", daemon=True).start()
        self._looked_at = True

    def _look(self) -> bool:
        """Drop what is about to be stale; whether anything is left to look at."""
        with self._lock:
            self._drop_stale(self._monotonic() + EARLY)
            self._looked_at = bool(self._held)
            return self._looked_at

    def _drop_stale(self, now: float) -> None:
        self._held = {k: h for k, h in self._held.items() if now < h.until}
        self._current = {s: k for s, k in self._current.items() if k in self._held}
        # A question older than a loan is answered by nobody.
        self._forgotten = {
            s: at for s, at in self._forgotten.items() if now < at + 2 * LEASE_SECONDS
        }


def _look_again(source: weakref.ref[CachedKeySource], closed: Event) -> None:
    while not closed.wait(LOOK_EVERY):
        held = source()
        if held is None or not held._look():
            return
        del held  # whoever drops the source is not held up by who looks at it


def _subject(key: DataKey) -> tuple[UUID, str]:
    return (key.participation_id, key.record_class)
