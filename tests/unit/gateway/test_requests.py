"""Well-formed requests reach the service as a signed envelope; the rest is a problem document."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
import structlog

from services.gateway.examples import example
from services.gateway.routes import MEDIA_TYPES, ROUTES, Row
from shared.contracts.audit import GetCheckpoint
from shared.contracts.refusal import ChangedMeanwhile, KeyUsedForAnother, NotFound, Unavailable
from shared.identity.keys import issuers
from shared.identity.principal import Principal
from shared.identity.tokens import fingerprint, verify
from shared.observability.logs import configure
from tests.support.examples import HOUSING_AGENCY, MARIA, ROSA, an_id
from tests.unit.gateway.door import KEY, Door, answer_model, body_of, path_of, problem, row_of

COMMAND = {"Idempotency-Key": str(an_id("command"))}
CANARY = "canary-7f3a-Ünïcode"


def speaker(door: Door) -> Principal:
    """For whom the gateway spoke, as the service asked would find it."""
    service, method, sent = door.bus.asked[0]
    req = fingerprint(method, sent["command_id"], sent["request"])
    return verify(sent["token"], service, issuers({"gateway": KEY.public}), door.clock(), req=req)


def test_a_command_reaches_its_service_signed_for_the_person_who_asked(door: Door) -> None:
    answer = door.use(row_of("state_need"), "advocate", json={"words": CANARY, "how": "phone"})
    assert answer.status_code == 200
    [(service, method, envelope)] = door.bus.asked
    assert (service, method) == ("intake", "state_need")
    assert envelope["request"]["words"] == CANARY
    assert envelope["request"]["participation_id"] == str(MARIA)
    assert envelope["command_id"] == COMMAND["Idempotency-Key"]
    assert envelope["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert speaker(door) == ROSA


def test_the_token_is_for_the_service_asked_and_lives_a_minute(door: Door) -> None:
    door.use(row_of("revoke_grant"), "Maria")
    assert speaker(door) == Principal.survivor(MARIA)
    door.clock.pass_by(seconds=61)
    with pytest.raises(Exception, match="verified"):
        speaker(door)


@pytest.mark.rule("R74")
def test_what_is_open_to_anyone_carries_no_trace_of_who_came(door: Door) -> None:
    door.use(row_of("begin_inquiry"), "Maria")
    assert speaker(door) == Principal.anyone()


def test_an_agency_is_known_by_its_key(door: Door) -> None:
    door.use(row_of("request_disclosure"), "housing agency")
    assert speaker(door).agency_id == HOUSING_AGENCY


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.action)
def test_the_example_of_the_documentation_is_accepted_and_its_answer_too(row: Row) -> None:
    door = Door()
    who = {"anyone": "anyone", "survivor": "Maria", "agency": "housing agency"}.get(row.who[0])
    staff = "coordinator" if row.action == "assign_advocate" else "advocate"
    answer = door.use(row, who or staff)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPES[row.form]
    if row.form == "json":
        answer_model(row).model_validate_json(answer.content)


def test_a_checkpoint_leaves_as_text_that_is_not_kept_and_a_tile_as_bytes_that_are(
    door: Door,
) -> None:
    note = door.ask("GET", "/log/checkpoint")
    assert note.text == example(GetCheckpoint.returns)["note"]
    assert note.headers["Cache-Control"] == "no-store"
    tile = door.ask("GET", "/log/tile/0/x001/x234/067.p/64")
    assert tile.content == bytes(range(32))
    assert "immutable" in tile.headers["Cache-Control"]
    asked = [envelope["request"] for _, _, envelope in door.bus.asked]
    assert asked == [{}, {"level": "0", "tile": "x001/x234/067.p/64"}]


@pytest.mark.parametrize(
    "path", ["/log/tile/0/", "/log/tile/0/0", "/log/tile/x/000", "/log/tile/0/../../../etc"]
)
def test_what_is_no_tile_s_address_reaches_no_service(door: Door, path: str) -> None:
    assert problem(door.ask("GET", path))["status"] == 404
    assert door.bus.asked == []


def test_an_empty_body_is_an_object_without_fields(door: Door) -> None:
    answer = door.ask("POST", "/v1/inquiries", headers=COMMAND)
    assert answer.status_code == 200
    assert door.bus.asked[0][2]["request"] == {"language": "en"}


def test_a_survivor_opens_a_session_with_their_code_and_uses_it(door: Door) -> None:
    opened = {"case_id": str(an_id("case")), "participation_id": str(MARIA)}
    door.bus.answers["open_session"] = {"ok": opened}
    session = door.ask("POST", "/v1/sessions", json={"possession_code": "a code"}).json()
    headers = {"Authorization": f"Bearer {session['session_token']}"}
    assert door.ask("GET", path_of(row_of("get_case")), headers=headers).status_code == 200
    door.clock.pass_by(minutes=15)
    assert problem(door.ask("GET", path_of(row_of("get_case")), headers=headers))["status"] == 401


def test_fields_that_a_newer_service_added_are_left_out(door: Door) -> None:
    answer = {"case_id": str(an_id("c")), "participation_id": str(MARIA), "new": CANARY}
    door.bus.answers["open_session"] = {"ok": answer}
    found = door.ask("POST", "/v1/sessions", json={"possession_code": "x"})
    assert found.status_code == 200
    assert CANARY not in found.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b'{"words": "\xff\xfe"}', 400, "malformed_json"),
        (b'{"words": "\\ud800"}', 400, "malformed_json"),
        (b"[" * 100_000, 400, "malformed_json"),
        (b'{"a":' * 20_000, 400, "malformed_json"),
        (b"NaN", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'"words"', 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"words": 7}', 422, "invalid_request"),
        (b'{"words": ""}', 422, "invalid_request"),
        (b'{"words": "   "}', 422, "invalid_request"),
        (b'{"words": "\\u202e\\u200b\\ufeff"}', 422, "invalid_request"),
        (b'{"words": "\\u3164\\u2800\\ufe0f"}', 422, "invalid_request"),
        (b'{"words": "canary", "words": "other"}', 400, "repeated_field"),
        (b'{"words": "canary", "w\\u006frds": "canary"}', 400, "repeated_field"),
        (b'{"words": "ok", "decided_at": "1700000000"}', 422, "invalid_request"),
        (b'{"words": "ok", "decided_at": 1700000000}', 422, "invalid_request"),
        (b'{"words": "canary\\u0000canary"}', 422, "invalid_request"),
        (b'{"words": "ok", "canary-7f3a": 1}', 422, "invalid_request"),
        (b'{"words": "ok", "participation_id": "x"}', 422, "invalid_request"),
        (b'{"words": "ok", "how": "canary-7f3a"}', 422, "invalid_request"),
        (b'{"words": "ok", "decided_at": "2026-01-01T00:00:00"}', 422, "invalid_request"),
        (b'{"words": "' + b"w" * 20_001 + b'"}', 422, "invalid_request"),
        (b'{"words": ' + b"9" * 100_000 + b"}", 400, "malformed_json"),
        (b" " * 262_145, 413, "body_too_large"),
    ],
)
def test_bad_bodies_are_told_and_nothing_is_asked_or_echoed(
    body: bytes, status: int, code: str, door: Door
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = door.use(row_of("state_need"), "Maria", headers=headers, content=body, json=None)
    assert (problem(answer)["code"], answer.status_code) == (code, status)
    assert "canary" not in answer.text
    assert door.bus.asked == []


def test_the_fields_that_are_wrong_are_named_if_they_are_ours(door: Door) -> None:
    body = {"words": 1, "how": "pigeon", "my secret": 2}
    answer = problem(door.use(row_of("state_need"), "Maria", json=body))
    assert {e["field"]: e["problem"] for e in answer["errors"]} == {
        "words": "has to be a text",
        "how": "is not one of the values allowed",
        "(unknown field)": "is not a field here",
    }


@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "1899-12-31T23:59:59Z"]
)
@pytest.mark.parametrize("field", ["decided_at", "expires_at", "starts_at"])
def test_a_time_beyond_every_calendar_is_refused_at_the_door(
    field: str, time: str, door: Door
) -> None:
    row = row_of("propose_grant")
    answer = problem(door.use(row, "Maria", json={**body_of(row), field: time}))
    assert answer["errors"] == [{"field": field, "problem": "is too far away"}]
    assert door.bus.asked == []


def test_hours_are_written_in_the_digits_of_a_clock(door: Door) -> None:
    row = row_of("declare_channel_safe")
    body = body_of(row)
    hours = {**body["hours"], "start": "0\u0669:3\u0660"}
    answer = problem(door.use(row, "Maria", json={**body, "hours": hours}))
    assert [e["field"] for e in answer["errors"]] == ["hours.start"]


def test_a_field_given_twice_deep_inside_is_refused_too(door: Door) -> None:
    row = row_of("declare_channel_safe")
    once = json.dumps(body_of(row))
    twice = once.replace('"start":', '"start": "00:00", "start":')
    assert twice != once
    headers = {"Content-Type": "application/json"}
    answer = door.use(row, "Maria", headers=headers, content=twice.encode(), json=None)
    assert (problem(answer)["code"], answer.status_code) == ("repeated_field", 400)
    assert door.bus.asked == []


def test_a_text_of_digits_is_no_time_and_no_date(door: Door) -> None:
    row = row_of("propose_grant")
    answer = problem(door.use(row, "Maria", json={**body_of(row), "expires_at": "1800000000"}))
    assert [e["field"] for e in answer["errors"]] == ["expires_at"]
    assert "RFC 3339" in answer["errors"][0]["problem"]
    row = row_of("declare_channel_safe")
    answer = problem(door.use(row, "Maria", json={**body_of(row), "verified_on": "1795219200"}))
    assert answer["errors"] == [
        {"field": "verified_on", "problem": "has to be a date, as 2026-11-21"}
    ]
    assert door.bus.asked == []


@pytest.mark.parametrize(
    "words",
    [
        "\u2066hello\u2069",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f6aa",
        "?",
        "\u0e01\u0e33",
    ],
)
def test_words_of_every_script_are_words(words: str, door: Door) -> None:
    """Also with marks in them that have no shape of their own, as Persian is written."""
    assert door.use(row_of("state_need"), "Maria", json={"words": words}).status_code == 200


def test_times_reach_a_service_in_utc_whatever_offset_they_came_with(door: Door) -> None:
    body = {"words": "said yesterday", "decided_at": "2026-05-31T23:59:00+23:59"}
    assert door.use(row_of("state_need"), "Maria", json=body).status_code == 200
    assert door.bus.asked[0][2]["request"]["decided_at"] == "2026-05-31T00:00:00Z"


def test_a_nested_field_is_named_by_its_path(door: Door) -> None:
    body = {"channel": "email", "hours": {"weekdays": [0, 9], "start": "25:00"}, "verified_on": "x"}
    answer = problem(door.use(row_of("declare_channel_safe"), "Maria", json=body))
    named = {error["field"] for error in answer["errors"]}
    assert {"hours.weekdays.1", "hours.start", "hours.end", "verified_on"} <= named


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "multipart/form-data; boundary=x"},
    ],
)
def test_what_is_not_plain_json_is_refused(headers: dict[str, str], door: Door) -> None:
    answer = door.use(
        row_of("state_need"), "Maria", headers=headers, content=b'{"words": "a"}', json=None
    )
    assert problem(answer)["status"] == 415


@pytest.mark.parametrize("length", ["262145", "9" * 30, "-1", "a lot"])
def test_a_length_beyond_the_limit_is_refused_before_the_body_is_read(
    length: str, door: Door
) -> None:
    headers = {"Content-Length": length, "Content-Type": "application/json"}
    answer = door.use(row_of("state_need"), "Maria", headers=headers, content=b"{}", json=None)
    assert problem(answer)["status"] == 413


def test_a_command_without_an_idempotency_key_is_refused(door: Door) -> None:
    answer = door.ask("POST", "/v1/inquiries", json={})
    assert problem(answer)["code"] == "idempotency_key_required"
    assert door.bus.asked == []


@pytest.mark.parametrize(
    "key",
    [
        "",
        "1",
        "canary",
        "{" + str(UUID(int=1))[1:-1] + "}",
        "{" + str(UUID(int=1)) + "}",
        "urn:uuid:" + str(UUID(int=1)),
        UUID(int=1).hex,
        "{" + UUID(int=1).hex + "}12",
        "x" * 36,
        str(UUID(int=0)),
    ],
)
def test_an_idempotency_key_that_is_no_uuid_is_refused(key: str, door: Door) -> None:
    answer = door.ask("POST", "/v1/inquiries", json={}, headers={"Idempotency-Key": key})
    assert problem(answer)["code"] == "idempotency_key_invalid"
    assert "canary" not in answer.text


@pytest.mark.parametrize("id_", ["x", "0", "%00", "..%2f..", "null", "%ff", "6f1f0c1e-5d5a-4c5e"])
def test_an_id_that_cannot_be_one_is_simply_not_there(id_: str, door: Door) -> None:
    answer = door.ask("GET", f"/v1/participations/{id_}", headers=door.as_("Maria"))
    assert problem(answer)["code"] == "not_found"
    assert door.bus.asked == []


def test_an_address_that_is_not_there_is_a_problem_document_too(door: Door) -> None:
    answer = door.ask("GET", "/v1/canary?canary=1")
    assert problem(answer)["status"] == 404
    assert "canary" not in answer.text


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"])
def test_another_method_is_told_which_ones_there_are(verb: str, door: Door) -> None:
    answer = door.ask(verb, path_of(row_of("get_needs")))
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    "query", ["language=xx xx", "language=1", "canary=1", "language=en&language=es", "language="]
)
def test_a_parameter_that_is_not_as_described_is_refused(query: str, door: Door) -> None:
    answer = door.ask("GET", f"/v1/options?{query}")
    assert problem(answer)["status"] in (400, 422)
    assert "canary" not in answer.text
    assert door.bus.asked == []


def test_a_command_takes_nothing_from_the_address(door: Door) -> None:
    answer = door.ask("POST", "/v1/inquiries?language=es", headers=COMMAND)
    assert problem(answer)["code"] == "unexpected_parameter"


@pytest.mark.parametrize(
    ("refused", "status"),
    [
        (NotFound(), 404),
        (ChangedMeanwhile(), 409),
        (KeyUsedForAnother(), 409),
        (Unavailable(), 503),
        (NotFound("It is over.", "Ask anew.", code="gone", because="gone"), 410),
        (NotFound("Too often.", "Wait.", code="too_many", because="too_many"), 429),
        (NotFound("No.", "Ask.", code="notice_not_given", because="invalid"), 422),
    ],
)
def test_a_services_refusal_becomes_a_problem_in_its_own_words(
    refused: Any, status: int, door: Door
) -> None:
    door.bus.answers["begin_inquiry"] = {"refused": refused.as_data()}
    answer = door.ask("POST", "/v1/inquiries", headers=COMMAND)
    found = problem(answer)
    assert answer.status_code == status
    assert (found["code"], found["detail"], found["what_to_do"]) == (
        refused.code,
        refused.detail,
        refused.what_to_do,
    )
    assert ("Retry-After" in answer.headers) == (status in (429, 503))


@pytest.mark.parametrize(
    "away", [Unavailable(), ConnectionRefusedError("amqp://user:canary@host"), TimeoutError()]
)
def test_when_the_bus_is_away_the_caller_is_told_to_repeat(away: Exception, door: Door) -> None:
    door.bus.answers["begin_inquiry"] = away
    answer = door.ask("POST", "/v1/inquiries", headers=COMMAND)
    assert problem(answer)["status"] == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    "broken",
    [
        RuntimeError(CANARY),
        {"ok": {"canary": CANARY}},
        {"ok": None},
        {"neither": CANARY},
        {"refused": {"code": "x"}},
        [CANARY],
    ],
)
def test_a_failure_of_ours_tells_an_instance_and_nothing_of_itself(broken: Any, door: Door) -> None:
    door.bus.answers["begin_inquiry"] = broken
    answer = door.ask("POST", "/v1/inquiries", headers=COMMAND)
    assert problem(answer)["code"] == "internal"
    assert "canary" not in answer.text


def test_every_answer_has_a_correlation_id_of_its_own_and_takes_none_from_outside(
    door: Door,
) -> None:
    theirs = {"X-Correlation-ID": str(an_id("theirs"))}
    ids = [
        door.ask("GET", path, headers=theirs).headers["X-Correlation-ID"]
        for path in ("/v1/options", "/v1/options", "/nowhere", "/health/live")
    ]
    assert len({UUID(i) for i in ids}) == 4
    assert theirs["X-Correlation-ID"] not in ids


def test_no_answer_is_kept_by_a_browser_or_tells_where_one_came_from(door: Door) -> None:
    for path in ("/v1/options", "/v1/crisis-help", "/docs", "/nowhere", path_of(ROUTES[3])):
        headers = door.ask("GET", path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "set-cookie" not in headers


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What operators see, written where the test can read it."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    written = StringIO()
    configure("gateway", stream=written)
    yield written
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def test_the_log_knows_the_action_and_never_the_path_or_the_words(
    door: Door, logged: StringIO
) -> None:
    door.bus.answers["state_need"] = RuntimeError(CANARY)
    answer = door.use(row_of("state_need"), "Maria", json={"words": CANARY})
    door.ask("GET", f"/v1/{CANARY}?q={CANARY}")
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert {"answered", "a request failed"} <= {line["event"] for line in lines}
    own = [line for line in lines if line.get("method") == "state_need"]
    assert {line["correlation_id"] for line in own} == {answer.headers["X-Correlation-ID"]}
    assert "canary" not in logged.getvalue()
    assert str(MARIA) not in logged.getvalue()


def test_an_address_or_headers_without_end_are_refused(door: Door) -> None:
    long = problem(door.ask("GET", "/v1/options?language=" + "canary" * 1_000))
    heavy = problem(door.ask("GET", "/v1/options", headers={"X-Much": "canary" * 3_000}))
    assert (long["status"], heavy["status"]) == (414, 431)
    assert "canary" not in str((long, heavy))
    assert door.bus.asked == []
