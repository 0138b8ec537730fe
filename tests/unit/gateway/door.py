"""The gateway over a bus that remembers what it was asked, and people who knock."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from services.gateway.agencies import AgencyKey, AgencyKeys, hashed
from services.gateway.app import create_app
from services.gateway.attempts import Waiting
from services.gateway.dev_issuer import DevIssuer
from services.gateway.examples import example
from services.gateway.limits import Rate
from services.gateway.openapi import returns
from services.gateway.routes import ROUTES, Row
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings, Limits
from services.gateway.staff import read_issuers
from shared.identity.keys import SigningKey
from shared.identity.principal import Principal
from tests.support.examples import (
    COMMUNITY_AGENCY,
    DANA,
    HOUSING_AGENCY,
    MARIA,
    NOON,
    NOOR,
    ROSA,
    an_id,
)

KEY = SigningKey.from_seed("gateway", b"g" * 32)
ISSUER_KEY = SigningKey.from_seed("urn:sayso:development-issuer", b"i" * 32)
PEPPER = b"p" * 32
HOUSING_KEY = "sayso_" + "11" * 32
SHELTER_KEY = "sayso_" + "44" * 32
PAROLE_KEY = "sayso_" + "22" * 32
PAROLE_BOARD = an_id("parole board")

COORDINATOR = Principal.staff(an_id("cora"), "coordinator", COMMUNITY_AGENCY, unit_kind="community")
OFFICER = Principal.staff(
    an_id("officer"), "supervision_officer", PAROLE_BOARD, unit_kind="community", trained=True
)
ADVOCATE_OF_PAROLE = Principal.staff(
    an_id("adam"), "advocate", PAROLE_BOARD, base="systems", unit_kind="parole", trained=True
)
ORDINARY = Limits(
    codes_each=Rate(10_000, 10_000),
    codes_together=Rate(10_000, 10_000),
    beginnings_each=Rate(10_000, 10_000),
    beginnings_together=Rate(10_000, 10_000),
    disclosures_each=Rate(10_000, 10_000),
)


class Bus:
    """Answers with the example of the documentation, or with what it was told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, Any] = {}

    async def call(
        self, service: str, method: str, envelope: dict[str, Any], timeout: float
    ) -> dict[str, Any]:
        self.asked.append((service, method, json.loads(json.dumps(envelope))))
        answer = self.answers.get(method)
        if isinstance(answer, BaseException):
            raise answer
        if answer is None:
            row = next(row for row in ROUTES if row.action == method)
            answer = {"ok": example(row.request.returns)}
        return json.loads(json.dumps(answer))


@dataclass
class Clock:
    """Stands still until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **by: float) -> None:
        self.now += timedelta(**by)

    def elapsed(self) -> float:
        return (self.now - NOON).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Whoever sleeps here moves the clock: one request at a time."""
        self.pass_by(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class Door:
    """One gateway, its bus and its clock."""

    limits: Limits = ORDINARY
    options: dict[str, Any] = field(default_factory=dict)
    waiting: Waiting | None = None
    bus: Bus = field(default_factory=Bus)
    clock: Clock = field(default_factory=Clock)
    app: FastAPI = field(init=False)

    def __post_init__(self) -> None:
        settings = GatewaySettings(
            key=KEY,
            staff_issuers=read_issuers(self.issuer.pinned()),
            agency_keys=(
                AgencyKey(HOUSING_AGENCY, "housing", hashed(HOUSING_KEY, PEPPER)),
                AgencyKey(COMMUNITY_AGENCY, "community", hashed(SHELTER_KEY, PEPPER)),
                AgencyKey(PAROLE_BOARD, "parole", hashed(PAROLE_KEY, PEPPER)),
            ),
            agency_pepper=PEPPER,
            limits=self.limits,
        )
        waiting = self.waiting or Waiting(
            self.clock.elapsed, self.clock.sleep, lambda number: number - 1
        )
        self.app = create_app(self.bus, settings, clock=self.clock, waiting=waiting, **self.options)

    @property
    def issuer(self) -> DevIssuer:
        return DevIssuer(ISSUER_KEY, self.clock)

    def ask(self, verb: str, path: str, address: str = "203.0.113.1", **more: Any) -> Answer:
        """One request; a second one may follow at once."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(address, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.request(verb, path, **more)

        return asyncio.run(send())

    def as_(self, who: str) -> dict[str, str]:
        """The headers of one of ``PEOPLE``."""
        person = PEOPLE[who]
        if isinstance(person, str):
            return {"X-API-Key": person}
        if isinstance(person, UUID):
            token, _ = Sessions(KEY).open(person, self.clock())
            return {"Authorization": f"Bearer {token}"}
        if person is None:
            return {}
        return {"Authorization": f"Bearer {self.issuer.token(person)}"}

    def use(self, row: Row, who: str, **more: Any) -> Answer:
        """A well-formed request to a row, about Maria."""
        headers = {**self.as_(who), **more.pop("headers", {})}
        if row.is_command:
            headers.setdefault("Idempotency-Key", str(an_id("command")))
        if row.verb == "POST":
            more.setdefault("json", body_of(row))
        return self.ask(row.verb, path_of(row), headers=headers, **more)


Answer = httpx.Response

PEOPLE: Mapping[str, Principal | UUID | str | None] = {
    "anyone": None,
    "Maria": MARIA,
    "another survivor": DANA,
    "advocate": ROSA,
    "trained advocate": NOOR,
    "coordinator": COORDINATOR,
    "supervision officer": OFFICER,
    "advocate in a parole unit": ADVOCATE_OF_PAROLE,
    "housing agency": HOUSING_KEY,
    "another agency": SHELTER_KEY,
    "parole agency": PAROLE_KEY,
}


def agency_keys() -> AgencyKeys:
    return AgencyKeys((AgencyKey(HOUSING_AGENCY, "housing", hashed(HOUSING_KEY, PEPPER)),), PEPPER)


def row_of(action: str) -> Row:
    return next(row for row in ROUTES if row.action == action)


def path_of(row: Row, participation_id: UUID = MARIA) -> str:
    given = {**example(row.request), "participation_id": participation_id}
    return row.path.format(**given)


def body_of(row: Row) -> dict[str, Any]:
    shown = example(row.request)
    return {name: value for name, value in shown.items() if name not in row.fields}


def problem(answer: Answer) -> dict[str, Any]:
    """The problem document, checked for its form; nothing else may refuse."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert set(document) - {"errors"} == {
        "type",
        "title",
        "status",
        "detail",
        "what_to_do",
        "code",
        "instance",
    }
    assert document["status"] == answer.status_code
    assert document["type"] == f"urn:sayso:problem:{document['code']}"
    assert document["instance"] == f"urn:uuid:{answer.headers['X-Correlation-ID']}"
    assert document["what_to_do"]
    return document


def answer_model(row: Row) -> Any:
    return returns(row)
