"""The whole platform in one process: the same services, called directly, followed by polling."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from shared.contracts.registry import services
from shared.eventstore.edge import Edge, utc_now
from shared.eventstore.embedded import EmbeddedServer
from shared.eventstore.provision import database_name, provision, role_name
from shared.identity.keys import Issuers, SigningKey, issuers
from shared.identity.principal import Principal
from shared.identity.tokens import GATEWAY
from shared.messaging.assembly import Assembled, assemble, written
from shared.messaging.doorbell import Doorbell
from shared.messaging.envelope import SigningCaller
from shared.messaging.follower import Follower
from shared.messaging.gate import STORE_AWAY
from shared.messaging.local import LOOK_EVERY, LocalTransport, Loop, following
from shared.messaging.named_keys import NEVER_DERIVED, NamedKeys, derive
from shared.messaging.pages import ask_messages
from shared.messaging.provided import bind
from shared.messaging.store_inbox import StoreInbox
from shared.scheduler.scheduler import Scheduler
from shared.sealing.keys import CachedKeySource
from shared.settings import KEPT

SECRET = "secret"  # noqa: S105 - the name of a file


class Platform:
    """Every written service, running in this process; ``start``, then ``stop``."""

    def __init__(
        self,
        server: EmbeddedServer,
        secret: bytes,
        *,
        names: Iterable[str] | None = None,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = monotonic,
        database: Callable[[str], str] = database_name,
        look_every: float = LOOK_EVERY,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Databases are created and migrated here; ``Unbound`` or ``Incomplete`` if code is not.

        ``secret`` is the root of every key of this installation; ``database``
        names a service's database, so that tests may have many on one server.
        ``settings``: what would be environment variables of a service's process.
        """
        self.names = tuple(names) if names is not None else written()
        self.clock = clock
        self.transport = LocalTransport()
        self._server = server
        self._secret = secret
        self._database = database
        self._settings = dict(settings or {})
        self._monotonic = monotonic
        self._keys: list[CachedKeySource] = []
        self.issuers: Issuers = issuers(
            {name: self.key(name).public for name in (*services(), GATEWAY)}
        )
        self._bells = {name: Doorbell() for name in self.names}
        self._unheard = Doorbell()
        self.services = {name: self._assemble(name) for name in self.names}
        for name, service in self.services.items():
            self.transport.add(name, bind(service.service_class, service.provided))
        self._loops = [
            loop for service in self.services.values() for loop in self._made(service, look_every)
        ]

    def key(self, name: str) -> SigningKey:
        """The signing key of a service, or of the gateway."""
        return SigningKey.from_seed(name, derive(self._secret, f"{name}/signing"))

    def caller(self, name: str) -> SigningCaller:
        """Calls in the name of a service; ``gateway`` may speak for people."""
        return SigningCaller(self.key(name), self.transport, self.clock)

    def start(self) -> Platform:
        """Followers and schedulers begin."""
        for loop in self._loops:
            loop.start()
        return self

    def stop(self) -> None:
        """End what runs, after the turn that is under way, and close every connection."""
        for loop in self._loops:
            loop.stop()
        for bell in (*self._bells.values(), self._unheard):
            bell.close()
        for loop in self._loops:
            loop.join()
        self.transport.close()
        for service in self.services.values():
            service.app.close()
        for keys in self._keys:
            keys.close()

    def _assemble(self, name: str) -> Assembled:
        provision(self._server.dsn(), name, database=self._database(name))
        caller = self.caller(name)
        own = derive(self._secret, name)
        keys = CachedKeySource(caller, Principal.service(name), monotonic=self._monotonic)
        self._keys.append(keys)
        edge = Edge(
            service=name,
            dsn=lambda kind: self._server.dsn(self._database(name), role_name(name, kind)),
            keys=keys,
            caller=caller,
            fingerprint_key=derive(own, "fingerprint"),
            clock=self.clock,
            monotonic=self._monotonic,
            secrets=NamedKeys(name, own, {key: derive(own, key) for key in NEVER_DERIVED}),
            settings=self._settings,
            stored=lambda _published: self._bells[name].ring(),
        )
        return assemble(name, edge, self.issuers)

    def _made(self, service: Assembled, look_every: float) -> list[Loop]:
        inbox = StoreInbox(service.app, self.clock)
        scheduler = Scheduler(service.name, service.app, self.clock, store_away=STORE_AWAY)
        loops = [Loop(f"{service.name}.due", scheduler.run_once, self._unheard, look_every)]
        for producer in sorted(set(service.contract.follows) & set(self.names)):
            follower = Follower(
                service.name,
                producer,
                inbox,
                partial(ask_messages, self.caller(service.name), producer),
                self.clock,
                pause=lambda attempt: sleep(0.1 * attempt),
                infrastructure=STORE_AWAY,
            )
            loops.append(following(follower, self._bells[producer], look_every))
        for turn in service.turns:
            heard = self._bells.get(turn.hears or "", self._unheard)
            loops.append(Loop(f"{service.name}.{turn.name}", turn.run, heard, turn.every))
        return loops


class Installation(Platform):
    """A platform that also owns its PostgreSQL: one folder holds everything."""

    def __init__(
        self, folder: Path, *, settings: Mapping[str, str] | None = None, **options: object
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.server = EmbeddedServer(folder / "pg").start()
        try:
            kept = {KEPT: str(folder), **(settings or {})}
            super().__init__(self.server, _secret_of(folder), settings=kept, **options)  # type: ignore[arg-type]
        except BaseException:
            self.server.stop()
            raise
        for service in self.services.values():
            for name, text in service.papers.items():
                (folder / name).write_text(text, "utf-8")

    def stop(self) -> None:
        """End the platform, then its PostgreSQL."""
        super().stop()
        self.server.stop()


def _secret_of(folder: Path) -> bytes:
    """The installation's root secret, made at first: whoever has the folder has the words."""
    path = folder / SECRET
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()
