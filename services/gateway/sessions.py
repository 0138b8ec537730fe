"""A survivor's session: fifteen minutes, for one participation, opened by a possession code.

The token is the session; nothing is stored, so nothing can be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from shared.contracts.base import Model
from shared.identity.keys import SigningKey
from shared.identity.principal import Principal
from shared.identity.tokens import ALGORITHM, TokenRefused, check_times

TYPE = "sayso-session+jwt"
_AUDIENCE = "sayso-session"


class Session(Model):
    """What the holder of a possession code gets."""

    session_token: str
    expires_at: datetime
    case_id: UUID
    participation_id: UUID


@dataclass(frozen=True)
class Sessions:
    """Opens sessions, and recognises them."""

    key: SigningKey
    life: timedelta = timedelta(minutes=15)

    def open(self, participation_id: UUID, now: datetime) -> tuple[str, datetime]:
        """The token, and when it ends."""
        issued = int(now.timestamp())
        expires = issued + int(self.life.total_seconds())
        token = jwt.encode(
            {
                "iss": self.key.issuer,
                "aud": _AUDIENCE,
                "iat": issued,
                "exp": expires,
                "sub": str(participation_id),
            },
            self.key.private,
            algorithm=ALGORITHM,
            headers={"typ": TYPE, "kid": self.key.key_id},
        )
        return token, datetime.fromtimestamp(expires, UTC)

    def whose(self, token: str, now: datetime) -> Principal:
        """The survivor whose session it is; :class:`TokenRefused` otherwise."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.key.public,
                algorithms=[ALGORITHM],
                audience=_AUDIENCE,
                issuer=self.key.issuer,
                options={
                    "require": ["iss", "aud", "iat", "exp", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
            participation_id = UUID(claims["sub"])
        except (jwt.PyJWTError, ValueError):
            raise TokenRefused("session") from None
        check_times(claims, now, self.life)
        return Principal.survivor(participation_id)
