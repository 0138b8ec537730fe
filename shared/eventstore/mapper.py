"""Between domain events and stored ones: seals, says where from, upcasts.

A mapper, not a transcoder, because only here stream, version and topic are
known, and a sealed value is bound to them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic, resolve_topic

from shared.eventstore.recorded import Recorded
from shared.eventstore.values import EventTranscoder
from shared.sealing.keys import KeySource
from shared.sealing.sealed import Binding, Sealed, close

_META = "meta"
_Visit = Callable[[Sealed, str], Sealed]
_OPEN = frozenset((str, int, float, bool, type(None), UUID, datetime, date))
"""Values that hold no others, and nothing to seal."""


class SealingMapper(Mapper[UUID]):
    """Closes sealed values on the way in and says where they stand on the way out.

    ``meta`` (correlation, causation, command, actor: ids only) is stored in
    every event's state beside its fields, and never reaches the domain.
    """

    def __init__(
        self,
        transcoder: EventTranscoder,
        service: str,
        keys: KeySource,
        randomness: Callable[[int], bytes],
    ) -> None:
        super().__init__(transcoder)
        self._values = transcoder
        self._service = service
        self._keys = keys
        self._randomness = randomness

    def close(self, event: Any, meta: Mapping[str, str | None]) -> Any:
        """A copy with every pending value closed and ``meta`` attached.

        Raises ``Unavailable`` (no key to be had), ``KeyDestroyed`` (erased), and
        ``ValueError`` for a value that was closed elsewhere: refer to it by the
        id of what holds it instead of moving it.
        """
        cls = type(event)
        at = (self._service, event.originator_id, event.originator_version, get_topic(cls))

        def visit(value: Sealed, path: str) -> Sealed:
            if value.is_closed:
                raise ValueError(f"{path} holds a value that was sealed elsewhere")
            key = self._keys.current(value.participation_id, value.record_class)
            return close(value, Binding(*at, path), key, self._randomness)

        state = {
            name: value if type(value) in _OPEN else _walk(value, name, visit)
            for name, value in vars(event).items()
        }
        state[_META] = dict(meta)
        closed = object.__new__(cls)
        object.__setattr__(closed, "__dict__", state)
        return closed

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """The row of an event that :meth:`close` returned; ``NotClosed`` on pending words."""
        state = dict(vars(domain_event))
        originator_id, version = state.pop("originator_id"), state.pop("originator_version")
        class_version = getattr(type(domain_event), "class_version", 1)
        if class_version > 1:
            state["class_version"] = class_version
        return StoredEvent(
            originator_id=originator_id,
            originator_version=version,
            topic=get_topic(type(domain_event)),
            state=self.transcoder.encode(state),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The event of a row, upcast to its class's present version."""
        originator_id = stored_event.originator_id
        if not isinstance(originator_id, UUID):
            originator_id = UUID(originator_id)
        version, topic = stored_event.originator_version, stored_event.topic
        return self.read(originator_id, version, topic, stored_event.state)

    def read(self, originator_id: UUID, version: int, topic: str, stored: bytes) -> Any:
        """The event of a row's columns, upcast to its class's present version.

        ``MapperDeserialisationError`` where the state is none of that topic's.
        """
        cls = resolve_topic(topic)
        try:
            # Bound to the places as stored, before upcasting moves fields about.
            state: dict[str, Any] = self._values.decode_at(
                stored, (self._service, originator_id, version, topic)
            )
        except Exception as error:
            raise MapperDeserialisationError(
                f"{topic} at version {version} of {originator_id} cannot be read"
            ) from error
        from_version = state.pop("class_version", 1)
        while from_version < getattr(cls, "class_version", 1):
            getattr(cls, f"upcast_v{from_version}_v{from_version + 1}")(state)
            from_version += 1
        state["originator_id"], state["originator_version"] = originator_id, version
        event = object.__new__(cls)
        object.__setattr__(event, "__dict__", state)
        return event


def recorded(event: Any, position: int) -> Recorded:
    """Where an event stands, from its ``meta``."""
    meta: Mapping[str, str | None] = vars(event).get(_META) or {}
    command_id, correlation_id = meta.get("command_id"), meta.get("correlation_id")
    return Recorded(
        position=position,
        correlation_id=UUID(correlation_id) if correlation_id else UUID(int=0),
        causation=meta.get("causation") or "",
        command_id=UUID(command_id) if command_id else None,
        actor_id=meta.get("actor_id") or "",
    )


def _walk(value: Any, path: str, visit: _Visit) -> Any:
    if isinstance(value, Sealed):
        return visit(value, path)
    if isinstance(value, list | tuple):
        return type(value)(_walk(item, f"{path}.{i}", visit) for i, item in enumerate(value))
    if isinstance(value, dict):
        return {key: _walk(item, f"{path}.{key}", visit) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changed = {}
        for field in dataclasses.fields(value):
            before = getattr(value, field.name)
            after = _walk(before, f"{path}.{field.name}", visit)
            if after is not before:
                changed[field.name] = after
        return dataclasses.replace(value, **changed) if changed else value
    return value
