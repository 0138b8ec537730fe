"""Who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args
from uuid import UUID

from shared.contracts.decision import Base

Kind = Literal["survivor", "staff", "agency", "service", "anyone", "system"]

_KINDS = frozenset(get_args(Kind))
_BASES = frozenset(get_args(Base))
_CLAIMS = frozenset(
    ("kind", "id", "role", "base", "agency_id", "unit_kind", "participation_id", "trained")
)


class BadPrincipal(ValueError):
    """The claims do not describe anybody."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody, or a part of the platform, as the edge that admitted them knows them.

    ``id`` is the staff member's, the agency's or the participation's id, or a
    service's name. A survivor is known by one participation and nothing else:
    no id joins the participations of one person (R50). ``trained`` says that
    a staff member may be the second person who hears a yes (R71).
    """

    kind: Kind
    id: UUID | str
    role: str = ""
    base: Base | None = None
    agency_id: UUID | None = None
    unit_kind: str | None = None
    participation_id: UUID | None = None
    trained: bool = False

    @property
    def id_text(self) -> str:
        """The id as text; the same people decide again and again."""
        return _id_text(self.id)

    @classmethod
    def survivor(cls, participation_id: UUID) -> Principal:
        """The person whom a possession code admitted to one participation."""
        return cls(
            "survivor", participation_id, role="harmed_party", participation_id=participation_id
        )

    @classmethod
    def staff(
        cls,
        id: UUID,
        role: str,
        agency_id: UUID,
        *,
        base: Base | None = None,
        unit_kind: str | None = None,
        trained: bool = False,
    ) -> Principal:
        """Somebody who works for an agency, under one role and one unit."""
        return cls("staff", id, role, base, agency_id, unit_kind, None, trained)

    @classmethod
    def agency(cls, agency_id: UUID, unit_kind: str | None = None) -> Principal:
        """An agency's program, admitted by its key."""
        return cls("agency", agency_id, role="agency", agency_id=agency_id, unit_kind=unit_kind)

    @classmethod
    def service(cls, name: str) -> Principal:
        """A service that asks for itself."""
        return cls("service", name, role="service")

    @classmethod
    def anyone(cls) -> Principal:
        """Somebody who showed nothing, which is enough for what is public (R74)."""
        return cls("anyone", "anyone")

    @classmethod
    def system(cls, service: str) -> Principal:
        """A service's own clock and reactions, inside that service; never signed."""
        return cls("system", service, role="system")

    def to_claims(self) -> dict[str, Any]:
        """JSON data that :meth:`from_claims` reads; absent values are left out."""
        claims: dict[str, Any] = {"kind": self.kind, "id": str(self.id)}
        for name in ("role", "base", "unit_kind"):
            if getattr(self, name):
                claims[name] = getattr(self, name)
        for name in ("agency_id", "participation_id"):
            if getattr(self, name) is not None:
                claims[name] = str(getattr(self, name))
        if self.trained:
            claims["trained"] = True
        return claims

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> Principal:
        """The principal of these claims; :class:`BadPrincipal` on anything else."""
        if not set(claims) <= _CLAIMS:
            raise BadPrincipal("unknown claims")
        kind: Any = claims.get("kind")
        base, trained = claims.get("base"), claims.get("trained", False)
        if kind not in _KINDS:
            raise BadPrincipal("unknown kind")
        if base is not None and base not in _BASES:
            raise BadPrincipal("unknown base")
        if not isinstance(trained, bool):
            raise BadPrincipal("trained is yes or no")
        principal = cls(
            kind,
            _id(kind, claims.get("id")),
            _text(claims.get("role", "")),
            base,
            _uuid(claims.get("agency_id")),
            _text(claims["unit_kind"]) if "unit_kind" in claims else None,
            _uuid(claims.get("participation_id")),
            trained,
        )
        if kind == "survivor" and principal.participation_id != principal.id:
            raise BadPrincipal("a survivor is one participation")
        return principal


@lru_cache(maxsize=4_096)
def _id_text(id: UUID | str) -> str:
    return str(id)


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > 64:
        raise BadPrincipal("not a short text")
    return value


def _uuid(value: object) -> UUID | None:
    if value is None:
        return None
    try:
        return UUID(_text(value))
    except ValueError:
        raise BadPrincipal("not an id") from None


def _id(kind: str, value: object) -> UUID | str:
    if kind in ("service", "anyone", "system"):
        name = _text(value)
        if not name:
            raise BadPrincipal("no name")
        return name
    found = _uuid(value)
    if found is None:
        raise BadPrincipal("no id")
    return found
