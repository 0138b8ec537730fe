"""The token that says, between two processes, on whose behalf something is asked.

EdDSA and nothing else, one audience, one request, a minute of life, pinned keys. The
gateway alone speaks for people; a service can speak for nobody but itself.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt

from shared.contracts.refusal import NotAllowed
from shared.identity.keys import Issuers, SigningKey
from shared.identity.principal import BadPrincipal, Principal

GATEWAY = "gateway"
ALGORITHM = "EdDSA"
LONGEST = timedelta(seconds=120)
SKEW = timedelta(seconds=5)
LONGEST_TOKEN = 4096
_TYPE = "sayso-principal+jwt"
_CLAIMS = frozenset(("iss", "aud", "iat", "exp", "jti", "req", "principal"))


class TokenRefused(NotAllowed):
    """The token proves nothing here. The reason is for the log, never for the caller."""

    code = "token_refused"
    detail = "Who asks could not be verified."
    what_to_do = "Sign in again."

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


def fingerprint(method: str, command_id: Any, request: Any) -> str:
    """What a token is bound to: SHA-256 over one call, however it travels.

    ``TypeError``, ``ValueError`` or ``RecursionError`` for what is no JSON data.
    """
    text = json.dumps([method, command_id, request], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def sign(
    principal: Principal,
    audience: str,
    key: SigningKey,
    now: datetime,
    ttl: int = 60,
    *,
    req: str = "",
) -> str:
    """A token that ``audience`` alone accepts, for ``ttl`` seconds and the call ``req``.

    ``req`` is the call's :func:`fingerprint`; a token without one opens no gate.

    ValueError where the issuer may not speak for this principal, or for a
    life beyond two minutes.
    """
    if not may_speak_for(key.issuer, principal):
        raise ValueError(f"{key.issuer} may not speak for a {principal.kind}")
    if not timedelta(0) < timedelta(seconds=ttl) <= LONGEST:
        raise ValueError("a token lives for two minutes at most")
    issued = int(now.timestamp())
    return jwt.encode(
        {
            "iss": key.issuer,
            "aud": audience,
            "iat": issued,
            "exp": issued + ttl,
            "jti": str(uuid4()),
            "req": req,
            "principal": principal.to_claims(),
        },
        key.private,
        algorithm=ALGORITHM,
        headers={"kid": key.key_id, "typ": _TYPE},
    )


def verify(
    token: str, audience: str, issuers_public_keys: Issuers, now: datetime, *, req: str = ""
) -> Principal:
    """Whom the token speaks for; :class:`TokenRefused` if anything at all is wrong with it.

    ``req``: the :func:`fingerprint` of what was sent beside it.
    """
    header, unverified = _look_into(token)
    if header.get("alg") != ALGORITHM or header.get("typ") != _TYPE:
        raise TokenRefused("algorithm or type")
    issuer, kid = unverified.get("iss"), header.get("kid")
    if not isinstance(issuer, str) or not isinstance(kid, str):
        raise TokenRefused("no issuer or key")
    key = issuers_public_keys.get(issuer, {}).get(kid)
    if key is None:
        raise TokenRefused("unknown issuer or key")
    try:
        # Times are compared below, with the clock that was passed in.
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            options={
                "require": ["iss", "aud", "iat", "exp"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "strict_aud": True,
            },
        )
    except jwt.InvalidTokenError as refused:
        raise TokenRefused(type(refused).__name__) from None
    if set(claims) != _CLAIMS:
        raise TokenRefused("claims")
    if claims["req"] != req or not isinstance(claims["jti"], str):
        raise TokenRefused("of another request")
    check_times(claims, now, LONGEST)
    try:
        principal = Principal.from_claims(claims["principal"])
    except (BadPrincipal, TypeError):
        raise TokenRefused("principal") from None
    if not may_speak_for(issuer, principal):
        raise TokenRefused("the issuer may not speak for this principal")
    return principal


def may_speak_for(issuer: str, principal: Principal) -> bool:
    """The gateway speaks for people and agencies; every other issuer for itself alone."""
    if principal.kind == "service":
        return principal.id == issuer
    return issuer == GATEWAY and principal.kind in ("survivor", "staff", "agency", "anyone")


def check_times(claims: dict[str, Any], now: datetime, longest: timedelta) -> None:
    """:class:`TokenRefused` unless ``iat`` ≤ now < ``exp``, no further apart than ``longest``."""
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int:
        raise TokenRefused("times")
    at = now.timestamp()
    if at >= expires:
        raise TokenRefused("expired")
    if issued > at + SKEW.total_seconds():
        raise TokenRefused("issued in the future")
    if not 0 < expires - issued <= longest.total_seconds():
        raise TokenRefused("lives too long")


def _look_into(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, of which nothing is believed yet."""
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
        raise TokenRefused("not a token")
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError, json.JSONDecodeError):
        raise TokenRefused("unreadable") from None
    return header, claims
