"""Who is at the door: a session, a staff token, an agency's key, or nobody in particular."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import jwt
from starlette.datastructures import Headers

from services.gateway import problems
from services.gateway.agencies import AgencyKeys, KeyRefused
from services.gateway.sessions import TYPE as SESSION
from services.gateway.sessions import Sessions
from services.gateway.staff import StaffTokens
from shared.identity.principal import Kind, Principal
from shared.identity.tokens import LONGEST_TOKEN, TokenRefused


@dataclass(frozen=True)
class Admission:
    """Knows how to recognise everybody. Why somebody was not recognised is never told."""

    sessions: Sessions
    staff: StaffTokens
    agencies: AgencyKeys

    def admit(self, who: tuple[Kind, ...], headers: Headers, now: datetime) -> Principal:
        """The caller, if one of the kinds that may come this way; 401 or 403 otherwise.

        What is open to anyone reads no credential: a survivor's session never
        marks what they look at.
        """
        if who == ("anyone",):
            return Principal.anyone()
        principal = self._recognise(headers, now)
        if principal.kind not in who:
            raise problems.not_allowed()
        return principal

    def _recognise(self, headers: Headers, now: datetime) -> Principal:
        bearers, keys = headers.getlist("authorization"), headers.getlist("x-api-key")
        if len(bearers) + len(keys) > 1:
            raise problems.bad_request(
                "several_credentials", "More than one credential was given.", "Send one."
            )
        try:
            if keys:
                return self.agencies.whose(keys[0])
            if bearers:
                return self._bearer(bearers[0], now)
        except (TokenRefused, KeyRefused):
            raise problems.not_signed_in() from None
        raise problems.not_signed_in()

    def _bearer(self, header: str, now: datetime) -> Principal:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
            raise TokenRefused("scheme or size")
        try:
            kind = jwt.get_unverified_header(token).get("typ")
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise TokenRefused("unreadable") from None
        tokens = self.sessions if kind == SESSION else self.staff
        return tokens.whose(token, now)
