"""RFC 9457 problem documents that say what the caller can do.

Nothing that was sent comes back in them: not a value, not a field's name that
is not ours, not a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from shared.contracts.refusal import Because, Refused

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "3"

_STATUS: dict[Because, tuple[int, str]] = {
    "invalid": (422, "The request is not valid"),
    "not_allowed": (403, "Not allowed"),
    "not_found": (404, "Nothing here"),
    "conflict": (409, "Refused in this state"),
    "gone": (410, "No longer there"),
    "too_many": (429, "Too many requests"),
    "unavailable": (503, "Away for the moment"),
}
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass
class Problem(Exception):
    """An answer that is a refusal. ``errors`` names fields of ours and what is wrong with them."""

    status: int
    code: str
    title: str
    detail: str
    what_to_do: str
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Mapping[str, str]] = ()

    def document(self, correlation_id: str) -> dict[str, Any]:
        """The members of the document; ``instance`` is what to quote when asking for help."""
        members: dict[str, Any] = {
            "type": f"urn:sayso:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "what_to_do": self.what_to_do,
            "code": self.code,
            "instance": f"urn:uuid:{correlation_id}",
        }
        if self.errors:
            members["errors"] = [dict(error) for error in self.errors]
        return members

    def response(self, correlation_id: str) -> Response:
        """The HTTP answer."""
        return Response(
            json.dumps(self.document(correlation_id), ensure_ascii=False).encode(),
            self.status,
            dict(self.headers),
            MEDIA_TYPE,
        )


def of_refusal(refused: Refused) -> Problem:
    """The problem that a service's refusal becomes."""
    status, title = _STATUS.get(refused.because, (409, "Refused"))
    code = refused.code if _CODE.fullmatch(refused.code) else "refused"
    headers = {"Retry-After": RETRY_AFTER} if status in (429, 503) else {}
    return Problem(status, code, title, refused.detail, refused.what_to_do, headers)


def bad_request(code: str, detail: str, what_to_do: str) -> Problem:
    """400: it could not be read at all."""
    return Problem(400, code, "The request cannot be read", detail, what_to_do)


def not_signed_in() -> Problem:
    """401: the same for none, expired, forged and unknown credentials."""
    return Problem(
        401,
        "not_signed_in",
        "Who asks is not known",
        "This needs a valid credential; none was given, or it is not valid (any more).",
        "Open a new session with the possession code, sign in again, or use your agency's key.",
        {"WWW-Authenticate": 'Bearer realm="sayso"'},
    )


def not_allowed() -> Problem:
    """403: says nothing about whether the thing exists."""
    return Problem(
        403,
        "not_allowed",
        "Not allowed",
        "You may not do this.",
        "Ask the survivor, or somebody whom they have chosen.",
    )


def not_found() -> Problem:
    """404: no such path, or an id that cannot be one."""
    return Problem(
        404,
        "not_found",
        "Nothing here",
        "There is nothing here under that address or id.",
        "Check the address; /docs lists what there is.",
    )


def wrong_verb(allow: str) -> Problem:
    """405."""
    return Problem(
        405,
        "method_not_allowed",
        "Not this method",
        "This address does not take that method.",
        "Use a method named in the Allow header.",
        {"Allow": allow} if allow else {},
    )


def too_slow() -> Problem:
    """408: the body did not arrive in time."""
    return Problem(
        408,
        "body_too_slow",
        "The request did not arrive in time",
        "The body was not complete within the time allowed; nothing was stored.",
        "Send the same request again, with the same Idempotency-Key.",
        {"Connection": "close"},
    )


def too_large(limit: int) -> Problem:
    """413."""
    return Problem(
        413,
        "body_too_large",
        "The request is too large",
        f"A body may have {limit} bytes at most; nothing was stored.",
        "Send less at once.",
        {"Connection": "close"},
    )


def address_too_long() -> Problem:
    """414."""
    return Problem(
        414,
        "address_too_long",
        "The address is too long",
        "An address may have 4,096 bytes at most; nothing was stored.",
        "Send fields in the body.",
        {"Connection": "close"},
    )


def headers_too_long() -> Problem:
    """431."""
    return Problem(
        431,
        "headers_too_long",
        "The headers are too large",
        "The headers may have 16,384 bytes together; nothing was stored.",
        "Send fewer and shorter headers.",
        {"Connection": "close"},
    )


def wrong_media_type() -> Problem:
    """415."""
    return Problem(
        415,
        "unsupported_media_type",
        "Not JSON",
        "A body has to be application/json in UTF-8, not compressed.",
        "Send JSON, with Content-Type: application/json.",
        {"Accept": "application/json"},
    )


def invalid(errors: Sequence[Mapping[str, str]]) -> Problem:
    """422: readable, and not what this takes."""
    return Problem(
        422,
        "invalid_request",
        "The request is not valid",
        "Some fields are missing, unknown or not of the expected form; nothing was stored.",
        "Correct the fields named under errors; /docs describes them.",
        errors=errors,
    )


def too_many(seconds: int) -> Problem:
    """429."""
    return Problem(
        429,
        "too_many_requests",
        "Too many requests",
        "There were too many attempts for the moment; nothing was stored.",
        "Wait for the time in Retry-After, then try again. Crisis help is never limited.",
        {"Retry-After": str(max(1, seconds))},
    )


def internal() -> Problem:
    """500: ours to mend; quoting ``instance`` finds it in the log."""
    return Problem(
        500,
        "internal",
        "Something failed here",
        "The platform failed at this request; it is not known whether anything was stored.",
        "Repeat it with the same Idempotency-Key: it is stored once at most. "
        "If it fails again, tell the operator the instance.",
    )
