"""``sayso``: what is done by hand, one group of commands per service.

    sayso audit verify                      where SAYSO_POSTGRES_HOST and SAYSO_SECRETS say
    sayso --folder FOLDER audit verify      an embedded installation

A command is a module of ``services/<service>/cli`` with a ``COMMAND``: nothing
else has to be told of it. It reads under the audit role of each service, which
may change nothing. What it finds goes to stdout, how far it is to stderr, and
what kind of thing it found is its exit status.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extras

from shared.collecting import seldom
from shared.contracts.registry import services
from shared.eventstore.edge import utc_now
from shared.eventstore.location import Location
from shared.eventstore.plain import EVENTS, departures
from shared.eventstore.provision import database_name, role_name
from shared.eventstore.reaching import connect
from shared.progress import Progress

HELD, BROKE_OFF, WRONG_USE, CANNOT_READ = 0, 1, 2, 3
STATUSES: Mapping[int, str] = {
    HELD: "all of it holds",
    BROKE_OFF: "the command itself broke off: nothing is known",
    WRONG_USE: "not called as described",
    CANNOT_READ: "something that is needed cannot be read: nothing is known",
}
"""The exit statuses of every command; a command's own begin at 10."""

psycopg2.extras.register_uuid()


class CannotRead(Exception):
    """A database or a file is away or refuses; says which, and what to do. Exit status 3."""


class WrongUse(Exception):
    """What was given is not what is asked for; says what to give. Exit status 2."""


@dataclass(frozen=True)
class Reading:
    """What a command is given: read-only connections, and somewhere to say how far it is.

    ``dsn(service)`` is the connection string of a service's audit role;
    ``secrets`` a folder with what else an auditor is given; ``kept`` the folder
    of what services keep outside their databases, where it can be read.
    """

    services: tuple[str, ...]
    dsn: Callable[[str], str]
    secrets: Path
    progress: Progress = field(default_factory=Progress)
    kept: Path | None = None
    clock: Callable[[], datetime] = utc_now

    @contextmanager
    def connection(self, service: str, *, as_it_is: bool = False) -> Iterator[Any]:
        """One snapshot of a service's database (repeatable read, read only); :class:`CannotRead`.

        Also where its log is such that what is read need not be what is stored,
        unless it is to be looked at ``as_it_is``. A table is named with its schema,
        ``public``. Read much with a named cursor: ``connection.cursor("name")`` streams.
        """
        try:
            connection = connect(self.dsn(service), whole=True)
        except psycopg2.OperationalError as away:
            raise CannotRead(f"The database of {service} cannot be read: {away}".strip()) from None
        try:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            if not as_it_is:
                _must_be_plain(connection, service)
            yield connection
        finally:
            connection.close()


def _must_be_plain(connection: Any, service: str) -> None:
    for departure in departures(connection, service, (EVENTS,)):
        if departure.hides:
            raise CannotRead(
                f"What the database of {service} shows need not be what is stored: {departure}."
                " sayso audit verify tells all there is; infra/runbooks/platform.md what to do."
            )


@dataclass(frozen=True)
class Command:
    """One command. ``run`` returns :data:`HELD` or one of ``statuses``, each with its meaning."""

    name: str
    help: str
    run: Callable[[argparse.Namespace, Reading], int]
    statuses: Mapping[int, str] = field(default_factory=dict)
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None

    def __post_init__(self) -> None:
        if any(status < 10 or status > 125 for status in self.statuses):
            raise ValueError(f"{self.name}: a command's own exit statuses are 10 to 125")


def groups() -> dict[str, tuple[Command, ...]]:
    """Service → its commands, of every service that has a ``cli`` package."""
    found = {}
    package = importlib.import_module("services")
    for service in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        if importlib.util.find_spec(f"services.{service}.cli") is not None:
            found[service] = tuple(_commands(f"services.{service}.cli"))
    return found


def _commands(package: str) -> Iterator[Command]:
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        command = getattr(importlib.import_module(f"{package}.{module.name}"), "COMMAND", None)
        if isinstance(command, Command):
            yield command


@contextmanager
def reading(folder: Path | None) -> Iterator[Reading]:
    """Where to read: an embedded installation's folder, else what the environment says."""
    known = tuple(name for name, contract in services().items() if contract.database)
    if folder is None:
        where = Location()
        dsn = partial(where.dsn, kind="audit")
        yield Reading(known, dsn, where.secrets, kept=where.kept)
        return
    if not (folder / "pg").is_dir():
        raise CannotRead(f"{folder} is no folder of an embedded installation: it has no pg/.")
    from shared.eventstore.embedded import EmbeddedServer

    server = EmbeddedServer(folder / "pg").start()
    try:
        yield Reading(
            known,
            lambda service: server.dsn(database_name(service), role_name(service, "audit")),
            folder,
            kept=folder,
        )
    finally:
        server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: see :data:`STATUSES` and each command's own."""
    asked = _parser(groups()).parse_args(arguments)
    seldom()
    with ExitStack() as stack:
        try:
            given = stack.enter_context(reading(asked.folder))
            status: int = asked.command.run(asked, given)
            if status != HELD and status not in asked.command.statuses:
                raise ValueError(f"{asked.command.name} has no exit status {status}")
            return status
        except CannotRead as reason:
            print(reason, file=sys.stderr)
            return CANNOT_READ
        except WrongUse as reason:
            print(reason, file=sys.stderr)
            return WRONG_USE
        except psycopg2.Error as error:
            print(f"A database does not answer as it should: {error}".strip(), file=sys.stderr)
            return CANNOT_READ


def _parser(known: Mapping[str, tuple[Command, ...]]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sayso", description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="the folder of an embedded installation")
    named = parser.add_subparsers(dest="service", required=True, metavar="SERVICE")
    for service, commands in known.items():
        group = named.add_parser(service, help=", ".join(c.name for c in commands))
        listed = group.add_subparsers(dest="name", required=True, metavar="COMMAND")
        for command in commands:
            single = listed.add_parser(
                command.name,
                help=command.help,
                description=command.help,
                epilog=_table({**STATUSES, **command.statuses}),
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
            command.arguments(single)
            single.set_defaults(command=command)
    return parser


def _table(statuses: Mapping[int, str]) -> str:
    return "exit status:\n" + "\n".join(
        f"  {number:3}  {meaning}" for number, meaning in sorted(statuses.items())
    )


if __name__ == "__main__":
    # The module whose classes commands use must be this one, not __main__.
    from shared.command_line import main as start

    sys.exit(start())
