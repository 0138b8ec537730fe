"""Random secrets for the compose platform: ``python -m infra.secrets``.

One folder per container below ``infra/secrets/generated/``, mounted there as
``/run/secrets``, so that a container holds its own secrets and nobody else's.
What exists is kept; what is missing is made; what derives from the contracts
(broker definitions) is written again. Files are 0644 because a container's
user is not the host's, inside a folder that is 0700 because nobody else on
the host shall read them.

    postgres/       superuser
    rabbitmq/       definitions.json
    migrate/        superuser, db_<service>_<role>
    <service>/      db_<service>_<role>, broker, <service>_key.pem, issuers.json, rpc_keys.json,
                    secret (from which its other keys derive), kek (keyring only),
                    ledger (audit only: signs checkpoints)
    auditor/        db_<service>_audit, ledger.vkey: for who checks, not for who serves
    gateway/        broker, gateway_key.pem, issuers.json, rpc_keys.json,
                    staff_issuers.json, agencies.json, agency_pepper
    mailbox/        certificate.pem, key.pem, smtp_password: of the development mailbox, which
                    notifications/ holds as smtp_ca.pem and smtp_password
    people/         development_issuer_key.pem, agencies.json: for the journey; in no container
    shared/         rpc_keys.json, of which every container has a copy
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from infra.certificates import self_signed
from services.audit.formats.checkpoint import ORIGIN
from services.audit.formats.note import VERIFIER_FILE, Signer
from services.gateway.agencies import AgencyKey, hashed, new_key, written
from services.gateway.dev_issuer import ISSUER, KEY_FILE, PINNED_FILE, DevIssuer
from shared.contracts.registry import logged, services
from shared.identity.keys import SigningKey
from shared.identity.tokens import GATEWAY
from shared.messaging.topology import definitions

GENERATED = Path(__file__).parent / "secrets" / "generated"
DATABASE_ROLES = ("owner", "committer", "query", "relay", "audit")
HELD_BY_SERVICE = ("committer", "query", "relay")
AGENCIES = ("community", "community", "parole")
"""The kinds of the agencies that take part in the journey."""
MAILBOX = "mailbox"
PASSWORD = "smtp_password"  # noqa: S105 - the name of a file


def secret() -> str:
    """A password, or a key of 256 bits, as text."""
    return secrets.token_urlsafe(32)


def key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Folder:
    """One container's secrets."""

    def __init__(self, root: Path, name: str) -> None:
        self._path = root / name
        self._path.mkdir(mode=0o755, parents=True, exist_ok=True)
        self._path.chmod(0o755)

    def keep(self, name: str, make: Callable[[], str]) -> str:
        """The content of a file, made if it is not there."""
        file = self._path / name
        if not file.exists():
            self.write(name, make())
        return file.read_text("utf-8")

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self._path / name).exists()

    def write(self, name: str, content: str) -> None:
        """Write a file so that nobody ever sees half of it."""
        draft = self._path / f".{name}.new"
        draft.write_text(content, "utf-8")
        draft.chmod(0o644)
        draft.replace(self._path / name)


def generate(root: Path = GENERATED) -> None:
    """Make what is missing below ``root``; safe to repeat."""
    os.umask(0o022)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    root.chmod(0o700)
    migrate, rabbitmq = Folder(root, "migrate"), Folder(root, "rabbitmq")
    superuser = Folder(root, "postgres").keep("superuser", secret)
    migrate.write("superuser", superuser)

    containers = {name: Folder(root, name) for name in (*services(), GATEWAY)}
    auditor = Folder(root, "auditor")
    _databases(migrate, containers, auditor)
    brokers = {name: folder.keep("broker", secret) for name, folder in containers.items()}
    rabbitmq.write("definitions.json", json.dumps(definitions(brokers), indent=1, sort_keys=True))
    _keys(root, containers)
    _ledger(containers["audit"], auditor)
    _people(Folder(root, "people"), containers[GATEWAY])
    _mailbox(Folder(root, MAILBOX), containers["notifications"])


def _databases(migrate: Folder, containers: dict[str, Folder], auditor: Folder) -> None:
    for name in logged():
        for role in DATABASE_ROLES:
            password = migrate.keep(f"db_{name}_{role}", secret)
            if role in HELD_BY_SERVICE:
                containers[name].write(f"db_{name}_{role}", password)
            elif role == "audit":
                auditor.write(f"db_{name}_{role}", password)


def _ledger(audit: Folder, auditor: Folder) -> None:
    """The key under which checkpoints are signed, and what holds them against it.

    A deployment that changes its log's name begins another log: the name is part of the key.
    """
    seed = base64.b64decode(audit.keep("ledger", key))
    origin = os.environ.get("SAYSO_LEDGER_ORIGIN") or ORIGIN
    auditor.write(VERIFIER_FILE, Signer.from_seed(origin, seed).verifier.vkey + "\n")


def _keys(root: Path, containers: dict[str, Folder]) -> None:
    rpc_keys = Folder(root, "shared").keep("rpc_keys.json", _first_rpc_key)
    pinned = {
        name: _public(name, folder.keep(f"{name}_key.pem", partial(_signing_key, name)))
        for name, folder in containers.items()
    }
    for name, folder in containers.items():
        folder.write("issuers.json", json.dumps(pinned, indent=1, sort_keys=True))
        folder.write("rpc_keys.json", rpc_keys)
        if name != GATEWAY:
            folder.keep("secret", key)
    containers["keyring"].keep("kek", key)


def _people(people: Folder, gateway: Folder) -> None:
    """Development issuer and agencies: the gateway gets what verifies, the people what signs.

    A deployment's own issuers and agencies, put in their place, are kept.
    """
    pem = people.keep(KEY_FILE, partial(_signing_key, ISSUER))
    gateway.keep(PINNED_FILE, DevIssuer.from_pem(pem.encode()).pinned)
    pepper = gateway.keep("agency_pepper", key).encode()
    agencies = json.loads(people.keep("agencies.json", _first_agencies))
    kept = (AgencyKey(UUID(a["id"]), a["unit_kind"], hashed(a["key"], pepper)) for a in agencies)
    gateway.keep("agencies.json", lambda: written(kept))


def _mailbox(mailbox: Folder, notifications: Folder) -> None:
    """The development mailbox and who sends to it; a deployment's own relay is kept."""
    if not (mailbox.has("certificate.pem") and mailbox.has("key.pem")):
        for name, pem in zip(("certificate.pem", "key.pem"), self_signed(MAILBOX), strict=True):
            mailbox.write(name, pem)
    certificate = mailbox.keep("certificate.pem", str)
    password = mailbox.keep(PASSWORD, secret)
    notifications.keep(PASSWORD, lambda: password)
    notifications.keep("smtp_ca.pem", lambda: certificate)


def _first_agencies() -> str:
    made = [
        {"id": str(uuid4()), "unit_kind": kind, "key": new_key(secrets.token_bytes)}
        for kind in AGENCIES
    ]
    return json.dumps(made, indent=1)


def _signing_key(issuer: str) -> str:
    return SigningKey.from_seed(issuer, secrets.token_bytes(32)).pem().decode()


def _public(issuer: str, pem: str) -> str:
    return SigningKey.from_pem(issuer, pem.encode()).public_pem().decode()


def _first_rpc_key() -> str:
    return json.dumps({"current": "1", "keys": {"1": key()}})


if __name__ == "__main__":
    generate()
