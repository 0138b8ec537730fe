"""A published message on its way: CloudEvents 1.0, structured JSON, the same on every door."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from shared.contracts.base import Message
from shared.contracts.registry import messages

CONTENT_TYPE = "application/cloudevents+json"
LONGEST = 65_536
"""Bytes; a published message is ids, states and counts, so anything longer is none."""


class NotAnAnnouncement(ValueError):
    """These bytes are no message that a relay of ours would send. They are never repeated."""


class PublishedLike(Protocol):
    """What ``EventSourcedApplication.messages_after`` returns a list of."""

    @property
    def position(self) -> int: ...
    @property
    def previous(self) -> int: ...
    @property
    def stream_id(self) -> UUID | str: ...
    @property
    def message(self) -> Message: ...
    @property
    def time(self) -> datetime: ...
    @property
    def correlation_id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """One published message of one producer.

    ``position`` is its place in the producer's log, ``previous`` the position
    of the message that the producer published before it (0 for the first).
    ``data`` is the message's own content: kept as data, because a follower
    also meets types that it does not know.
    """

    producer: str
    position: int
    previous: int
    stream_id: str
    type: str
    time: datetime
    correlation_id: UUID
    data: dict[str, Any]

    @property
    def id(self) -> str:
        """``<service>/<position>``: unique, and the cause of whatever reacts to it."""
        return f"{self.producer}/{self.position}"

    @classmethod
    def of(cls, producer: str, published: PublishedLike) -> Announcement:
        """What ``producer`` announces for this entry of its log."""
        message = published.message
        return cls(
            producer=producer,
            position=published.position,
            previous=published.previous,
            stream_id=str(published.stream_id),
            type=type(message).type,
            time=published.time,
            correlation_id=published.correlation_id,
            data=message.model_dump(mode="json"),
        )

    def message(self) -> Message | None:
        """The typed message; None for an unknown type. ValidationError if it breaks its promise."""
        known = messages().get(self.type)
        return None if known is None else known.model_validate_json(json.dumps(self.data))

    def to_json(self) -> bytes:
        """The CloudEvent."""
        event = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/sayso/{self.producer}",
            "type": self.type,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "position": self.position,
            "previous": self.previous,
            "streamid": self.stream_id,
            "correlationid": str(self.correlation_id),
            "data": self.data,
        }
        return json.dumps(event, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_json(cls, body: bytes | str) -> Announcement:
        """Read a CloudEvent; :class:`NotAnAnnouncement` on anything else."""
        try:
            return cls._read(body)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NotAnAnnouncement("not a published message of this platform") from None

    @classmethod
    def _read(cls, body: bytes | str) -> Announcement:
        if len(body) > LONGEST:
            raise ValueError("too long")
        event = json.loads(body)
        position, previous, data = event["position"], event["previous"], event["data"]
        if type(position) is not int or type(previous) is not int or not isinstance(data, dict):
            raise ValueError("positions or data")
        if event["specversion"] != "1.0" or not 0 <= previous < position:
            raise ValueError("version or order")
        producer, _, number = event["id"].partition("/")
        if number != str(position) or not event["type"].startswith(f"{producer}."):
            raise ValueError("id or type")
        time = datetime.fromisoformat(event["time"])
        if time.tzinfo is None or not isinstance(event["streamid"], str):
            raise ValueError("time or stream")
        return cls(
            producer=producer,
            position=position,
            previous=previous,
            stream_id=event["streamid"],
            type=event["type"],
            time=time,
            correlation_id=UUID(event["correlationid"]),
            data=data,
        )
