"""The base of every aggregate: the library's, with time and ids from the edge."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import AggregateCreated, AggregateEvent

from shared.eventstore.clock import current_time, new_id


class Aggregate(LibraryAggregate):
    """Decides in public methods, remembers in private ``@event`` methods.

    Creating one or triggering an event outside ``edge_time`` raises
    ``RuntimeError``. A stored event class keeps its name and fields for ever; a
    new shape is a new ``class_version`` with ``upcast_v1_v2`` on the event class.
    """

    class Event(AggregateEvent):
        """Something that was decided."""

        @staticmethod
        def create_timestamp() -> datetime:
            """The edge's time, not a clock's."""
            return current_time()

    class Created(Event, AggregateCreated):
        """The first event of a stream."""

    @staticmethod
    def create_id(*_: Any, **__: Any) -> UUID:
        """A random id from the edge's randomness."""
        return new_id()
