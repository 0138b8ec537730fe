"""The OpenAPI document, derived from the route table and the contracts.

Committed as ``openapi.json``; ``python -m services.gateway.openapi`` writes it
again, and a test fails where it has drifted.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.gateway import problems
from services.gateway.bodies import body_model, part_of
from services.gateway.edge import CORRELATION_HEADER
from services.gateway.examples import BY_FIELD, example
from services.gateway.pages import CrisisHelp, Pages, Rights
from services.gateway.routes import MEDIA_TYPES, OWN_PAGES, ROUTES, OwnPage, Row
from services.gateway.sessions import Session
from shared.contracts.intake import OpenSession

COMMITTED = Path(__file__).with_name("openapi.json")
_REF = "#/components/schemas/{model}"
_SECURITY: dict[str, dict[str, list[str]]] = {
    "survivor": {"session": []},
    "staff": {"staff": []},
    "agency": {"agency": []},
}
_TAGS = {
    "begin": "Begin: open to anyone, and remembered of nobody",
    "intake": "The case: notice, needs, options, the survivor's own record",
    "consent": "Releases: propose, give, decline, revoke",
    "agencies": "For agencies: ask, and take once",
    "notifications": "Safe contact and topics",
    "log": "The log of digests: open to anyone, so that anyone can see that it only grows",
    "operation": "Is it there, is it ready, what does it count",
}
_INTRODUCTION = """\
Nothing about a survivor moves without the survivor's say-so.

Every command carries an `Idempotency-Key` (a UUID): sent again with the same key it is done once,
and answered the same. Every refusal is a problem document (RFC 9457) whose `what_to_do` says what
you can do now. Unknown fields are refused. Crisis help and rights need no credential and store
nothing.
"""
_PAGES: dict[str, type[BaseModel]] = {"crisis_help": CrisisHelp, "rights": Rights}
_PROBLEMS = {
    400: "It cannot be read: malformed JSON, or a missing or malformed Idempotency-Key",
    401: "No credential, or one that is not valid (any more)",
    403: "Not allowed; says nothing about whether the thing exists",
    404: "Nothing here under that address or id",
    405: "The address does not take that method",
    408: "The body did not arrive in time",
    409: "Refused in this state, or somebody else decided first, or the key was used for another",
    410: "It was there, and is over",
    413: "The body is too large",
    414: "The address is too long",
    415: "Not JSON",
    422: "Fields are missing, unknown or not of the expected form",
    429: "Too many attempts; see Retry-After",
    431: "The headers are too large",
    500: "Something failed here; repeat with the same Idempotency-Key",
    503: "A part of the platform is away; repeat with the same Idempotency-Key after Retry-After",
}
_EXAMPLE_PROBLEM = problems.not_allowed().document("6f1f0c1e-5d5a-4c5e-9a54-0f3b3a7f1a99")


def document(rows: Iterable[Row], pages: Iterable[OwnPage], read: Pages) -> dict[str, Any]:
    """The whole document, as JSON data."""
    rows, pages = tuple(rows), tuple(pages)
    names, schemas = _schemas(rows)
    paths: dict[str, dict[str, Any]] = {}
    for page in pages:
        paths.setdefault(page.path, {})["get"] = _page(page, names, read)
    for row in rows:
        paths.setdefault(row.path, {})[row.verb.lower()] = _operation(row, names)
    paths.update(_operational())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sayso",
            "version": "1",
            "summary": "Decisions of survivors, recorded and kept to.",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This platform"}],
        "tags": [{"name": name, "description": said} for name, said in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _problem_schema()},
            "securitySchemes": _security_schemes(),
            "responses": _problem_responses(),
            "headers": {"CorrelationId": _correlation_header()},
        },
    }


def returns(row: Row) -> type[BaseModel]:
    """What the route answers: a code opens a session, everything else is the service's answer."""
    return Session if row.request is OpenSession else row.request.returns


@cache
def _schemas(rows: tuple[Row, ...]) -> tuple[dict[type[BaseModel], str], dict[str, Any]]:
    asked = {body_model(row.request, row.fields) for row in rows}
    told = {returns(row) for row in rows if row.form == "json"} | set(_PAGES.values())
    pairs: list[Any] = [(model, "validation") for model in sorted(asked, key=_named)]
    pairs += [(model, "serialization") for model in sorted(told, key=_named)]
    references, schemas = models_json_schema(pairs, ref_template=_REF)
    names: dict[type[BaseModel], str] = {}
    for model, mode in pairs:
        names[model] = str(references[model, mode]["$ref"]).rpartition("/")[2]
    return names, schemas.get("$defs", {})


