"""One row of the table at work: who, may they, what, and then the service decides."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from services.gateway import bodies, problems
from services.gateway.admission import Admission
from services.gateway.attempts import Attempts
from services.gateway.limits import Limiter, source_of
from services.gateway.pages import json_of
from services.gateway.routes import MEDIA_TYPES, Row
from services.gateway.sessions import Session, Sessions
from services.gateway.settings import Limits
from shared.contracts.base import Model, Request
from shared.contracts.intake import OpenSession, SessionOpened
from shared.contracts.refusal import NotAllowed, Refused, Unavailable
from shared.identity.authorise import authorise
from shared.identity.keys import SigningKey
from shared.identity.principal import Principal
from shared.messaging.bus import AsyncBus
from shared.messaging.envelope import seal_request

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Asked:
    """On whose behalf, and under which correlation id, a service is asked."""

    principal: Principal
    correlation_id: UUID


@dataclass(frozen=True)
class _Read:
    """A request that was read: by whom, for what, and under which key."""

    principal: Principal
    asked: Request
    command_id: UUID | None


@dataclass(frozen=True)
class Asking:
    """What every row needs to be answered."""

    bus: AsyncBus
    admission: Admission
    sessions: Sessions
    key: SigningKey
    clock: Callable[[], datetime]
    limits: Limits
    limiters: Mapping[str, Limiter]
    attempts: Attempts
    elapsed: Callable[[], float]

    async def answer(self, row: Row, http: HttpRequest) -> Response:
        """The service's answer as JSON; every way to fail raises a ``Problem`` or ``Refused``."""
        http.state.action = row.action
        if row.limit != "codes":
            return await self._given(row, http, await self._read(row, http))
        # Read first: a place is for what can be looked up at once, not for a body that trickles.
        read: _Read | problems.Problem
        try:
            read = await self._read(row, http)
        except problems.Problem as malformed:
            read = malformed

        async def attempt() -> Response:
            if isinstance(read, problems.Problem):
                raise read
            return await self._given(row, http, read)

        return await self.attempts.make(_source(http), attempt)

    async def _read(self, row: Row, http: HttpRequest) -> _Read:
        now = self.clock()
        if row.limit == "beginnings":
            self._slow_down(row, _source(http))
        principal = self.admission.admit(row.who, http.headers, now)
        http.state.principal_kind = principal.kind
        path = bodies.read_path(row.request, http.path_params)
        may(principal, row, path)
        if row.limit == "disclosures":
            self._slow_down(row, str(principal.agency_id))
        command_id = bodies.idempotency_key(http.headers) if row.is_command else None
        asked = bodies.whole(row.request, path, await self._rest(row, http))
        return _Read(principal, asked, command_id)

    async def _given(self, row: Row, http: HttpRequest, read: _Read) -> Response:
        result = await self._ask(
            row, read.asked, read.principal, http.state.correlation_id, read.command_id
        )
        if row.request is OpenSession:
            result = self._session(result, self.clock())
        return said(row, result)

    def _slow_down(self, row: Row, who: str) -> None:
        seconds = self.limiters[row.limit].ask(who, self.elapsed())
        if seconds:
            raise problems.too_many(seconds)

    async def _rest(self, row: Row, http: HttpRequest) -> Model:
        if row.verb == "GET":
            return bodies.read_query(row.request, row.fields, http)
        if http.query_params:
            raise problems.bad_request(
                "unexpected_parameter",
                "This takes no parameters in the address; nothing was stored.",
                "Send the fields in the body.",
            )
        raw = await bodies.read_body(http, self.limits.body_bytes, self.limits.body_seconds)
        return bodies.read_fields(row.request, row.fields, raw)

    async def _ask(
        self,
        row: Row,
        asked: Request,
        principal: Principal,
        correlation_id: UUID,
        command_id: UUID | None,
    ) -> Model:
        ctx = _Asked(principal, correlation_id)
        # Signed with the time of now: reading the body may have taken long.
        envelope = seal_request(
            self.key, self.clock(), row.service, asked, ctx=ctx, command_id=command_id
        )
        try:
            answer = await self.bus.call(
                row.service, row.action, envelope, self.limits.call_seconds
            )
        except (OSError, TimeoutError) as away:
            _log.warning("a service is away", kind=row.service, error=type(away).__name__)
            raise Unavailable() from None
        return opened(asked, answer)

    def _session(self, opened_by_code: Model, now: datetime) -> Session:
        if not isinstance(opened_by_code, SessionOpened):
            raise TypeError("a session is opened by what open_session answers")
        participation_id = opened_by_code.participation_id
        token, expires_at = self.sessions.open(participation_id, now)
        return Session(
            session_token=token,
            expires_at=expires_at,
            case_id=opened_by_code.case_id,
            participation_id=participation_id,
        )


def _source(http: HttpRequest) -> str:
    return source_of(http.client.host) if http.client else ""


def said(row: Row, result: Model) -> Response:
    """The answer as it leaves. What stands in a tile's bytes stands there for ever."""
    if row.form == "json":
        return Response(json_of(result), 200, media_type="application/json")
    [value] = result.model_dump().values()
    if row.form == "note":
        return Response(value, 200, media_type=MEDIA_TYPES["note"])
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(base64.b64decode(value), 200, kept, MEDIA_TYPES["bytes"])


def may(principal: Principal, row: Row, path: Mapping[str, Any]) -> None:
    """Cedar, before anything is read or asked; the service decides again (architecture, 14)."""
    resource: dict[str, Any] = {"at": "gateway", "service": row.service}
    if row.resource == "participation":
        resource["participation_id"] = path["participation_id"]
    try:
        authorise(principal, row.action, resource)
    except NotAllowed:
        raise problems.not_allowed() from None


def opened(asked: Request, answer: Any) -> Model:
    """The result in a service's answer, fields of ours only; or the refusal in it, raised.

    A newer service may answer with fields that this gateway does not know:
    they are left out, so that the two can be deployed one after the other.
    """
    if not isinstance(answer, dict):
        raise TypeError("an answer is an object")
    if "refused" in answer:
        raise Refused.from_data(answer["refused"])
    return asked.returns.model_validate_json(json.dumps(answer["ok"]), extra="ignore")
