from __future__ import annotations

import re
from typing import Any

import pytest

from shared.contracts.base import Message, Query, ServiceContract
from shared.messaging.topology import (
    DEAD,
    EVENTS_VHOST,
    RPC_VHOST,
    definitions,
    queue_from,
    users,
)


class Told(Message):
    type = "teller.tale.told.v1"


class Ask(Query):
    pass


CONTRACTS = {
    "teller": ServiceContract(name="teller", requests=(Ask,), publishes=(Told,)),
    "hearer": ServiceContract(name="hearer", follows={"teller": (Told.type,)}),
    "asker": ServiceContract(name="asker", requests=(Ask,), calls=("hearer",)),
}
PASSWORDS = dict.fromkeys(("teller", "hearer", "asker", "gateway"), "secret")


def made() -> dict[str, Any]:
    return definitions(PASSWORDS, CONTRACTS, salt=lambda length: b"s" * length)


def allowed(kind: str, user: str, vhost: str, resource: str) -> bool:
    found = [p for p in made()["permissions"] if p["user"] == user and p["vhost"] == vhost]
    return any(re.search(p[kind], resource) for p in found)


def topic(kind: str, user: str, exchange: str, key: str) -> bool:
    [found] = [
        p for p in made()["topic_permissions"] if p["user"] == user and p["exchange"] == exchange
    ]
    return bool(re.search(found[kind], key))


def test_every_service_and_the_gateway_have_a_user_of_their_own() -> None:
    assert users(CONTRACTS) == ("asker", "gateway", "hearer", "teller")
    assert [u["name"] for u in made()["users"]] == ["asker", "gateway", "hearer", "teller"]
    assert all(u["tags"] == [] for u in made()["users"]), "nobody administers"
    assert "secret" not in str(made())


def test_a_password_that_is_missing_is_an_error_and_not_an_open_door() -> None:
    with pytest.raises(KeyError):
        definitions({"teller": "secret"}, CONTRACTS)


def test_nobody_may_declare_anything_but_its_own_reply_queue() -> None:
    for user in users(CONTRACTS):
        assert allowed("configure", user, RPC_VHOST, f"rpc.reply-{user}-{'a' * 32}")
        for name in ("rpc-teller", "nameko-rpc", "rpc.reply-other-aa", "hearer.from.teller"):
            assert not allowed("configure", user, RPC_VHOST, name)
            assert not allowed("configure", user, EVENTS_VHOST, name)


def test_a_service_publishes_under_its_own_name_only() -> None:
    assert allowed("write", "teller", EVENTS_VHOST, "sayso.events")
    assert topic("write", "teller", "sayso.events", "teller.tale.told.v1")
    assert not topic("write", "teller", "sayso.events", "hearer.tale.told.v1")
    assert not topic("write", "teller", "sayso.events", "tellers.tale.told.v1")
    assert not allowed("write", "hearer", EVENTS_VHOST, "sayso.events")


def test_a_follower_reads_its_own_queue_and_nobody_elses() -> None:
    assert allowed("read", "hearer", EVENTS_VHOST, "hearer.from.teller")
    assert not allowed("read", "teller", EVENTS_VHOST, "hearer.from.teller")
    assert not allowed("read", "gateway", EVENTS_VHOST, "hearer.from.teller")
    assert not allowed("read", "hearer", EVENTS_VHOST, "sayso.events"), "no queue of its choosing"


def test_only_those_who_may_ask_a_service_can_reach_it() -> None:
    assert topic("write", "asker", "nameko-rpc", "hearer.ask")
    assert not topic("write", "asker", "nameko-rpc", "teller.ask")
    assert topic("write", "hearer", "nameko-rpc", "teller.messages_after"), "to catch up"
    assert topic("write", "gateway", "nameko-rpc", "teller.ask")
    assert not topic("write", "gateway", "nameko-rpc", "hearer.ask"), "it answers no request"


def test_a_service_answers_only_those_who_may_ask_it() -> None:
    assert topic("write", "hearer", "nameko-rpc", "reply.asker.00ff")
    assert not topic("write", "teller", "nameko-rpc", "reply.asker.00ff")


def test_nobody_listens_in_on_anothers_requests_or_answers() -> None:
    for user in users(CONTRACTS):
        assert topic("read", user, "nameko-rpc", f"reply.{user}.00ff")
        for key in ("teller.ask", "reply.other.00ff", "#", "*.*", "reply.#", "reply.*.*"):
            assert not topic("read", user, "nameko-rpc", key)


def test_events_wait_in_quorum_queues_with_one_active_consumer() -> None:
    queues = {(q["vhost"], q["name"]): q["arguments"] for q in made()["queues"]}
    assert queues[EVENTS_VHOST, queue_from("hearer", "teller")] == {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
    }


def test_requests_wait_in_classic_queues_only() -> None:
    kinds = {q["arguments"]["x-queue-type"] for q in made()["queues"] if q["vhost"] == RPC_VHOST}
    assert kinds == {"classic"}


def test_no_follower_queue_can_drop_a_message_silently() -> None:
    [policy] = [p for p in made()["policies"] if re.search(p["pattern"], "hearer.from.teller")]
    assert policy["definition"]["dead-letter-exchange"] == DEAD
    assert policy["definition"]["dead-letter-strategy"] == "at-least-once"
    assert policy["definition"]["overflow"] == "reject-publish", "else it falls back silently"
    assert policy["definition"]["delivery-limit"] >= 1_000
    assert not any("max-length" in key for key in policy["definition"])


def test_what_no_queue_takes_is_kept_for_an_operator() -> None:
    [events] = [e for e in made()["exchanges"] if e["name"] == "sayso.events"]
    assert events["arguments"] == {"alternate-exchange": "sayso.unrouted"}
    bound = {(b["source"], b["destination"]) for b in made()["bindings"]}
    assert {("sayso.unrouted", "sayso.unrouted"), (DEAD, DEAD)} <= bound


def test_the_whole_platform_has_a_topology() -> None:
    given = definitions(dict.fromkeys(users(), "x"))
    assert {q["vhost"] for q in given["queues"]} == {EVENTS_VHOST, RPC_VHOST}
