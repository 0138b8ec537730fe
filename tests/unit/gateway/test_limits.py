"""Guessing is slowed down, by address and for everybody, and help never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.gateway.limits import Limiter, Rate
from tests.support.examples import NOON
from tests.unit.gateway.door import ORDINARY, Door, problem

CODE = {"possession_code": "a guess"}
STRICT = replace(ORDINARY, codes_each=Rate(3, 6), codes_together=Rate(5, 60))


def test_an_address_has_its_burst_and_then_waits() -> None:
    limiter = Limiter(Rate(3, 6), Rate(100, 100))
    assert [limiter.ask("a", NOON) for _ in range(4)] == [0, 0, 0, 10]
    assert limiter.ask("b", NOON) == 0
    assert limiter.ask("a", NOON + timedelta(seconds=9)) == 1
    assert limiter.ask("a", NOON + timedelta(seconds=10)) == 0


def test_many_addresses_share_one_bucket() -> None:
    limiter = Limiter(Rate(3, 6), Rate(5, 60))
    assert [limiter.ask(f"address {n}", NOON) for n in range(7)] == [0, 0, 0, 0, 0, 1, 1]


def test_waiting_in_vain_uses_nothing_up() -> None:
    limiter = Limiter(Rate(1, 60), Rate(100, 100))
    assert limiter.ask("a", NOON) == 0
    for _ in range(50):
        assert limiter.ask("a", NOON) == 1
    assert limiter.ask("a", NOON + timedelta(seconds=1)) == 0


def test_a_clock_set_back_gives_nothing_and_takes_nothing() -> None:
    limiter = Limiter(Rate(1, 60), Rate(100, 100))
    assert limiter.ask("a", NOON) == 0
    assert limiter.ask("a", NOON - timedelta(days=365)) > 0
    assert limiter.ask("a", NOON + timedelta(seconds=1)) == 0


def test_the_addresses_remembered_are_bounded() -> None:
    limiter = Limiter(Rate(1, 1), Rate(10_000, 1), remembered=10)
    for n in range(1_000):
        limiter.ask(f"address {n}", NOON)
    assert len(limiter._addresses) == 10


@pytest.mark.parametrize("form", ["wrong code", "malformed"])
def test_codes_cannot_be_tried_without_end(form: str) -> None:
    door = Door(limits=STRICT)
    body = {"json": CODE} if form == "wrong code" else {"content": b"{"}
    statuses = [door.ask("POST", "/v1/sessions", **body).status_code for _ in range(4)]
    assert statuses[3] == 429
    assert 429 not in statuses[:3]
    answer = door.ask("POST", "/v1/sessions", json=CODE)
    assert problem(answer)["code"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) == 10
    door.clock.pass_by(seconds=10)
    assert door.ask("POST", "/v1/sessions", json=CODE).status_code == 200


def test_everybody_together_is_slowed_too() -> None:
    door = Door(limits=STRICT)
    statuses = [
        door.ask("POST", "/v1/sessions", address=f"203.0.113.{n}", json=CODE).status_code
        for n in range(7)
    ]
    assert statuses == [200] * 5 + [429] * 2


def test_a_forwarded_address_is_not_believed() -> None:
    door = Door(limits=STRICT)
    statuses = [
        door.ask(
            "POST", "/v1/sessions", json=CODE, headers={"X-Forwarded-For": f"198.51.100.{n}"}
        ).status_code
        for n in range(4)
    ]
    assert statuses[3] == 429


@pytest.mark.rule("R73")
def test_crisis_help_and_rights_are_never_limited() -> None:
    door = Door(limits=STRICT)
    for _ in range(6):
        door.ask("POST", "/v1/sessions", json=CODE)
    for page in ("crisis-help", "rights"):
        assert door.ask("GET", f"/v1/{page}").status_code == 200
