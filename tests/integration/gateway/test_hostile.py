"""Hostile requests, generated: none of them makes a 5xx, reaches a service, or comes back in words.

Each is sent to four routes.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gateway.routes import ROUTES, Row
from tests.support.examples import an_id
from tests.support.piece import piece
from tests.unit.gateway.door import Door, body_of, path_of

CANARY = "kanarie7f3a"
EXAMPLES = piece(500).count
ROUTES_EACH = 4
WHO = {"anyone": "anyone", "survivor": "Maria", "staff": "advocate", "agency": "housing agency"}
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

door = Door()

words = st.text(max_size=40).map(lambda text: CANARY + text)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(words | st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
deep = st.integers(10, 40_000).flatmap(
    lambda n: st.sampled_from([b"[" * n, b'{"a":' * n, b"[" * n + b"]" * n, b'{"words":' * n])
)
bad_bytes = st.sampled_from(
    [b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\x00", b"\xf8\x88\x80\x80\x80", b"\xc0\x80"]
).map(lambda bad: b'{"words": "' + CANARY.encode() + bad + b'"}')
escapes = st.sampled_from(
    [r"\ud800", r"\udc00\ud800", r"\u0000", r"\u001b[2J", r"\x41", r"\u12", "\\", r"\u007f"]
).map(lambda bad: f'{{"words": "{CANARY}{bad}"}}'.encode())
large = st.integers(1, 400_000).map(lambda n: b'{"words": "' + CANARY.encode() * (n // 11) + b'"}')
numbers = st.sampled_from([b"1e99999", b"-0", b"9" * 10_000, b"NaN", b"Infinity", b"0x10"]).map(
    lambda n: b'{"words": ' + n + b', "stale_after_days": ' + n + b"}"
)
documents = values.map(lambda value: json.dumps(value).encode())
bodies = documents | st.binary(max_size=200) | deep | bad_bytes | escapes | large | numbers
content_types = st.sampled_from(
    ["application/json"] * 8
    + [CANARY, "application/json; charset=utf-16", "text/plain", "application/xml", ""]
)
keys = st.sampled_from([str(an_id("key"))] * 6 + ["", CANARY, "0" * 36, str(an_id("key")) * 2])
ids = st.sampled_from(
    [
        CANARY,
        "%00",
        "%ff",
        "..",
        "%2e%2e%2f",
        "0",
        "null",
        "%F0%9F",
        str(an_id("x")),
        "{}",
        "a" * 900,
    ]
)
rows = st.lists(st.sampled_from(ROUTES), min_size=ROUTES_EACH, max_size=ROUTES_EACH)


def send(verb: str, path: str, headers: dict[str, str], content: bytes) -> httpx.Response:
    return door.ask(verb, path, headers=headers, content=content)


def check(answer: httpx.Response, sent: bool) -> None:
    assert answer.status_code < 500, answer.text
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert not sent, "a refused request reached a service"


@BOUNDED
@given(row_list=rows, body=bodies, content_type=content_types, key=keys)
def test_hostile_bodies(row_list: list[Row], body: bytes, content_type: str, key: str) -> None:
    for row in row_list:
        door.bus.asked.clear()
        headers = {
            **door.as_(WHO[row.who[0]]),
            "Content-Type": content_type,
            "Idempotency-Key": key,
        }
        check(send(row.verb, path_of(row), headers, body), bool(door.bus.asked))


@BOUNDED
@given(
    row_list=rows,
    name=words | st.sampled_from(sorted({n for r in ROUTES for n in r.request.model_fields})),
    value=values,
)
def test_one_field_of_a_good_body_made_bad(row_list: list[Row], name: str, value: Any) -> None:
    for row in (row for row in row_list if row.verb == "POST"):
        door.bus.asked.clear()
        headers = {
            **door.as_(WHO[row.who[0]]),
            "Content-Type": "application/json",
            "Idempotency-Key": str(an_id("key")),
        }
        body = json.dumps({**body_of(row), name: value}).encode()
        answer = send(row.verb, path_of(row), headers, body)
        # A field of free words may hold the canary: then it goes to the service, and not back.
        check(answer, bool(door.bus.asked))


@BOUNDED
@given(row_list=rows, id_=ids, query=st.text(max_size=20), token=st.text(max_size=60))
def test_hostile_addresses_and_credentials(
    row_list: list[Row], id_: str, query: str, token: str
) -> None:
    printable = "".join(c for c in token if c.isascii() and c.isprintable())
    for row in row_list:
        door.bus.asked.clear()
        given_ids = dict.fromkeys(row.fields, id_)
        path = row.path.format(**given_ids)
        url = f"{path}?{httpx.QueryParams({CANARY + query: query})}"
        good = {**door.as_(WHO[row.who[0]]), "Idempotency-Key": str(an_id("key"))}
        bad = {"Authorization": f"Bearer {printable}{CANARY}", "X-API-Key": printable}
        for headers in (good, {**good, **bad}, {"Authorization": printable}):
            check(send(row.verb, url, headers, b""), bool(door.bus.asked))


def test_hostile_requests_at_once_leave_nothing_behind() -> None:
    async def flood() -> list[httpx.Response]:
        transport = httpx.ASGITransport(door.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            return await asyncio.gather(
                *(
                    client.post("/v1/inquiries", content=b"{" * n, headers={"X-API-Key": CANARY})
                    for n in range(1, 400)
                )
            )

    for answer in asyncio.run(flood()):
        assert 400 <= answer.status_code < 500
        assert CANARY not in answer.text
    assert door.ask("GET", "/health/live").status_code == 200