def _named(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(row: Row, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    said = inspect.getdoc(row.request) or row.action
    summary = said.partition(".")[0].replace("\n", " ")
    operation: dict[str, Any] = {
        "operationId": row.action,
        "tags": [_tag(row)],
        "summary": summary,
        "description": said + f"\n\nMay come: {', '.join(row.who)}. Action: `{row.action}`.",
        "parameters": _parameters(row),
        "responses": _responses(row, names),
        "security": [_SECURITY[kind] for kind in row.who if kind in _SECURITY],
    }
    if row.verb == "POST":
        model = body_model(row.request, row.fields)
        operation["requestBody"] = {
            "required": any(info.is_required() for info in model.model_fields.values()),
            "content": {
                "application/json": {
                    "schema": {"$ref": _REF.format(model=names[model])},
                    "example": example(model),
                }
            },
        }
    return operation


def _tag(row: Row) -> str:
    if row.form != "json":
        return "log"
    if row.who == ("anyone",):
        return "begin"
    return "agencies" if row.who == ("agency",) else row.service


def _parameters(row: Row) -> list[dict[str, Any]]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _schema_of(row, name),
            "example": example(part_of(row.request, frozenset((name,))))[name],
        }
        for name in row.fields
    ]
    if row.is_command:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "A fresh UUID; the same one when this request is repeated.",
                "schema": {"type": "string", "format": "uuid"},
                "example": "0d6cf9a6-7f7e-4c0a-8c0e-2f4a1f3b5c77",
            }
        )
    if row.verb == "GET":
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": info.is_required(),
                "schema": _schema_of(row, name),
                "example": BY_FIELD[name],
            }
            for name, info in row.request.model_fields.items()
            if name not in row.fields
        ]
    return parameters


def _schema_of(row: Row, name: str) -> dict[str, Any]:
    schema = part_of(row.request, frozenset((name,))).model_json_schema()
    found: dict[str, Any] = schema["properties"][name]
    return found


def _responses(row: Row, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    model = returns(row)
    statuses = [400, 405, 414, 422, 431, 500, 503]
    if row.form != "json":
        statuses += [404]
    if row.who != ("anyone",):
        statuses += [401, 403, 404]
    if row.is_command:
        statuses += [409]
    if row.verb == "POST":
        statuses += [408, 413, 415]
    if row.request is OpenSession:
        statuses += [403, 404]
    if row.limit:
        statuses += [429]
    if "disclosure_id" in row.fields:
        statuses += [410]
    return {
        "200": _answer(row, names.get(model, ""), example(model)),
        **{str(s): {"$ref": f"#/components/responses/Problem{s}"} for s in sorted(statuses)},
    }


def _answer(row: Row, model: str, shown: Any) -> dict[str, Any]:
    if row.form == "json":
        return _ok("Done, or read", model, shown)
    [value] = shown.values()
    # The bytes of a tile have no example that a reader could read.
    content = {"schema": {"type": "string"}, "example": value} if row.form == "note" else {}
    return {
        "description": "As c2sp.org/tlog-tiles says",
        "headers": {CORRELATION_HEADER: {"$ref": "#/components/headers/CorrelationId"}},
        "content": {MEDIA_TYPES[row.form]: content},
    }


def _ok(said: str, model: str, shown: Any) -> dict[str, Any]:
    return {
        "description": said,
        "headers": {CORRELATION_HEADER: {"$ref": "#/components/headers/CorrelationId"}},
        "content": {
            "application/json": {"schema": {"$ref": _REF.format(model=model)}, "example": shown}
        },
    }


def _page(page: OwnPage, names: dict[type[BaseModel], str], read: Pages) -> dict[str, Any]:
    model = _PAGES[page.topic]
    return {
        "operationId": page.action,
        "tags": ["begin"],
        "summary": inspect.getdoc(model),
        "description": "Asks no service and no credential. Another language than those there are "
        "is answered in English.",
        "parameters": [
            {
                "name": "language",
                "in": "query",
                "required": False,
                "schema": {"type": "string", "default": "en"},
                "example": "es",
            }
        ],
        "responses": {
            "200": _ok("The page", names[model], read.example(page.topic).model_dump(mode="json")),
            "405": {"$ref": "#/components/responses/Problem405"},
            "500": {"$ref": "#/components/responses/Problem500"},
        },
        "security": [],
    }


def _operational() -> dict[str, Any]:
    def get(name: str, said: str, kind: str, also: dict[str, Any] | None = None) -> dict[str, Any]:
        answers: dict[str, Any] = {"200": {"description": said, "content": {kind: {}}}}
        return {
            "get": {
                "operationId": name,
                "tags": ["operation"],
                "summary": said,
                "responses": {**answers, **(also or {})},
                "security": [],
            }
        }

    away = {"503": {"description": "Something that is needed is away", "content": {_JSON: {}}}}
    return {
        "/health/live": get("health_live", "The process is there", _JSON),
        "/health/ready": get("health_ready", "Everything needed is there", _JSON, away),
    }


_JSON = "application/json"


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "title": "Problem",
        "description": "RFC 9457. Never repeats what was sent.",
        "required": ["type", "title", "status", "detail", "what_to_do", "code", "instance"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text,
            "what_to_do": {**text, "description": "What the caller can do now."},
            "code": {**text, "pattern": "^[a-z][a-z0-9_]{0,63}$", "description": "For programs."},
            "instance": {"type": "string", "format": "uri", "description": "Quote it to ask."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "problem"],
                    "properties": {"field": text, "problem": text},
                    "additionalProperties": False,
                },
            },
        },
        "additionalProperties": False,
    }


