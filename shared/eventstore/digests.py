"""Digest records: what the ledger keeps of every stored event (docs/decisions/0021).

A record is computed from the stored row alone, without any data key, before an
erasure and after it. It is kept as the exact bytes that were hashed.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import psycopg2

from shared.contracts.refusal import Refused
from shared.eventstore.database import Database

PSEUDONYMS = "pseudonyms"
"""The name of a service's key under which streams are named in the ledger."""

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_HASH = re.compile("[0-9a-f]{64}")

ROWS = (
    "SELECT position, originator_id, originator_version, topic, state, previous"
    " FROM ONLY public.events"
    " WHERE position > %s ORDER BY position"
)
"""What a :class:`Row` is made of, after a position."""


_HIDDEN = ("42501", "42P01")
"""PostgreSQL's codes for what a role is not shown, and for what is not there."""

_IS_TABLE = "SELECT relkind = 'r' FROM pg_class WHERE oid = 'public.events'::regclass"


class NotTheLog(Refused):
    """The log is no table, or is not shown whole: nobody vouches for what is read there."""

    code = "not_the_log"
    detail = "What is shown of the log need not be what is stored."
    what_to_do = "Run sayso audit verify: it says what stands in the way."


@dataclass(frozen=True)
class Row:
    """A row of ``events``, as it is stored."""

    position: int
    stream_id: UUID
    version: int
    topic: str
    state: bytes
    previous: int | None

    @classmethod
    def of(cls, columns: Sequence[Any]) -> Row:
        """From a row of :data:`ROWS`."""
        position, stream_id, version, topic, state, previous = columns
        return cls(position, stream_id, version, topic, bytes(state), previous)

    def commitment(self) -> str:
        """``ct``: SHA-256 over all that is stored but the position, in hex.

        One JSON array of stream id, version, topic and previous published
        position (RFC 8785), a newline, and the stored state.
        """
        place = [self.stream_id.hex, self.version, self.topic, self.previous]
        return sha256(_canonical(place) + b"\n" + self.state).hexdigest()


def record_of(service: str, row: Row, stream_pseudonym: str) -> bytes:
    """The digest record of a stored row: canonical JSON (RFC 8785).

    ``cm`` commitments of its sealed fields, in the order in which they stand;
    ``ct`` commitment to the row; ``d`` date in UTC; ``pos`` position; ``sid``
    the stream's pseudonym; ``svc`` service; ``typ`` topic; ``v`` schema
    version; ``ver`` version in the stream. A state that cannot be read is
    committed to all the same, without commitments, date and schema version.
    """
    state = _read(row.state)
    return _canonical(
        {
            "cm": list(_commitments(state)),
            "ct": row.commitment(),
            "d": _date(state),
            "pos": row.position,
            "sid": stream_pseudonym,
            "svc": service,
            "typ": row.topic,
            "v": _version(state),
            "ver": row.version,
        }
    )


class Pseudonyms:
    """Names of streams that join nothing: each under a key of its participation (R50).

    Whoever is given :meth:`key_of` one participation finds that person's
    streams in the ledger, and nobody else's.
    """

    def __init__(self, key: bytes) -> None:
        """``key``: 32 secret bytes of the service."""
        self._key = key

    def key_of(self, participation_id: UUID | None) -> bytes:
        """The key of a participation's streams, or of those that are nobody's."""
        subject = participation_id.bytes if participation_id else b""
        return hmac.new(self._key, subject, sha256).digest()

    def of(self, stream_id: UUID, participation_id: UUID | None) -> str:
        """``sid``, in hex."""
        return hmac.new(self.key_of(participation_id), stream_id.bytes, sha256).hexdigest()


def digests_after(
    database: Database, service: str, pseudonyms: Pseudonyms, position: int, limit: int
) -> list[bytes]:
    """The digest records of the stored events after ``position``, in order, at most ``limit``.

    ``database`` is opened with ``whole``, so that nothing is held back from its
    role. :class:`NotTheLog` where something would be, or ``events`` is no table.
    """
    try:
        if database.query(_IS_TABLE) != [(True,)]:
            raise NotTheLog
        rows = [Row.of(found) for found in database.query(f"{ROWS} LIMIT %s", (position, limit))]
    except psycopg2.Error as error:
        if error.pgcode in _HIDDEN:
            raise NotTheLog from error
        raise
    subjects = {row.stream_id: _participation(_read(row.state)) for row in reversed(rows)}
    unknown = [stream_id for stream_id, subject in subjects.items() if subject is None]
    if unknown:
        first = "SELECT originator_id, state FROM ONLY public.events WHERE originator_id = ANY(%s)"
        for stream_id, state in database.query(f"{first} AND originator_version = 1", (unknown,)):
            subjects[stream_id] = _participation(_read(bytes(state)))
    return [
        record_of(service, row, pseudonyms.of(row.stream_id, subjects[row.stream_id]))
        for row in rows
    ]


def _canonical(value: Any) -> bytes:
    # Texts, whole numbers and lists of them under sorted keys: here this is RFC 8785, and quicker.
    return _ENCODER.encode(value).encode()


def _read(state: bytes) -> dict[str, Any]:
    try:
        read = json.loads(state)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _objects(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object in it, in the order in which they stand; however deep they stand."""
    waiting: list[Any] = [state]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            waiting.extend(reversed(value))


def _commitments(state: dict[str, Any]) -> Iterator[str]:
    for found in _objects(state):
        data = found.get("_data_")
        if found.get("_type_") == "sealed" and isinstance(data, dict):
            commitment = data.get("m")
            if isinstance(commitment, str) and _HASH.fullmatch(commitment):
                yield commitment


def _participation(state: dict[str, Any]) -> UUID | None:
    for found in _objects(state):
        value = found.get("participation_id")
        if isinstance(value, dict) and value.get("_type_") == "uuid_hex":
            try:
                return UUID(hex=value["_data_"])
            except (KeyError, ValueError, AttributeError, TypeError):
                continue
    return None


def _date(state: dict[str, Any]) -> str:
    try:
        moment = datetime.fromisoformat(state["timestamp"]["_data_"])
        return moment.astimezone(UTC).date().isoformat()
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""


def _version(state: dict[str, Any]) -> int:
    version = state.get("class_version", 1) if state else 0
    return version if type(version) is int else 0
