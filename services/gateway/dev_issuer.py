"""A small issuer of staff tokens, for development and the demonstration.

It vouches for whoever is asked for, so its key is a secret, and its public
key is pinned only where somebody put it: never by default.

    python -m services.gateway.dev_issuer keys FOLDER
    python -m services.gateway.dev_issuer token FOLDER --role advocate --base community
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from services.gateway.secret_files import fill
from services.gateway.staff import LONGEST
from shared.contracts.decision import Base
from shared.identity.keys import SigningKey
from shared.identity.principal import Principal
from shared.identity.units import KINDS

ISSUER = "urn:sayso:development-issuer"
AUDIENCE = "sayso"
KEY_FILE = "development_issuer_key.pem"
PINNED_FILE = "staff_issuers.json"


@dataclass(frozen=True)
class DevIssuer:
    """Signs tokens as an identity provider would."""

    key: SigningKey
    clock: Callable[[], datetime]

    @classmethod
    def from_pem(
        cls, pem: bytes, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> DevIssuer:
        """Of a secret file's content."""
        return cls(SigningKey.from_pem(ISSUER, pem), clock)

    def token(self, staff: Principal, life: timedelta = LONGEST) -> str:
        """A token for this member of staff, for an hour at most."""
        if staff.kind != "staff":
            raise ValueError("the issuer vouches for staff alone")
        issued = int(self.clock().timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(staff.id),
            "iat": issued,
            "exp": issued + int(life.total_seconds()),
            "sayso_role": staff.role,
            "sayso_agency_id": str(staff.agency_id),
            "sayso_base": staff.base,
            "sayso_unit_kind": staff.unit_kind,
            "sayso_trained": staff.trained,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            kept, self.key.private, algorithm="EdDSA", headers={"kid": self.key.key_id}
        )

    def pinned(self) -> str:
        """The content of ``staff_issuers.json`` that has the gateway believe this issuer."""
        return pinned(self.key.public, self.key.key_id)


def pinned(public: Ed25519PublicKey, kid: str) -> str:
    """One issuer with one public key."""
    jwk = {**OKPAlgorithm.to_jwk(public, as_dict=True), "kid": kid, "alg": "EdDSA", "use": "sig"}
    row = {"issuer": ISSUER, "audience": AUDIENCE, "jwks": {"keys": [jwk]}}
    return json.dumps([row], indent=2)


def make_keys(folder: Path, random: Callable[[int], bytes] = os.urandom) -> DevIssuer:
    """The issuer of that folder; its key, and the gateway's pin, are made if they are missing."""
    fill(folder / KEY_FILE, lambda: SigningKey.from_seed(ISSUER, random(32)).pem())
    issuer = DevIssuer.from_pem((folder / KEY_FILE).read_bytes())
    fill(folder / PINNED_FILE, lambda: issuer.pinned().encode())
    return issuer


def main(arguments: Sequence[str]) -> int:
    """The command line: prints a token, or says which files there are now."""
    parser = argparse.ArgumentParser(prog="dev_issuer", description="Staff tokens for development")
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys", help="make the key, and pin it for the gateway")
    token = commands.add_parser("token", help="print a token that lives for an hour")
    for command in (keys, token):
        command.add_argument("folder", type=Path, help="the folder of secret files")
    token.add_argument("--role", required=True)
    token.add_argument("--base", choices=("systems", "community"))
    token.add_argument("--id", type=UUID, default=None)
    token.add_argument("--agency", type=UUID, default=None)
    token.add_argument("--unit-kind", choices=sorted(KINDS), default="community")
    token.add_argument("--trained", action="store_true")
    given = parser.parse_args(arguments)
    if given.command == "keys":
        make_keys(given.folder)
        sys.stdout.write(f"{given.folder / KEY_FILE}\n{given.folder / PINNED_FILE}\n")
        return 0
    sys.stdout.write(_token(given) + "\n")
    return 0


def _token(given: argparse.Namespace) -> str:
    base: Base | None = given.base
    staff = Principal.staff(
        given.id or uuid4(),
        given.role,
        given.agency or uuid4(),
        base=base,
        unit_kind=given.unit_kind,
        trained=given.trained,
    )
    return DevIssuer.from_pem((given.folder / KEY_FILE).read_bytes()).token(staff)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
