"""What a follower needs to remember, and that it is remembered together with the effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.messaging.announcement import Announcement


class AlreadyConsumed(Exception):
    """The cursor is at or past this position: somebody else consumed it; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One reading of the inbox: the last consumed position, and whether the stream is parked."""

    cursor: int
    parked: bool


@dataclass(frozen=True, slots=True)
class Parked:
    """A message whose handler raised, or that came behind one in the same stream."""

    announcement: Announcement
    attempts: int
    """How often its handler raised; 0 for one that only waits behind another."""
    retry_at: datetime
    reason: str


class Inbox(Protocol):
    """The consumer's side of one database. Every method is one transaction.

    Methods that consume raise :class:`AlreadyConsumed` when the cursor is no
    longer before the announcement, whoever moved it. Anything a handler raises
    passes through, with nothing stored.
    """

    def standing(self, producer: str, stream_id: str) -> Standing:
        """Cursor and parked, read together."""

    def follows(self, announcement: Announcement) -> bool:
        """Whether there is a reaction to this type."""

    def react(self, announcement: Announcement) -> None:
        """The reaction's decisions and the cursor, together."""

    def skip(self, announcement: Announcement, began: int) -> None:
        """The cursor alone, over what nobody reacts to from ``began`` on.

        Raises :class:`AlreadyConsumed` also where the cursor is before ``began``:
        the store was put back, and what it has lost is not to be passed over.
        """

    def park(
        self, announcement: Announcement, reason: str, attempts: int, retry_at: datetime
    ) -> None:
        """The message set aside and the cursor, together."""

    def heads(self, producer: str) -> list[Parked]:
        """The first parked message of each parked stream, in order of position."""

    def react_parked(self, parked: Parked) -> None:
        """The reaction's decisions, and the message no longer parked, together.

        Raises :class:`AlreadyConsumed` if it is not parked any more.
        """

    def postpone(self, parked: Parked, reason: str, retry_at: datetime) -> None:
        """Count a failed attempt and set the time of the next one."""

    def parked_count(self, producer: str) -> int:
        """How many messages of the producer are parked."""
