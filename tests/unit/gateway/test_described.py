"""The documentation says what is so: every route, every example, every refusal."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from services.gateway.bodies import body_model
from services.gateway.examples import example
from services.gateway.openapi import COMMITTED, returns, written
from services.gateway.routes import MEDIA_TYPES, OWN_PAGES, ROUTES
from tests.unit.gateway.door import Door, problem


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    found: dict[str, Any] = Door().ask("GET", "/openapi.json").json()
    return found


def test_every_row_and_page_is_described_and_nothing_else(spec: dict[str, Any]) -> None:
    described = {(verb.upper(), path) for path, verbs in spec["paths"].items() for verb in verbs}
    there = {(row.verb, row.path) for row in ROUTES} | {("GET", page.path) for page in OWN_PAGES}
    operational = {("GET", path) for path in ("/health/live", "/health/ready")}
    assert described == there | operational


def test_operation_ids_are_the_actions(spec: dict[str, Any]) -> None:
    ids = {op["operationId"] for verbs in spec["paths"].values() for op in verbs.values()}
    assert {row.action for row in ROUTES} <= ids


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(spec))):
        found: Any = spec
        for part in reference.split("/"):
            found = found[part]


def test_every_example_is_what_the_models_accept() -> None:
    for row in ROUTES:
        body_model(row.request, row.fields).model_validate_json(
            json.dumps(example(body_model(row.request, row.fields)))
        )
        returns(row).model_validate_json(json.dumps(example(returns(row))))


def test_every_operation_has_an_answer_with_an_example_and_its_refusals(
    spec: dict[str, Any],
) -> None:
    for row in ROUTES:
        operation = spec["paths"][row.path][row.verb.lower()]
        content = operation["responses"]["200"]["content"][MEDIA_TYPES[row.form]]
        if row.form == "json":
            schema = {"$ref": content["schema"]["$ref"], "components": spec["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])
        assert {"400", "500", "503"} <= set(operation["responses"])
        if row.is_command:
            named = [p["name"] for p in operation["parameters"]]
            assert "Idempotency-Key" in named
        assert bool(operation["security"]) == (row.who != ("anyone",))


def test_bodies_are_closed_and_leave_out_what_the_path_says(spec: dict[str, Any]) -> None:
    for row in ROUTES:
        if row.verb == "POST":
            operation = spec["paths"][row.path]["post"]
            shown = operation["requestBody"]["content"]["application/json"]
            schema = spec["components"]["schemas"][shown["schema"]["$ref"].rpartition("/")[2]]
            assert schema["additionalProperties"] is False
            assert not set(row.fields) & set(schema.get("properties", {}))
            whole = {"$ref": shown["schema"]["$ref"], "components": spec["components"]}
            jsonschema.Draft202012Validator(whole).validate(shown["example"])


def test_a_real_refusal_has_the_form_described(spec: dict[str, Any], door: Door) -> None:
    schema = jsonschema.Draft202012Validator(spec["components"]["schemas"]["Problem"])
    headers = door.as_("Maria")
    for answer in (
        door.ask("GET", "/nowhere"),
        door.ask("POST", "/v1/inquiries"),
        door.ask("GET", "/v1/options?x=1"),
        door.ask("GET", "/v1/participations/x", headers=headers),
        door.ask("DELETE", "/v1/options"),
    ):
        schema.validate(problem(answer))


def test_every_refusal_described_shows_an_example_of_its_status(spec: dict[str, Any]) -> None:
    schema = jsonschema.Draft202012Validator(spec["components"]["schemas"]["Problem"])
    for name, described in spec["components"]["responses"].items():
        shown = described["content"]["application/problem+json"]["example"]
        schema.validate(shown)
        assert str(shown["status"]) == name.removeprefix("Problem")


def test_no_field_exists_for_what_is_never_asked(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"].items()
    asked = [schema for name, schema in schemas if name.endswith("Body")]
    fields = {name for schema in asked for name in schema.get("properties", {})}
    assert "words" in fields
    forbidden = re.compile(r"police|incident|immigration|legal_name|arrest|ssn|birth")
    assert [name for name in fields if forbidden.search(name)] == []


def test_the_page_for_people_loads_nothing_from_anywhere(door: Door) -> None:
    answer = door.ask("GET", "/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", answer.text)
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'sha256-" in answer.headers["Content-Security-Policy"]
    for row in ROUTES:
        assert f'id="{row.action}"' in answer.text


def test_the_front_door_leads_to_the_documentation(door: Door) -> None:
    assert door.ask("GET", "/").headers["location"] == "/docs"


def test_the_committed_document_is_the_one_that_is_served() -> None:
    drifted = "write it again: python -m services.gateway.openapi"
    assert COMMITTED.read_text("utf-8") == written(), drifted
