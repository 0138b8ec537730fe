"""Staff: OpenID Connect tokens of issuers whose keys are pinned in a file.

Nothing is fetched: neither a key, nor an address that a token names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.identity.principal import Principal
from shared.identity.tokens import TokenRefused, check_times
from shared.identity.units import KINDS

ALGORITHMS = ("EdDSA", "RS256")
LONGEST = timedelta(hours=1)
_SHORTEST_RSA = 2048
_KEY_TYPES = {"EdDSA": "OKP", "RS256": "RSA"}
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class BadIssuers(ValueError):
    """The file of pinned keys cannot be used; nothing may start."""


@dataclass(frozen=True)
class StaffIssuer:
    """Who may vouch for staff: its name, the audience that is us, and its keys by id."""

    issuer: str
    audience: str
    keys: dict[str, jwt.PyJWK]


def read_issuers(text: str) -> tuple[StaffIssuer, ...]:
    """``[{"issuer", "audience", "jwks": {"keys": [JWK …]}}, …]``; :class:`BadIssuers`."""
    try:
        found = tuple(
            StaffIssuer(str(row["issuer"]), str(row["audience"]), _keys(row["jwks"]["keys"]))
            for row in listed(text)
        )
    except (KeyError, TypeError, ValueError, jwt.PyJWTError) as wrong:
        raise BadIssuers(f"the staff issuers cannot be read: {type(wrong).__name__}") from wrong
    if len({issuer.issuer for issuer in found}) != len(found):
        raise BadIssuers("an issuer is named twice")
    return found


def listed(text: str) -> list[Any]:
    """A JSON list; ``TypeError`` or ``ValueError`` for anything else."""
    rows = json.loads(text)
    if not isinstance(rows, list):
        raise TypeError("not a list")
    return rows


def _keys(rows: Iterable[dict[str, Any]]) -> dict[str, jwt.PyJWK]:
    keys: dict[str, jwt.PyJWK] = {}
    for row in rows:
        algorithm, kid = row["alg"], row["kid"]
        if algorithm not in ALGORITHMS or row["kty"] != _KEY_TYPES[algorithm] or "d" in row:
            raise BadIssuers("a pinned key is public, and of EdDSA or RS256")
        key = jwt.PyJWK(row, algorithm=algorithm)
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < _SHORTEST_RSA:
            raise BadIssuers("an RSA key is too short")
        keys[kid] = key
    return keys


class StaffTokens:
    """Recognises the tokens of the pinned issuers."""

    def __init__(self, issuers: Iterable[StaffIssuer]) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}

    def whose(self, token: str, now: datetime) -> Principal:
        """The member of staff; :class:`TokenRefused` if anything at all is wrong."""
        issuer, key = self._pinned(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=issuer.audience,
                issuer=issuer.issuer,
                options={
                    "require": ["iss", "aud", "iat", "exp", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("staff token") from None
        check_times(claims, now, LONGEST)
        return _principal(claims)

    def _pinned(self, token: str) -> tuple[StaffIssuer, jwt.PyJWK]:
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise TokenRefused("unreadable") from None
        named, kid = claims.get("iss"), header.get("kid")
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        key = issuer.keys.get(kid) if issuer is not None and isinstance(kid, str) else None
        if issuer is None or key is None:
            raise TokenRefused("unknown issuer or key")
        if header.get("alg") != key.algorithm_name:
            raise TokenRefused("algorithm")
        return issuer, key


def _principal(claims: dict[str, Any]) -> Principal:
    role, base = claims.get("sayso_role"), claims.get("sayso_base")
    unit, trained = claims.get("sayso_unit_kind"), claims.get("sayso_trained", False)
    if not isinstance(role, str) or not _ROLE.fullmatch(role):
        raise TokenRefused("role")
    if not isinstance(unit, str) or unit not in KINDS:
        raise TokenRefused("unit")
    if base not in (None, "systems", "community") or not isinstance(trained, bool):
        raise TokenRefused("base or training")
    try:
        person, agency = UUID(claims["sub"]), UUID(str(claims.get("sayso_agency_id")))
    except ValueError:
        raise TokenRefused("ids") from None
    return Principal.staff(person, role, agency, base=base, unit_kind=unit, trained=trained)
