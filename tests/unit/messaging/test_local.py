"""The local form: nothing works here that would not work over a broker."""

from __future__ import annotations

import asyncio
import json
from threading import Event
from typing import Any, ClassVar

import pytest

from shared.contracts.base import Done, Model, Query
from shared.contracts.refusal import Unavailable
from shared.messaging.doorbell import Doorbell
from shared.messaging.entry import entry
from shared.messaging.local import LocalTransport, Loop
from shared.messaging.provided import Provided, Unbound, bind
from tests.support.eventually import eventually


class Greet(Query):
    returns: ClassVar[type[Model]] = Done


class Gate:
    def answer(self, request: Any, handler: Any, envelope: Any) -> Any:
        return {"ok": handler(envelope, None)}


class Greeter:
    name = "greeter"
    gate: Any = Provided("gate")
    app: Any = Provided("app")

    @entry(Greet)
    def greet(self, request: Any, ctx: Any) -> Any:
        return self.app(request)

    def not_for_others(self, envelope: Any) -> Any:
        raise AssertionError("called from outside")


def transport(app: Any) -> LocalTransport:
    made = LocalTransport()
    made.add("greeter", bind(Greeter, {"gate": Gate(), "app": app}))
    return made


def test_a_dependency_that_nobody_built_stops_the_start() -> None:
    with pytest.raises(Unbound, match="'app'"):
        bind(Greeter, {"gate": Gate()})


def test_a_method_must_have_its_requests_name() -> None:
    with pytest.raises(TypeError, match="must be called greet"):

        @entry(Greet)
        def hello(self: Any, request: Any, ctx: Any) -> None: ...


def test_arguments_and_answers_pass_as_json_and_share_nothing() -> None:
    answer = {"said": [1, 2]}
    sent = {"words": ["a"]}
    received: list[Any] = []
    it = transport(lambda request: received.append(request) or answer)
    given = it.send("greeter", "greet", sent, 1)
    assert given == {"ok": answer}
    given["ok"]["said"].append(3)
    received[0]["words"].append("b")
    assert (answer, sent) == ({"said": [1, 2]}, {"words": ["a"]})


def test_what_json_cannot_carry_does_not_pass_here_either() -> None:
    with pytest.raises(TypeError):
        transport(lambda request: object()).send("greeter", "greet", {}, 1)


@pytest.mark.parametrize(
    ("service", "method"),
    [
        ("nobody", "greet"),
        ("greeter", "nothing"),
        ("greeter", "not_for_others"),
        ("greeter", "app"),
    ],
)
def test_only_what_is_exposed_can_be_called(service: str, method: str) -> None:
    with pytest.raises(Unavailable):
        transport(json.dumps).send(service, method, {}, 1)


def test_a_call_that_takes_too_long_is_unavailable_to_the_gateway() -> None:
    go_on = Event()

    async def ask(it: LocalTransport) -> None:
        with pytest.raises(Unavailable):
            await it.call("greeter", "greet", {}, 0.05)

    it = transport(lambda request: go_on.wait(10))
    asyncio.run(ask(it))
    go_on.set()
    it.close()


def test_a_loop_turns_when_the_bell_rings_goes_on_after_a_failure_and_ends_when_told() -> None:
    turns: list[int] = []

    def turn() -> None:
        turns.append(1)
        if len(turns) == 2:
            raise RuntimeError("once")

    bell = Doorbell()
    loop = Loop("test", turn, bell, every=60)
    loop.start()
    eventually(lambda: len(turns) == 1)
    for expected in (2, 3, 4):
        bell.ring()
        eventually(lambda expected=expected: len(turns) >= expected)
    loop.stop()
    bell.close()
    loop.join(5)
    assert not loop._thread.is_alive()


def test_a_ring_between_two_waits_is_heard() -> None:
    bell = Doorbell()
    heard = bell.wait(0, 0)
    bell.ring()
    assert bell.wait(heard, 60) == heard + 1
