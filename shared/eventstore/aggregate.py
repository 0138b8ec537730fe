"""The base of every aggregate: the library's, with time and ids from the edge."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate as LibraryAggregate
from eventsourcing.domain import (
    AggregateCreated,
    AggregateEvent,
    CanMutateAggregate,
    DecoratedFuncCaller,
    decorated_funcs,
)

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

        def mutate(self, aggregate: Any) -> Any:
            """What the library does; which fields the method takes is asked once for a class."""
            remembered = _remembered(type(self))
            if remembered is None or aggregate is None:
                return super().mutate(aggregate)
            values, state = vars(self), vars(aggregate)
            version = values["originator_version"]
            if version != state["_version"] + 1 or values["originator_id"] != state["_id"]:
                # Which says what does not fit.
                return super().mutate(aggregate)
            method, names = remembered
            method(aggregate, **{name: values[name] for name in names if name in values})
            state["_version"], state["_modified_on"] = version, values["timestamp"]
            return aggregate

    class Created(Event, AggregateCreated):
        """The first event of a stream."""

    @staticmethod
    def create_id(*_: Any, **__: Any) -> UUID:
        """A random id from the edge's randomness."""
        return new_id()


@cache
def _remembered(cls: type) -> tuple[Callable[..., None], tuple[str, ...]] | None:
    """The private method behind an event, and what it takes; None where events apply themselves."""
    method = decorated_funcs.get(cls)
    if method is None or not issubclass(cls, DecoratedFuncCaller):
        return None
    behind = super(DecoratedFuncCaller, cls).apply
    if cls.apply is not DecoratedFuncCaller.apply or behind is not CanMutateAggregate.apply:
        return None
    return method, tuple(inspect.signature(method).parameters)[1:]
