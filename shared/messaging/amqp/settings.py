"""What a service on RabbitMQ is told at start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from shared.eventstore.location import Location
from shared.identity.keys import Issuers, SigningKey, issuers, public_from_pem
from shared.messaging.amqp.link import Broker
from shared.messaging.named_keys import NEVER_DERIVED, NamedKeys, derive
from shared.messaging.sealed_bodies import RpcKeys
from shared.settings import DEFAULT_SECRETS_DIR, SECRETS_DIR, Secrets, SettingsError, Variable, load


@dataclass(frozen=True)
class Surroundings:
    """Addresses, from the environment; ``shared.eventstore.location`` reads PostgreSQL's."""

    broker_host: Annotated[str, Variable("SAYSO_BROKER_HOST", "RabbitMQ's host")]
    broker_port: Annotated[int, Variable("SAYSO_BROKER_PORT", "RabbitMQ's AMQP port")] = 5672
    health_host: Annotated[str, Variable("SAYSO_HEALTH_HOST", "where health listens")] = "127.0.0.1"
    health_port: Annotated[int, Variable("SAYSO_HEALTH_PORT", "health's port")] = 9100
    workers: Annotated[int, Variable("SAYSO_WORKERS", "requests answered at once")] = 32
    log_level: Annotated[str, Variable("SAYSO_LOG_LEVEL", "the least that is logged")] = "INFO"


class ServiceSettings:
    """The addresses and the secret files of one service; ``SettingsError`` says what is wrong."""

    def __init__(self, service: str, environ: Mapping[str, str]) -> None:
        self.service = service
        self.surroundings = load(Surroundings, environ)
        self._folder = Path(environ.get(SECRETS_DIR) or DEFAULT_SECRETS_DIR)
        self._secrets = Secrets(self._folder)
        self._location = Location(environ)
        self.variables = {k: v for k, v in environ.items() if k.startswith("SAYSO_")}
        self._secret = self._secrets.key("secret")
        self.signing_key = SigningKey.from_pem(service, self._pem(f"{service}_key.pem"))
        self.issuers: Issuers = self._issuers()
        self.rpc_keys = RpcKeys(self._folder / "rpc_keys.json")

    @property
    def broker(self) -> Broker:
        """Where the broker is, and who we are there: the user is the service's name."""
        at = self.surroundings
        password = self._secrets.text("broker").reveal()
        return Broker(at.broker_host, self.service, password, at.broker_port)

    @property
    def fingerprint_key(self) -> bytes:
        """The key of the fingerprints of commands."""
        return derive(self._secret, "fingerprint")

    @property
    def named_keys(self) -> NamedKeys:
        """The service's other keys."""
        there = sorted(name for name in NEVER_DERIVED if (self._folder / name).exists())
        given = {name: self._secrets.key(name) for name in there}
        return NamedKeys(self.service, self._secret, given)

    def dsn(self, kind: str) -> str:
        """How one of the service's database roles connects."""
        return self._location.dsn(self.service, kind)

    def _pem(self, name: str) -> bytes:
        return self._secrets.text(name).reveal().encode()

    def _issuers(self) -> Issuers:
        try:
            pems = json.loads(self._secrets.text("issuers.json").reveal())
            return issuers({name: public_from_pem(pem.encode()) for name, pem in pems.items()})
        except (ValueError, AttributeError) as wrong:
            expected = "issuer names with their public keys in PEM, as JSON"
            raise SettingsError([f"secret file issuers.json: must be {expected}"]) from wrong
