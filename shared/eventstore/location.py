"""Where PostgreSQL is and with which passwords, from the environment and a folder of secrets.

``SAYSO_POSTGRES_HOST`` and ``SAYSO_POSTGRES_PORT`` say where (a host may be the
folder of a Unix socket); ``SAYSO_SECRETS`` (``/run/secrets``) holds the files
``superuser`` and ``db_<service>_<role>``. A missing password file means that the
server trusts its socket. ``SAYSO_KEPT`` names a folder beside the databases.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from psycopg2.extensions import make_dsn

from shared.eventstore.provision import database_name, role_name

HALF_OPEN = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""After 25 s without a sign of life a connection is given up, at rest or in use.

The server is told the same in ``docker-compose.yml``: what a vanished process held is free then.
"""


class Location:
    """A PostgreSQL server and the folder of its passwords."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._host = environment.get("SAYSO_POSTGRES_HOST", "localhost")
        self._port = int(environment.get("SAYSO_POSTGRES_PORT", "5432"))
        self._secrets = Path(environment.get("SAYSO_SECRETS", "/run/secrets"))
        kept = environment.get("SAYSO_KEPT")
        self._kept = Path(kept) if kept else None

    @property
    def secrets(self) -> Path:
        """The folder of secrets."""
        return self._secrets

    @property
    def kept(self) -> Path | None:
        """The folder of what a service keeps outside its database, if it can be read here."""
        return self._kept

    def password(self, name: str) -> str | None:
        """The content of a secret's file, or nothing where there is none."""
        path = self._secrets / name
        return path.read_text("utf-8").strip() if path.exists() else None

    def admin_dsn(self) -> str:
        """The superuser's connection string; for ``migrate`` only."""
        return self._dsn("postgres", "postgres", self.password("superuser"))

    def dsn(self, service: str, kind: str) -> str:
        """A role's connection string to its service's database."""
        password = self.password(f"db_{service}_{kind}")
        return self._dsn(database_name(service), role_name(service, kind), password)

    def _dsn(self, database: str, user: str, password: str | None) -> str:
        given = {"password": password} if password else {}
        at = {"host": self._host, "port": self._port}
        return str(make_dsn(**at, dbname=database, user=user, **given, **HALF_OPEN))
