"""What stands in front of every method: who asks, what they ask, and what may leave."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from shared.contracts.base import Model, Request
from shared.contracts.consent import ConfirmGrant, GetGrants, GrantDecided, RevokeGrant
from shared.contracts.refusal import NotFound, Refused
from shared.eventstore.work import Context
from shared.identity.keys import SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import fingerprint, sign, verify
from shared.messaging.envelope import open_answer, seal_request
from shared.messaging.gate import ServiceGate

NOON = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
CANARY = "words of a survivor"
GATEWAY, CONSENT, INTAKE = (
    SigningKey.from_seed(name, bytes([n]) * 32)
    for n, name in enumerate(("gateway", "consent", "intake"))
)
PINNED = issuers({key.issuer: key.public for key in (GATEWAY, CONSENT, INTAKE)})
ME = uuid4()
REVOKED = GrantDecided(grant_id=uuid4(), state="revoked")


class Application:
    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        return {"participation_id": str(ME), "assigned": []}


def gate() -> ServiceGate:
    return ServiceGate("consent", Application(), PINNED, lambda: NOON)


def command() -> RevokeGrant:
    return RevokeGrant(participation_id=ME, grant_id=uuid4())


def envelope(principal: Principal | None = None, **changes: Any) -> dict[str, Any]:
    survivor = principal or Principal.survivor(ME)
    made = seal_request(GATEWAY, NOON, "consent", command(), ctx=survivor, command_id=UUID(int=7))
    changed = {**made, **changes}
    req = fingerprint("revoke_grant", changed["command_id"], changed["request"])
    if "token" not in changes:
        changed["token"] = sign(survivor, "consent", GATEWAY, NOON, req=req)
    return changed


def captured() -> dict[str, Any]:
    """What somebody who reads the wire would hold."""
    return seal_request(
        GATEWAY,
        NOON,
        "consent",
        command(),
        ctx=Principal.survivor(ME),
        command_id=UUID(int=7),
    )


def test_a_captured_token_is_worth_nothing_beside_another_request() -> None:
    held = captured()
    assert "ok" in gate().answer(RevokeGrant, done, json.loads(json.dumps(held)))
    other = json.loads(command().model_dump_json())
    for changes in ({"request": other}, {"command_id": str(UUID(int=8))}, {"command_id": None}):
        answer = gate().answer(RevokeGrant, done, {**held, **changes})
        assert refusal(answer) == "token_refused", changes


def test_a_captured_token_is_worth_nothing_at_another_method() -> None:
    held = {**captured(), "request": {"participation_id": str(ME)}, "command_id": None}
    assert refusal(gate().answer(GetGrants, done, held)) == "token_refused"
    assert refusal(gate().answer(ConfirmGrant, done, captured())) == "token_refused"


def test_a_token_of_no_request_opens_no_gate() -> None:
    bare = sign(Principal.survivor(ME), "consent", GATEWAY, NOON)
    assert refusal(gate().answer(RevokeGrant, done, envelope(token=bare))) == "token_refused"


def test_no_two_tokens_are_the_same() -> None:
    me = Principal.survivor(ME)
    assert sign(me, "consent", GATEWAY, NOON) != sign(me, "consent", GATEWAY, NOON)


def done(request: Request, ctx: Context) -> Model:
    return REVOKED


def refusal(answer: dict[str, Any]) -> str:
    return str(answer["refused"]["code"])


def test_an_answer_crosses_as_data_and_comes_back_as_its_model() -> None:
    answer = gate().answer(RevokeGrant, done, envelope())
    assert open_answer(command(), json.loads(json.dumps(answer))) == REVOKED


def test_a_refusal_crosses_as_data_and_is_raised_again_with_its_words() -> None:
    def refuse(request: Request, ctx: Context) -> Model:
        raise NotFound("There is no such grant.", "Ask for the list.")

    answer = json.loads(json.dumps(gate().answer(RevokeGrant, refuse, envelope())))
    with pytest.raises(Refused) as refused:
        open_answer(command(), answer)
    assert refused.value.as_data() == {
        "code": "not_found",
        "because": "not_found",
        "detail": "There is no such grant.",
        "what_to_do": "Ask for the list.",
    }


def test_the_handler_is_told_who_asks_and_which_command_it_is() -> None:
    seen: list[Context] = []

    def remember(request: Request, ctx: Context) -> Model:
        seen.append(ctx)
        return REVOKED

    gate().answer(RevokeGrant, remember, envelope())
    assert seen[0].principal == Principal.survivor(ME)
    assert seen[0].command_id == UUID(int=7)
    assert seen[0].causation == f"command/{UUID(int=7)}"
    assert seen[0].now == NOON


@pytest.mark.parametrize(
    "key_and_audience",
    [
        (SigningKey.from_seed("gateway", b"x" * 32), "consent"),
        (GATEWAY, "intake"),
    ],
    ids=["a key that nobody pinned", "a token for another service"],
)
def test_a_token_that_proves_nothing_is_refused(key_and_audience: tuple[SigningKey, str]) -> None:
    key, audience = key_and_audience
    forged = seal_request(
        key, NOON, audience, command(), ctx=Principal.survivor(ME), command_id=uuid4()
    )
    assert refusal(gate().answer(RevokeGrant, done, forged)) == "token_refused"


def test_a_token_that_is_over_is_refused() -> None:
    old = seal_request(
        GATEWAY,
        NOON - timedelta(minutes=5),
        "consent",
        command(),
        ctx=Principal.survivor(ME),
        command_id=uuid4(),
    )
    assert refusal(gate().answer(RevokeGrant, done, old)) == "token_refused"


def test_permission_is_decided_again_in_the_service() -> None:
    another = envelope(Principal.survivor(uuid4()))
    assert refusal(gate().answer(RevokeGrant, done, another)) == "not_allowed"


def test_a_command_without_an_id_is_refused() -> None:
    assert refusal(gate().answer(RevokeGrant, done, envelope(command_id=None))) == "invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        "words",
        {},
        {"request": {}},
        {**envelope(), "more": 1},
        envelope(request=None),
        envelope(request={CANARY: CANARY}),
        envelope(request={"grant_id": CANARY}),
        envelope(token=None),
        envelope(token=CANARY),
        envelope(token={"a": CANARY}),
        envelope(command_id=[CANARY]),
    ],
)
def test_whatever_is_sent_the_answer_is_a_refusal_that_repeats_nothing_of_it(wrong: Any) -> None:
    answer = gate().answer(RevokeGrant, done, wrong)
    assert refusal(answer) in ("invalid", "token_refused")
    assert CANARY not in json.dumps(answer)


def test_what_breaks_inside_leaves_no_trace_outside() -> None:
    def broken(request: Request, ctx: Context) -> Model:
        raise RuntimeError(CANARY)

    answer = gate().answer(RevokeGrant, broken, envelope())
    assert refusal(answer) == "internal"
    assert CANARY not in json.dumps(answer)


def test_a_database_that_is_away_is_unavailable_so_that_the_caller_repeats() -> None:
    def away(request: Request, ctx: Context) -> Model:
        raise psycopg2.OperationalError("server closed the connection")

    assert refusal(gate().answer(RevokeGrant, away, envelope())) == "unavailable"


def test_a_service_speaks_for_itself_whomever_it_acts_for() -> None:
    asked = seal_request(INTAKE, NOON, "consent", _query(), ctx=Principal.survivor(ME))
    req = fingerprint("get_grants", None, asked["request"])
    assert verify(asked["token"], "consent", PINNED, NOON, req=req) == Principal.service("intake")


def _query() -> GetGrants:
    return GetGrants(participation_id=ME)
