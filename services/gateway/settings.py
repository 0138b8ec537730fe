"""What the gateway is told at start: keys from secret files, limits, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from services.gateway.agencies import AgencyKey, read_keys
from services.gateway.attempts import Pace
from services.gateway.limits import Rate
from services.gateway.pages import DATA
from services.gateway.staff import StaffIssuer, read_issuers
from shared.identity.keys import SigningKey
from shared.identity.tokens import GATEWAY

_PACE = Pace()
_CODES = Rate(burst=20, per_minute=20)
_BEGINNINGS = Rate(burst=30, per_minute=30)
# A flood guard, not a guessing guard: references are 122 random bits. An agency at work on many
# releases asks hundreds of times in a burst.
_DISCLOSURES = Rate(burst=1_200, per_minute=600)
_TOGETHER = Rate(burst=300, per_minute=600)


@dataclass(frozen=True)
class Limits:
    """How much and how fast. Words may have 20,000 characters, each up to 12 bytes in JSON."""

    body_bytes: int = 262_144
    body_seconds: float = 15
    call_seconds: float = 10
    codes_each: Rate = _CODES
    codes_together: Rate = _TOGETHER
    codes_pace: Pace = _PACE
    beginnings_each: Rate = _BEGINNINGS
    beginnings_together: Rate = _TOGETHER
    disclosures_each: Rate = _DISCLOSURES


@dataclass(frozen=True)
class GatewaySettings:
    """Everything that differs between deployments."""

    key: SigningKey = field(repr=False)
    staff_issuers: tuple[StaffIssuer, ...] = ()
    agency_keys: tuple[AgencyKey, ...] = ()
    agency_pepper: bytes = field(default=b"", repr=False)
    session_life: timedelta = timedelta(minutes=15)
    limits: Limits = Limits()
    pages: Path = DATA

    @classmethod
    def from_files(cls, folder: Path, env: Mapping[str, str] | None = None) -> GatewaySettings:
        """Read a folder of secret files; an error names the file, never its content.

        ``gateway_key.pem`` (Ed25519, required), ``agency_pepper`` (required
        with agencies), ``agencies.json``, ``staff_issuers.json``. The
        environment's ``SAYSO_PAGES`` names a deployment's own crisis help and
        rights; ``SAYSO_CODES_PER_MINUTE`` how often one
        address may be wrong before its codes wait in a line.
        """
        env = env or {}
        agencies = _text(folder / "agencies.json", "[]")
        issuers = _text(folder / "staff_issuers.json", "[]")
        pepper = folder / "agency_pepper"
        keys = read_keys(agencies)
        if keys and not pepper.exists():
            raise ValueError(f"{pepper} is missing")
        per_minute = int(env.get("SAYSO_CODES_PER_MINUTE", "20"))
        return cls(
            key=SigningKey.from_pem(GATEWAY, (folder / "gateway_key.pem").read_bytes()),
            staff_issuers=read_issuers(issuers),
            agency_keys=keys,
            agency_pepper=pepper.read_bytes().strip() if pepper.exists() else b"",
            limits=Limits(codes_each=Rate(per_minute, per_minute)),
            pages=Path(env["SAYSO_PAGES"]) if env.get("SAYSO_PAGES") else DATA,
        )


def _text(file: Path, otherwise: str) -> str:
    return file.read_text("utf-8") if file.exists() else otherwise
