"""What the journey's staff and agencies hold: tokens of the development issuer, and API keys."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

from infra.demo.journey import Agency, Staff
from infra.demo.people import JourneyFailed
from infra.secrets import AGENCIES
from services.gateway.agencies import AgencyKey, hashed, new_key
from services.gateway.dev_issuer import ISSUER, KEY_FILE, DevIssuer
from shared.contracts.decision import Base
from shared.identity.keys import SigningKey
from shared.identity.principal import Principal

TOKEN_LIFE = timedelta(minutes=30)
SUPERVISION = "supervision_officer"


@dataclass(frozen=True)
class Held:
    """The development issuer, and agencies with their keys."""

    issuer: DevIssuer
    agencies: tuple[Agency, ...]

    @classmethod
    def made(cls) -> Held:
        """New ones, for a platform in this process."""
        key = SigningKey.from_seed(ISSUER, secrets.token_bytes(32))
        agencies = tuple(Agency(uuid4(), new_key(secrets.token_bytes), kind) for kind in AGENCIES)
        return cls(DevIssuer.from_pem(key.pem()), agencies)

    @classmethod
    def from_folder(cls, folder: Path) -> Held:
        """Those that ``infra.secrets`` made for the compose platform."""
        rows = json.loads((folder / "agencies.json").read_text("utf-8"))
        return cls(
            DevIssuer.from_pem((folder / KEY_FILE).read_bytes()),
            tuple(Agency(UUID(row["id"]), row["key"], row["unit_kind"]) for row in rows),
        )

    def keys(self, pepper: bytes) -> tuple[AgencyKey, ...]:
        """What the gateway keeps of the agencies' keys."""
        return tuple(AgencyKey(a.id, a.unit_kind, hashed(a.key, pepper)) for a in self.agencies)

    def staff(self, role: str, agency_id: UUID, base: Base | None, trained: bool) -> Staff:
        """A member of staff, with a token."""
        person = Principal.staff(
            uuid4(),
            role,
            agency_id,
            base=base,
            unit_kind="parole" if role == SUPERVISION else "community",
            trained=trained,
        )
        return Staff(UUID(str(person.id)), agency_id, self.issuer.token(person, TOKEN_LIFE))

    def agency(self, number: int) -> Agency:
        """One of them, in the order of ``AGENCIES``."""
        if self.agencies[number:] and self.agencies[number].unit_kind == AGENCIES[number]:
            return self.agencies[number]
        raise JourneyFailed(
            f"among the registered agencies of the journey, number {number + 1} is no "
            f"{AGENCIES[number]} agency; `make down DATA=1` and `make up` make new ones"
        )
