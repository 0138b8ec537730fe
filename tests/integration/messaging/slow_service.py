"""``python -m tests.integration.messaging.slow_service``: a nameko service that takes its time.

Runs what the platform's services run between broker and method, with a gate
that lets everybody in. Settings come as JSON on standard input.
"""

# ruff: noqa: E402 - eventlet patches the standard library before anything else is imported

from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

from nameko.runners import ServiceRunner

from shared.contracts.base import Done, Model, Query, ServiceContract
from shared.messaging.amqp.link import Broker
from shared.messaging.entry import entry
from shared.messaging.provided import PROVIDED, Provided
from shared.messaging.sealed_bodies import SERIALIZER, RpcKeys
from shared.messaging.topology import RPC_VHOST


class TakeTime(Query):
    returns: ClassVar[type[Model]] = Done
    seconds: float


SLOW = ServiceContract(name="slow", requests=(TakeTime,))


class SlowService:
    name = "slow"
    gate: Any = Provided("gate")

    @entry(TakeTime)
    def take_time(self, request: TakeTime, ctx: Any) -> Done:
        print("began", flush=True)
        eventlet.sleep(request.seconds)
        return Done(state="took its time")


class OpenGate:
    def answer(self, request: Any, handler: Any, envelope: dict[str, Any]) -> dict[str, Any]:
        asked = request.model_validate_json(json.dumps(envelope["request"]))
        return {"ok": handler(asked, None).model_dump()}


def main() -> None:
    settings = json.load(sys.stdin)
    RpcKeys(Path(settings["keys"])).register()
    broker = Broker(settings["host"], "slow", settings["password"], settings["port"])
    runner = ServiceRunner(
        {
            "AMQP_URI": broker.uri(RPC_VHOST),
            "serializer": SERIALIZER,
            "ACCEPT": [SERIALIZER],
            "max_workers": 8,
            PROVIDED: {"gate": OpenGate()},
        }
    )
    runner.add_service(SlowService)
    runner.start()
    print("started", flush=True)
    runner.wait()


if __name__ == "__main__":
    main()