def _problem_responses() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, said in _PROBLEMS.items():
        headers: dict[str, Any] = {
            CORRELATION_HEADER: {"$ref": "#/components/headers/CorrelationId"}
        }
        if status in (429, 503):
            headers["Retry-After"] = {"schema": {"type": "string"}, "description": "Seconds."}
        answers[f"Problem{status}"] = {
            "description": said,
            "headers": headers,
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": {"$ref": _REF.format(model="Problem")},
                    "example": {**_EXAMPLE_PROBLEM, **_EXAMPLES.get(status, {}), "status": status},
                }
            },
        }
    return answers


def _shown(problem: problems.Problem) -> dict[str, Any]:
    return problem.document("6f1f0c1e-5d5a-4c5e-9a54-0f3b3a7f1a99")


_EXAMPLES: dict[int, dict[str, Any]] = {
    400: _shown(
        problems.bad_request(
            "malformed_json", "The body is not well-formed JSON.", "Send one JSON object."
        )
    ),
    401: _shown(problems.not_signed_in()),
    404: _shown(problems.not_found()),
    405: _shown(problems.wrong_verb("GET")),
    408: _shown(problems.too_slow()),
    409: _shown(
        problems.Problem(
            409,
            "changed_meanwhile",
            "Refused in this state",
            "Somebody else recorded a decision here at the same moment; yours was not stored.",
            "Read the current state, and send your decision again with a new Idempotency-Key.",
        )
    ),
    410: _shown(
        problems.Problem(
            410, "gone", "No longer there", "This is over.", "Ask for a new disclosure."
        )
    ),
    413: _shown(problems.too_large(262_144)),
    414: _shown(problems.address_too_long()),
    415: _shown(problems.wrong_media_type()),
    422: _shown(problems.invalid([{"field": "expires_at", "problem": "is required"}])),
    429: _shown(problems.too_many(3)),
    431: _shown(problems.headers_too_long()),
    500: _shown(problems.internal()),
    503: _shown(
        problems.Problem(
            503,
            "unavailable",
            "Away for the moment",
            "A part of the platform is away for the moment.",
            "Repeat the same request with the same Idempotency-Key in a few seconds.",
        )
    ),
}


def _security_schemes() -> dict[str, Any]:
    return {
        "session": {
            "type": "http",
            "scheme": "bearer",
            "description": "A survivor's session token, from POST /v1/sessions; fifteen minutes.",
        },
        "staff": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An OpenID Connect token (EdDSA or RS256) of a pinned issuer.",
        },
        "agency": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "An agency's key.",
        },
    }


def _correlation_header() -> dict[str, Any]:
    return {
        "description": "Quote it when asking for help; also in every problem's instance.",
        "schema": {"type": "string", "format": "uuid"},
    }


def written() -> str:
    """The document of the platform as it is committed."""
    return json.dumps(document(ROUTES, OWN_PAGES, Pages()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    COMMITTED.write_text(written(), "utf-8")
