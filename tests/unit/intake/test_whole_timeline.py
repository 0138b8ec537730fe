"""No decision of any service is missing from the survivor's timeline, also one that comes later."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest
from eventsourcing.utils import resolve_topic

from services.intake.reactions import REACTIONS
from services.intake.tables import fold
from shared.contracts.base import Message
from shared.contracts.intake import SERVICE
from shared.eventstore.recorded import Recorded
from shared.sealing.sealed import Sealed
from tests.support.examples import MARIA, NOON, ROSA, said
from tests.unit.audit.test_known_events import event_classes

OTHERWISE = {
    "CasePaused": "one step with InvolvementChanged, which is the entry",
    "CaseClosed": "one step with InvolvementChanged, which is the entry",
    "CaseReopened": "one step with InvolvementChanged, which is the entry",
}
"""Decisions that are no entries of their own, and why the survivor sees them all the same."""

WORD = "canary"
"""What stands in every field of text: none of it may leave."""

HEADERS = (said(), said(recorded_by=ROSA))


def service_of(event: type) -> str:
    return event.__module__.split(".")[1]


def decisions() -> list[type]:
    """Every event class of every service that says who decided something, as it is stored."""
    # The library puts a class of the same name in the place of the one that is written.
    topics = {f"{c.__module__}:{c.__qualname__}" for c in event_classes()}
    found = [resolve_topic(topic) for topic in sorted(topics)]
    return [cls for cls in found if "decision" in get_type_hints(cls)]


def told_by_others() -> list[type]:
    return [cls for cls in decisions() if service_of(cls) != "intake"]


class _Closed:
    """Somebody's words, sealed."""

    @staticmethod
    def token() -> str:
        return "sealed"


def example(kind: Any) -> Any:
    """A value of a type; every text is the same word."""
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    inside = get_args(kind)
    if get_origin(kind) is tuple:
        return () if inside[1:] == (...,) else tuple(map(example, inside))
    if inside:
        return example(inside[0])
    known = {str: WORD, bool: False, int: 1, datetime: NOON, date: NOON.date(), Sealed: _Closed()}
    return uuid5(NAMESPACE_OID, "example") if kind is UUID else known.get(kind)


def stored(cls: type, **fixed: Any) -> Any:
    """Such an event, with every field filled."""
    fields = {name: example(kind) for name, kind in get_type_hints(cls).items()}
    event = object.__new__(cls)
    state = {**fields, "originator_id": uuid4(), "originator_version": 2, "timestamp": NOON}
    object.__setattr__(event, "__dict__", state | fixed)
    return event


def forms(cls: type) -> Iterator[Any]:
    """Decided by the survivor and told by staff; waiting and in effect."""
    for decision in HEADERS:
        for waits in (False, True) if "waits" in get_type_hints(cls) else (None,):
            more = {} if waits is None else {"waits": waits}
            if "participation_id" in get_type_hints(cls):
                more["participation_id"] = MARIA
            yield stored(cls, decision=decision, **more)


def announcing(cls: type) -> Callable[[Any], Message | None]:
    announce: Callable[[Any], Message | None] = importlib.import_module(
        f"services.{service_of(cls)}.contracts"
    ).announce
    return announce


def test_the_search_finds_decisions_of_three_services() -> None:
    found = {service_of(cls) for cls in decisions()}
    assert found == {"consent", "intake", "notifications"}
    assert len(told_by_others()) >= 14
    assert set(OTHERWISE) <= {cls.__name__ for cls in decisions()}


@pytest.mark.parametrize("cls", told_by_others(), ids=lambda cls: cls.__qualname__)
def test_a_decision_of_another_service_is_told_to_intake_with_its_recorder(cls: type) -> None:
    followed = SERVICE.follows[service_of(cls)]
    for event in forms(cls):
        message: Any = announcing(cls)(event)
        assert message is not None, f"nobody is told of {cls.__qualname__}"
        assert message.type in followed
        assert message.type in REACTIONS
        assert message.participation_id == MARIA
        assert message.recorded_by_id == event.decision.recorded_by.actor_id
        assert message.recorded_by_role == event.decision.recorded_by.role
        assert WORD not in message.model_dump_json(), "which topic, wording or way is nobody's"


@pytest.mark.parametrize(
    "cls", [c for c in decisions() if service_of(c) == "intake"], ids=lambda cls: cls.__qualname__
)
def test_a_decision_of_intake_is_an_entry_with_its_recorder(cls: type) -> None:
    for event in forms(cls):
        rows = list(fold(event, Recorded(7, uuid4(), "", None, "")))
        entries = [values for sql, values in rows if sql.startswith("INSERT INTO timeline")]
        if cls.__name__ in OTHERWISE:
            assert entries == []
            continue
        [entry] = entries
        assert entry[0] == 7
        assert event.decision.recorded_by.actor_id in entry
        assert event.decision.recorded_by.role in entry


def test_a_decision_that_nobody_tells_of_would_be_found() -> None:
    """The check above would fail if one were left out."""
    from services.notifications.domain.topics import TopicChoice

    class TopicPraised(TopicChoice.TopicDropped):
        """A decision that somebody adds, and forgets to announce."""

    event = stored(TopicPraised, decision=replace(HEADERS[0]), participation_id=MARIA)
    assert announcing(TopicChoice.TopicDropped)(event) is None


def test_of_what_becomes_of_a_notice_every_end_is_in_the_timeline() -> None:
    from shared.contracts.notifications import SERVICE as NOTIFICATIONS

    told = {message.type for message in NOTIFICATIONS.publishes}
    assert set(SERVICE.follows["notifications"]) == told
