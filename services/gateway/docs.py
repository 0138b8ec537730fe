"""The API's documentation as one page without scripts, fonts or anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1,h2{line-height:1.2}details{border-top:1px solid #ddd;padding:.5rem 0}
summary{cursor:pointer}code,pre{font:14px ui-monospace,monospace;background:#f4f4f4}
code{padding:.1rem .3rem}pre{padding:.75rem;overflow:auto}.verb{display:inline-block;width:3.2rem}
table{border-collapse:collapse}td,th{text-align:left;padding:.15rem .8rem .15rem 0}
td,th{vertical-align:top}
"""


def html(spec: dict[str, Any]) -> tuple[bytes, str]:
    """The page, and the content security policy that lets only its own style through."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>API</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(spec['info']['title'])}</h1>",
        *(f"<p>{_code(text)}</p>" for text in spec["info"]["description"].strip().split("\n\n")),
        '<p>The same for programs: <a href="/openapi.json">/openapi.json</a>.</p>',
        *_sections(spec),
        "<h2>Refusals</h2><table>",
        *(
            f"<tr><td>{name.removeprefix('Problem')}</td><td>{escape(said['description'])}</td></tr>"
            for name, said in spec["components"]["responses"].items()
        ),
        "</table></body></html>",
    ]
    return "\n".join(parts).encode(), policy


def _sections(spec: dict[str, Any]) -> Iterable[str]:
    for tag in spec["tags"]:
        yield f"<h2>{escape(tag['description'])}</h2>"
        for path, verbs in spec["paths"].items():
            for verb, operation in verbs.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(verb, path, operation)


def _operation(verb: str, path: str, operation: dict[str, Any]) -> Iterable[str]:
    yield (
        f'<details id="{operation["operationId"]}"><summary><code class="verb">'
        f"{verb.upper()}</code> <code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>"
    )
    for text in operation.get("description", "").split("\n\n"):
        yield f"<p>{_code(text)}</p>"
    if operation.get("parameters"):
        yield "<table><tr><th>Parameter</th><th>In</th><th>Example</th></tr>"
        for given in operation["parameters"]:
            yield (
                f"<tr><td>{escape(given['name'])}{'' if given['required'] else ' (optional)'}"
                f"</td><td>{given['in']}</td><td>{escape(str(given.get('example', '')))}</td></tr>"
            )
        yield "</table>"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        yield f"<p>Body, for example:</p>{_pretty(body['example'])}"
    answer = operation["responses"]["200"].get("content", {}).get("application/json", {})
    if "example" in answer:
        yield f"<p>Answer, for example:</p>{_pretty(answer['example'])}"
    refusals = [s for s in operation["responses"] if s != "200"]
    yield f"<p>Refusals: {', '.join(refusals) or 'none'}</p></details>"


def _pretty(data: Any) -> str:
    return f"<pre>{escape(json.dumps(data, indent=2, ensure_ascii=False))}</pre>"


def _code(text: str) -> str:
    """Escaped, with ``words between backticks`` as code."""
    pieces = escape(text).replace("``", "`").split("`")
    return "".join(p if i % 2 == 0 else f"<code>{p}</code>" for i, p in enumerate(pieces))
