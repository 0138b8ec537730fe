"""Survivors whose advocate comes and goes: decisions over HTTP that another service reacts to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from infra.demo.credentials import Held
from shared.accompaniment.accompaniment import Accompaniment

MANY = 25
"""So many may begin at once from one address before the gateway slows them down."""


@dataclass
class Survivor:
    """Asks for an advocate, gets one, lets them go, and again: two of three are reacted to."""

    participation: UUID
    survivor: dict[str, str]
    coordinator: dict[str, str]
    agency: UUID
    advocate: UUID = field(default_factory=uuid4)
    version: int = 1
    """Of the stream below, once all reactions to what was decided are in: it begins with one."""

    @property
    def stream(self) -> UUID:
        """Where consent remembers who accompanies them."""
        return Accompaniment.create_id(self.participation)

    def steps(self) -> Iterator[tuple[str, dict[str, str], dict[str, Any], bool]]:
        """(path, headers, body, whether consent reacts to it), for ever."""
        at = f"/v1/participations/{self.participation}"
        assigned = {
            "advocate_id": str(self.advocate),
            "base": "community",
            "agency_id": str(self.agency),
        }
        while True:
            yield f"{at}/advocate-requests", self.survivor, {"base": "community"}, False
            yield f"{at}/advocate", self.coordinator, assigned, True
            yield f"{at}/advocate/ending", self.survivor, {}, True


def key() -> dict[str, str]:
    """A new Idempotency-Key."""
    return {"Idempotency-Key": str(uuid4())}


def begun(address: str, held: Held, count: int = MANY) -> list[Survivor]:
    """So many survivors who have begun and come back with their code."""
    agency = uuid4()
    staff = held.staff("coordinator", agency, None, trained=True)
    coordinator = {"Authorization": f"Bearer {staff.token}"}
    found = []
    with httpx.Client(base_url=address, timeout=30) as http:
        for _ in range(count):
            inquiry = _asked(http, "/v1/inquiries", {"language": "en"})
            code = {"possession_code": inquiry["possession_code"]}
            session = _asked(http, "/v1/sessions", code)
            own = {"Authorization": f"Bearer {session['session_token']}"}
            found.append(Survivor(UUID(inquiry["participation_id"]), own, coordinator, agency))
    return found


def _asked(http: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer; whoever is slowed down waits for as long as they are told to."""
    answer = http.post(path, json=body, headers=key())
    while answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        time.sleep(int(answer.headers["Retry-After"]))
        answer = http.post(path, json=body, headers=key())
    if not answer.is_success:
        raise RuntimeError(f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}")
    said: dict[str, Any] = answer.json()
    return said
