"""Many survivors at once, each of whom repeats a command under its key until it is answered."""

from __future__ import annotations

import random
import threading
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.contracts.base import Model, shown_once_fields
from shared.contracts.consent import GetExplanation
from shared.contracts.intake import GetNotice
from shared.contracts.refusal import Refused
from shared.eventstore.repeats import scope
from shared.identity.principal import Principal
from shared.messaging.envelope import SigningCaller
from tests.chaos.acknowledged import Acknowledged, Acknowledgement, now
from tests.chaos.lives import Asked, Wordings, life
from tests.support.eventually import eventually

PEOPLE = 6
PAUSE = 0.15
"""Seconds, at most, between an answer and the next command of the same person."""
AGAIN = 0.2
"""Seconds until a command that was not answered is sent again."""
AWAY = ("unavailable", "too_busy", "internal", "changed_meanwhile")
"""Refusals after which the same command is sent again under the same key."""


class Asking:
    """Sends a command again under its key until there is an answer."""

    def __init__(self, caller: SigningCaller, acknowledged: Acknowledged) -> None:
        self._caller, self._acknowledged = caller, acknowledged

    def answered(self, asked: Asked, key: UUID) -> tuple[Any, float]:
        """The answer, and when it was asked for the last time; ``Refused`` where that is a no."""
        while True:
            asked_at = now()
            try:
                method = asked.command.method()
                answer = self._caller.call(asked.service, method, asked.command, asked.who, key)
            except Refused as refused:
                if refused.code not in AWAY:
                    raise
                threading.Event().wait(AGAIN)
                continue
            return answer, asked_at

    def must(self, asked: Asked, key: UUID) -> Any:
        """The answer, written down."""
        answer, asked_at = self.answered(asked, key)
        self._acknowledged.note(told_of(asked, key, answer), asked_at)
        return answer


class People:
    """Threads that live one life after another until they are told to stop."""

    def __init__(self, seed: str, caller: SigningCaller, acknowledged: Acknowledged) -> None:
        self.refused: list[str] = []
        """What was refused although nobody here asks for what is not theirs."""
        self._seed = seed
        self._asking = Asking(caller, acknowledged)
        self._stopping = threading.Event()
        self._wordings = eventually(lambda: wordings(caller), within=60)
        self._threads = [
            threading.Thread(target=self._live, args=(number,), daemon=True)
            for number in range(PEOPLE)
        ]

    def __enter__(self) -> People:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, within: float = 90.0) -> None:
        """Nobody begins anything more; what was sent is answered first."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(within)
        if any(thread.is_alive() for thread in self._threads):
            self.refused.append(f"somebody was not answered within {within} s after the last fault")

    def _live(self, number: int) -> None:
        one_life = 0
        while not self._stopping.is_set():
            name = f"{self._seed}/{number}/{one_life}"
            try:
                self._one_life(name, random.Random(name))
            except Refused as refused:
                self.refused.append(f"{name}: {refused}")
            except Exception as broken:
                self.refused.append(f"{name}: {type(broken).__name__}: {broken}")
                return
            one_life += 1

    def _one_life(self, name: str, rng: random.Random) -> None:
        steps = life(rng, self._wordings)
        asked = next(steps)
        for step in range(1_000):
            answer = self._answered(asked, command_id(name, step))
            if self._stopping.wait(rng.random() * PAUSE):
                return
            try:
                asked = steps.send(answer)
            except StopIteration:
                return

    def _answered(self, asked: Asked, key: UUID) -> Any:
        try:
            return self._asking.must(asked, key)
        except Refused as refused:
            what = f"{asked.command.method()}: {refused.detail}"
            raise Refused(what, code=refused.code) from None


def command_id(life_name: str, step: int) -> UUID:
    """The Idempotency-Key of a step of a life: the same seed sends the same keys."""
    return uuid5(NAMESPACE_URL, f"/chaos/{life_name}/{step}")


def told_of(asked: Asked, key: UUID, answer: Model) -> Acknowledgement:
    """What is written down of an answer."""
    result = answer.model_dump(mode="json", exclude=set(shown_once_fields(type(answer))))
    return Acknowledgement(
        asked.service, asked.command.method(), scope(asked.who), str(key), result
    )


def wordings(caller: SigningCaller) -> Wordings | None:
    """The versions in force, or None while nobody answers."""

    def ask(service: str, query: Any) -> Any:
        return caller.call(service, query.method(), query, Principal.anyone())

    try:
        notice, explanation = (
            ask("intake", GetNotice(base="alone")).notice_version,
            ask("consent", GetExplanation()).explanation_version,
        )
    except Refused:
        return None
    return Wordings(notice, explanation)
