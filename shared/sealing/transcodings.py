"""How sealed values and decision headers are written into stored events.

Names and keys here are stored for ever: a change is a new transcoding beside
the old one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.persistence import JSONTranscoder, Transcoding

from shared.contracts.decision import Decision, RecordedBy
from shared.sealing.sealed import Sealed


class SealedAsData(Transcoding):
    """Closed values only: a pending one raises ``NotClosed``, and nothing is stored."""

    type = Sealed
    name = "sealed"

    def encode(self, obj: Sealed) -> dict[str, str]:
        """The closed value without its place."""
        return obj.as_data()

    def decode(self, data: dict[str, Any]) -> Sealed:
        """The closed value; the mapper says where it stands."""
        return Sealed.from_data(data)


class RecordedByAsData(Transcoding):
    """Who wrote a decision down."""

    type = RecordedBy
    name = "recorded_by"

    def encode(self, obj: RecordedBy) -> dict[str, Any]:
        """Ids and codes; what is absent is left out."""
        return _present(
            actor_id=obj.actor_id.hex,
            role=obj.role,
            base=obj.base,
            agency_id=_hex(obj.agency_id),
        )

    def decode(self, data: dict[str, Any]) -> RecordedBy:
        """The same value again."""
        return RecordedBy(
            actor_id=UUID(hex=data["actor_id"]),
            role=data["role"],
            base=data.get("base"),
            agency_id=_uuid(data.get("agency_id")),
        )


class DecisionAsData(Transcoding):
    """The header of a person's decision."""

    type = Decision
    name = "decision"

    def encode(self, obj: Decision) -> dict[str, Any]:
        """Plain data; ``recorded_by`` is written by its own transcoding."""
        return _present(
            decided_by=obj.decided_by,
            participation_id=obj.participation_id.hex,
            recorded_by=obj.recorded_by,
            how=obj.how,
            language=obj.language,
            decided_at=obj.decided_at.isoformat(),
            recorded_at=obj.recorded_at.isoformat(),
            on_behalf_of=_hex(obj.on_behalf_of),
            interpreter=_hex(obj.interpreter),
            notice_version=obj.notice_version,
            options_version=obj.options_version,
        )

    def decode(self, data: dict[str, Any]) -> Decision:
        """The same value again."""
        return Decision(
            decided_by=data["decided_by"],
            participation_id=UUID(hex=data["participation_id"]),
            recorded_by=data["recorded_by"],
            how=data["how"],
            language=data["language"],
            decided_at=datetime.fromisoformat(data["decided_at"]),
            recorded_at=datetime.fromisoformat(data["recorded_at"]),
            on_behalf_of=_uuid(data.get("on_behalf_of")),
            interpreter=_uuid(data.get("interpreter")),
            notice_version=data.get("notice_version"),
            options_version=data.get("options_version"),
        )


def register(transcoder: JSONTranscoder) -> None:
    """Teach ``transcoder`` every value type of this module."""
    for transcoding in (SealedAsData(), RecordedByAsData(), DecisionAsData()):
        transcoder.register(transcoding)


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _hex(value: UUID | None) -> str | None:
    return value.hex if value else None


def _uuid(value: str | None) -> UUID | None:
    return UUID(hex=value) if value else None
