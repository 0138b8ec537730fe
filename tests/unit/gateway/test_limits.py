"""Floods are refused, by address and for everybody, and help never is."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from services.gateway.limits import Limiter, Rate, source_of
from services.gateway.serve import proxies, running
from tests.support.examples import an_id
from tests.unit.gateway.door import ORDINARY, Door, row_of

STRICT = replace(ORDINARY, beginnings_each=Rate(3, 6), beginnings_together=Rate(500, 60))


def test_an_address_has_its_burst_and_then_waits() -> None:
    limiter = Limiter(Rate(3, 6), Rate(100, 100))
    assert [limiter.ask("a", 0) for _ in range(4)] == [0, 0, 0, 10]
    assert limiter.ask("b", 0) == 0
    assert limiter.ask("a", 9) == 1
    assert limiter.ask("a", 10) == 0


def test_many_addresses_share_one_bucket() -> None:
    limiter = Limiter(Rate(3, 6), Rate(5, 60))
    assert [limiter.ask(f"address {n}", 0) for n in range(7)] == [0, 0, 0, 0, 0, 1, 1]


def test_waiting_in_vain_uses_nothing_up() -> None:
    limiter = Limiter(Rate(1, 60), Rate(100, 100))
    assert limiter.ask("a", 0) == 0
    for _ in range(50):
        assert limiter.ask("a", 0) == 1
    assert limiter.ask("a", 1) == 0


def test_a_clock_set_back_gives_nothing_and_takes_nothing() -> None:
    limiter = Limiter(Rate(1, 60), Rate(100, 100))
    assert limiter.ask("a", 0) == 0
    assert limiter.ask("a", -86_400) > 0
    assert limiter.ask("a", 1) == 0


def test_the_addresses_remembered_are_bounded() -> None:
    limiter = Limiter(Rate(1, 1), Rate(10_000, 1), remembered=10)
    for n in range(1_000):
        limiter.ask(f"address {n}", 0)
    assert len(limiter.remembered) == 10


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.1", "203.0.113.2", False),
        ("203.0.113.1", "::ffff:203.0.113.1", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("a name", "a name", True),
    ],
)
def test_an_ipv6_network_of_one_line_is_one_source(one: str, other: str, same: bool) -> None:
    assert (source_of(one) == source_of(other)) is same


def test_a_forwarded_address_is_not_believed() -> None:
    assert forwarded(()) == [200] * 3 + [429]
    assert forwarded(("192.0.2.1",)) == [200] * 3 + [429]


def test_a_trusted_proxys_word_on_who_came_is_believed() -> None:
    assert forwarded(("127.0.0.0/8",)) == [200] * 4


def forwarded(trusted_proxies: tuple[str, ...]) -> list[int]:
    with running(Door(limits=STRICT).app, trusted_proxies=trusted_proxies) as address:
        return [
            httpx.post(
                f"{address}/v1/inquiries",
                json={},
                headers={"X-Forwarded-For": f"198.51.100.{n}", "Idempotency-Key": str(an_id("k"))},
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


@pytest.mark.rule("R74")
def test_crisis_help_and_rights_are_never_limited() -> None:
    door = Door(limits=STRICT)
    for _ in range(6):
        last = door.use(row_of("begin_inquiry"), "anyone")
    assert last.status_code == 429
    for page in ("crisis-help", "rights"):
        assert door.ask("GET", f"/v1/{page}").status_code == 200
