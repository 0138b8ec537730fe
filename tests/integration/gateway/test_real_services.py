"""Hostile values of the right type, through the gateway, at the real services: no 5xx."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.gateway.app import create_app
from services.gateway.examples import example
from services.gateway.routes import ROUTES, Row
from services.gateway.serve import running
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings
from shared.eventstore.edge import utc_now
from shared.identity.tokens import GATEWAY
from shared.run import embedded
from tests.unit.gateway.door import ORDINARY

TIMES = ["1900-01-01T00:00:00+23:59", "2999-12-31T23:59:59-23:59", "1970-01-01T00:00:00Z"]
HOSTILE: dict[str, list[Any]] = {
    "decided_at": TIMES,
    "starts_at": TIMES,
    "expires_at": TIMES,
    "verified_on": ["1900-01-01", "2999-12-31"],
    "words": ["\u202e" + "𝕏" * 19_990, "\ufffe\uffff", "'; DROP TABLE events; --"],
    "address": ["\u202e" * 320],
    "language": ["xx-aaaaaaaa"],
    "option": ["no_such_option"],
    "options": [["counselling"] * 30],
    "notice_version": ["x"],
    "interpreter": [str(UUID(int=0))],
    "item": [{"service": "x", "kind": "y", "item_id": str(UUID(int=0))}],
    "items": [[{"service": "x", "kind": "y", "item_id": str(UUID(int=0))}] * 50],
    "hours": [
        {"weekdays": [6] * 7, "start": "23:59", "end": "00:00", "time_zone": zone}
        for zone in ("UTC", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "posixrules", "US")
    ],
}


@pytest.fixture(scope="module")
def survivor() -> Iterator[tuple[httpx.Client, str]]:
    """A survivor who read their own notice, over a platform of their own."""
    with tempfile.TemporaryDirectory(prefix="sy-", ignore_cleanup_errors=True) as folder:
        platform = embedded(Path(folder))
        try:
            key = platform.key(GATEWAY)
            app = create_app(platform.transport, GatewaySettings(key=key, limits=ORDINARY))
            with running(app) as address, httpx.Client(base_url=address, timeout=30) as client:
                begun = client.post("/v1/inquiries", headers=_key(), json={}).json()
                person = begun["participation_id"]
                token, _ = Sessions(key).open(UUID(person), utc_now())
                client.headers["Authorization"] = f"Bearer {token}"
                notice = {"base": "alone", "notice_version": "alone-1"}
                client.post(
                    f"/v1/participations/{person}/confidentiality-notices",
                    headers=_key(),
                    json=notice,
                ).raise_for_status()
                yield client, person
        finally:
            platform.stop()


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


@pytest.mark.parametrize(
    "row", [row for row in ROUTES if "survivor" in row.who], ids=lambda row: row.action
)
def test_no_value_of_the_right_type_breaks_a_service(
    row: Row, survivor: tuple[httpx.Client, str]
) -> None:
    client, person = survivor
    shown = {**example(row.request), "participation_id": person}
    body = {name: value for name, value in shown.items() if name not in row.fields}
    bad = [
        {**body, name: value}
        for name, values in HOSTILE.items()
        for value in values
        if name in row.request.model_fields and name not in row.fields
    ]
    for content in [body, *bad]:
        sent = {"json": content, "headers": _key()} if row.verb == "POST" else {}
        answer = client.request(row.verb, row.path.format(**shown), **sent)
        assert answer.status_code < 500, (content, answer.text)
