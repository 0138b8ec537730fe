"""The service as others reach it: a signed token and JSON in, an answer or a refusal out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.consent.service import SERVICE_CLASS
from shared.contracts.consent import SERVICE
from shared.identity.keys import SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import fingerprint, sign
from shared.messaging.assembly import assemble
from shared.messaging.provided import bind
from tests.integration.consent.world import DAY, HOUSING, INTAKE, World
from tests.support.examples import HOUSING_AGENCY, IVO, MARIA, OTHER_SURVIVOR, ROSA, SURVIVOR

GATEWAY_KEY = SigningKey.from_seed("gateway", bytes(32))
INTAKE_KEY = SigningKey.from_seed("intake", bytes(31) + b"1")


class Door:
    def __init__(self, world: World) -> None:
        self.world = world
        pinned = issuers({"gateway": GATEWAY_KEY.public, "intake": INTAKE_KEY.public})
        made = assemble("consent", world.app.edge, pinned)
        self.close = made.app.close
        self.service = bind(made.service_class, made.provided | {"app": world.app})

    def knock(self, who: Principal, method: str, key: UUID | None = None, **asked: Any) -> Any:
        signer = INTAKE_KEY if who.kind == "service" else GATEWAY_KEY
        command_id = str(key or uuid4())
        req = fingerprint(method, command_id, asked)
        answer: dict[str, Any] = getattr(self.service, method)(
            {
                "request": asked,
                "command_id": command_id,
                "token": sign(who, "consent", signer, self.world.now, req=req),
                "correlation_id": str(uuid4()),
            }
        )
        return answer


@pytest.fixture
def door(world: World) -> Iterator[Door]:
    door = Door(world)
    yield door
    door.close()


def release(world: World) -> dict[str, Any]:
    return {
        "participation_id": str(MARIA),
        "recipient_agency_id": str(HOUSING_AGENCY),
        "items": [world.need.model_dump(mode="json")],
        "purpose": "housing",
        "expires_at": (world.now + DAY).isoformat(),
    }


def test_every_request_of_the_contract_has_its_method() -> None:
    for request in SERVICE.requests:
        assert callable(getattr(SERVICE_CLASS, request.method()))


def test_from_the_survivors_yes_to_the_item(door: Door) -> None:
    world = door.world
    grant = door.knock(SURVIVOR, "propose_grant", **release(world))["ok"]
    named = {"participation_id": str(MARIA), "grant_id": grant["grant_id"]}
    door.knock(SURVIVOR, "explain_grant", explanation_version="release-1", **named)
    assert door.knock(SURVIVOR, "give_grant", **named)["ok"]["state"] == "given"

    item = world.need.model_dump(mode="json")
    made = door.knock(
        HOUSING,
        "request_disclosure",
        agency_reference=grant["agency_reference"],
        item=item,
        purpose="housing",
    )["ok"]
    confirmed = door.knock(
        INTAKE,
        "confirm_disclosure",
        disclosure_id=made["disclosure_id"],
        agency_id=str(HOUSING_AGENCY),
        item=item,
    )["ok"]
    assert confirmed["participation_id"] == str(MARIA)

    assert door.knock(SURVIVOR, "revoke_grant", **named)["ok"]["state"] == "revoked"
    [seen] = door.knock(SURVIVOR, "get_grants", participation_id=str(MARIA))["ok"]["grants"]
    assert (seen["state"], seen["disclosures"]) == ("revoked", 1)


@pytest.mark.parametrize(
    "who", [IVO, ROSA, OTHER_SURVIVOR, HOUSING, INTAKE], ids=lambda who: who.kind
)
def test_who_is_not_the_survivors_is_not_let_in(door: Door, who: Principal) -> None:
    answer = door.knock(who, "propose_grant", **release(door.world))

    assert answer["refused"]["code"] == "not_allowed"
    assert door.world.count() == 0


def test_an_assigned_advocate_is_let_in_and_told_about_the_notice(door: Door) -> None:
    door.world.assign(ROSA)

    answer = door.knock(ROSA, "propose_grant", **release(door.world))

    assert answer["refused"]["code"] == "notice_not_given"


def test_a_request_in_vain_is_answered_as_data(door: Door) -> None:
    answer = door.knock(
        HOUSING,
        "request_disclosure",
        agency_reference=str(uuid4()),
        item=door.world.need.model_dump(mode="json"),
        purpose="housing",
    )

    assert answer["refused"]["code"] == "nothing_released"
    assert answer["refused"]["because"] == "not_found"
