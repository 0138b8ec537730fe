"""Guessing is slowed down, by address and for everybody, and help never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from services.gateway.limits import Limiter, Rate
from services.gateway.serve import proxies, running
from services.gateway.settings import Limits
from services.intake.domain.refusals import CodeUnknown
from shared.contracts.refusal import Unavailable
from tests.support.examples import NOON
from tests.unit.gateway.door import ORDINARY, Door, problem, row_of

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


def guessing(limits: Limits = STRICT) -> Door:
    door = Door(limits=limits)
    door.bus.answers["open_session"] = {"refused": CodeUnknown().as_data()}
    return door


@pytest.mark.parametrize("form", ["wrong code", "malformed"])
def test_codes_cannot_be_tried_without_end(form: str) -> None:
    door = guessing()
    body = {"json": CODE} if form == "wrong code" else {"content": b"{"}
    statuses = [door.ask("POST", "/v1/sessions", **body).status_code for _ in range(4)]
    assert statuses[3] == 429
    assert 429 not in statuses[:3]
    answer = door.ask("POST", "/v1/sessions", json=CODE)
    assert problem(answer)["code"] == "too_many_requests"
    assert int(answer.headers["Retry-After"]) == 10
    door.clock.pass_by(seconds=10)
    assert door.ask("POST", "/v1/sessions", json=CODE).status_code == 404


def test_a_right_code_opens_although_others_behind_the_address_guessed_it_empty() -> None:
    door = guessing()
    for _ in range(5):
        last = door.ask("POST", "/v1/sessions", json=CODE)
    assert last.status_code == 429
    del door.bus.answers["open_session"]
    assert [door.ask("POST", "/v1/sessions", json=CODE).status_code for _ in range(9)] == [200] * 9


def test_what_fails_because_a_service_is_away_is_nobodys_attempt() -> None:
    door = Door(limits=STRICT)
    for away in (OSError(), {"refused": Unavailable().as_data()}):
        door.bus.answers["open_session"] = away
        statuses = [door.ask("POST", "/v1/sessions", json=CODE).status_code for _ in range(6)]
        assert statuses == [503] * 6


def test_everybody_together_is_slowed_too() -> None:
    door = guessing()
    statuses = [
        door.ask("POST", "/v1/sessions", address=f"203.0.113.{n}", json=CODE).status_code
        for n in range(7)
    ]
    assert statuses == [404] * 5 + [429] * 2


def test_a_forwarded_address_is_not_believed() -> None:
    assert forwarded(()) == [404] * 3 + [429]
    assert forwarded(("192.0.2.1",)) == [404] * 3 + [429]


def test_a_trusted_proxys_word_on_who_came_is_believed() -> None:
    assert forwarded(("127.0.0.0/8",)) == [404] * 4


def forwarded(trusted_proxies: tuple[str, ...]) -> list[int]:
    with running(guessing().app, trusted_proxies=trusted_proxies) as address:
        return [
            httpx.post(
                f"{address}/v1/sessions", json=CODE, headers={"X-Forwarded-For": f"198.51.100.{n}"}
            ).status_code
            for n in range(4)
        ]


@pytest.mark.parametrize("given", ["*", "0.0.0.0/0", "::/0", "proxy", "192.0.2.1,*"])
def test_everybody_is_no_proxy_and_nor_is_a_word(given: str) -> None:
    with pytest.raises(ValueError):
        proxies(given)


def test_proxies_are_addresses_and_networks() -> None:
    assert proxies("") == ()
    assert proxies("192.0.2.1, 10.0.0.0/8") == ("192.0.2.1", "10.0.0.0/8")


@pytest.mark.rule("R23")
def test_an_agency_asks_for_disclosures_at_a_pace_of_its_own() -> None:
    door = Door(limits=replace(ORDINARY, disclosures_each=Rate(2, 6)))
    row = row_of("request_disclosure")
    statuses = [
        door.use(row, "housing agency", address=f"203.0.113.{n}").status_code for n in range(3)
    ]
    assert statuses == [200, 200, 429]
    assert len(door.bus.asked) == 2
    assert door.use(row, "another agency").status_code == 200
    door.clock.pass_by(seconds=10)
    assert door.use(row, "housing agency").status_code == 200


@pytest.mark.rule("R73")
def test_crisis_help_and_rights_are_never_limited() -> None:
    door = guessing()
    for _ in range(6):
        door.ask("POST", "/v1/sessions", json=CODE)
    for page in ("crisis-help", "rights"):
        assert door.ask("GET", f"/v1/{page}").status_code == 200
