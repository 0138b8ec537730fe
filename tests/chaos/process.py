"""A service's process that dies at a named step: ``python -m tests.chaos.process intake STEP:N``.

The process is the platform's own, built from its own settings. Only what it is
given at the edge is another: database connections and broker connections that
end the process where ``tests.chaos.steps`` says, with that step's exit status
and without a chance to tidy up.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

from tests.chaos.steps import Doom, status_of


class Reaper:
    """Counts how often a step is reached, and ends the process when its time has come."""

    def __init__(self, doom: Doom) -> None:
        self._doom = doom
        self._left = doom.time

    def comes(self, step: str) -> bool:
        """Whether the process is to die at this step, which it has now reached."""
        if step != self._doom.step:
            return False
        self._left -= 1
        return self._left <= 0

    def end(self) -> None:
        """At once: no handler, no flush, no farewell to anybody."""
        os._exit(status_of(self._doom.step))

    def at(self, step: str) -> None:
        """End the process if this is where."""
        if self.comes(step):
            self.end()


def watch_database(reaper: Reaper) -> None:
    """Every connection from now on: commits of decisions and of the ledger, the relay's cursor."""
    import psycopg2
    import psycopg2.extensions

    class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc]
        def execute(self, query: Any, parameters: Any = None) -> None:
            text = query if isinstance(query, bytes) else str(query).encode()
            if text.endswith(b"COMMIT"):
                self._commit(query, text, parameters)
            elif b"UPDATE relay SET cursor" in text:
                reaper.at("before_confirm")
                super().execute(query, parameters)
                reaper.at("after_confirm")
            else:
                super().execute(query, parameters)

        def _commit(self, query: Any, text: bytes, parameters: Any) -> None:
            # Where nothing was decided nothing is committed either.
            if text != b"COMMIT" or self._wrote:
                if reaper.comes("before_commit"):
                    rest = text.removesuffix(b"COMMIT").rstrip(b"; ")
                    if rest:
                        super().execute(rest, parameters)
                    reaper.end()
                super().execute(query, parameters)
                reaper.at("after_commit")
            else:
                super().execute(query, parameters)

        @property
        def _wrote(self) -> bool:
            """Whether the transaction has written anything, as the server knows."""
            super().execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
            return bool(self.fetchone()[0])

    connect = psycopg2.connect

    def connected(*given: Any, **options: Any) -> Any:
        return connect(*given, cursor_factory=Cursor, **options)

    psycopg2.connect = connected


def watch_broker(reaper: Reaper, settings_class: type) -> type:
    """The settings with a broker whose event connections are watched."""
    from shared.messaging.amqp.link import Broker
    from shared.messaging.topology import EVENTS_VHOST

    def around(channel: Any, name: str, step: str) -> None:
        do = getattr(channel, name)

        def watched(*given: Any, **options: Any) -> Any:
            reaper.at(f"before_{step}")
            done = do(*given, **options)
            reaper.at(f"after_{step}")
            return done

        setattr(channel, name, watched)

    @dataclass(frozen=True)
    class Watched(Broker):
        def connect(self, vhost: str, *given: Any, **options: Any) -> Any:
            connection = super().connect(vhost, *given, **options)
            if vhost == EVENTS_VHOST:
                open_channel = connection.channel

                def channel(*numbered: Any) -> Any:
                    opened = open_channel(*numbered)
                    around(opened, "basic_publish", "publish")
                    around(opened, "basic_ack", "ack")
                    return opened

                connection.channel = channel
            return connection

    class Settings(settings_class):  # type: ignore[misc]
        @property
        def broker(self) -> Broker:
            at = super().broker
            return Watched(at.host, at.user, at.password, at.port)

    return Settings


def main(arguments: list[str]) -> int:
    """Run the service until it dies."""
    import eventlet

    eventlet.monkey_patch()
    name, doom = arguments
    reaper = Reaper(Doom.parse(doom))
    watch_database(reaper)
    from shared.messaging.amqp import process

    process.ServiceSettings = watch_broker(reaper, process.ServiceSettings)  # type: ignore[misc]
    return process.run(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
