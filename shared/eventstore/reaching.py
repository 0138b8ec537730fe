"""The one way to a PostgreSQL server: in bounded time, and stopping nobody else meanwhile."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import ceil
from typing import Any

import psycopg2
from psycopg2.extensions import get_wait_callback, parse_dsn

PINNED = "-c search_path=public,pg_temp"
"""Where names are looked up, whatever is set for a role: the server's own first, then ours."""

_WHOLE = "SET ROLE NONE; SET search_path = pg_catalog, pg_temp; SET row_security = off"


def connect(dsn: str, *, within: float = 10.0, whole: bool = False, **parameters: Any) -> Any:
    """An open connection; ``psycopg2.OperationalError`` where there is none in ``within`` seconds.

    A name without a schema is the server's own or one of ``public``, whatever
    ``ALTER ROLE`` or ``ALTER DATABASE`` say. With ``whole`` it is the server's
    own or none, so that tables are named with their schema; and a table from which
    row-level security would hold anything back is refused
    (``psycopg2.errors.InsufficientPrivilege``): for whoever reads a log to vouch for it.

    ``parameters`` go before those of ``dsn``. Where they name a host, its name is
    looked up here, anew each time: libpq would do it in C, which no timeout of
    its own ends and which stops every greenlet of the process.
    """
    with _limited(within):
        given = {**parse_dsn(dsn), **parameters}
        parameters["options"] = f"{given.get('options') or ''} {PINNED}".strip()
        connection = psycopg2.connect(
            dsn, **{"connect_timeout": ceil(within), **parameters, **_looked_up(given)}
        )
        if whole:
            _insist(connection)
        return connection


def _insist(connection: Any) -> None:
    """After whatever ran when the session began: what it was set to counts no more."""
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_WHOLE)
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise


@contextmanager
def _limited(within: float) -> Iterator[None]:
    """libpq keeps to ``connect_timeout`` where it waits itself; not where eventlet does."""
    if get_wait_callback() is None:
        yield
        return
    from eventlet import Timeout

    # Not an error of ours: eventlet's look-up takes any Exception for an answer and goes on.
    limit = Timeout(within)
    try:
        yield
    except Timeout as late:
        if late is not limit:
            raise
        raise psycopg2.OperationalError(f"no answer within {within:g} seconds") from None
    finally:
        limit.cancel()


def _looked_up(given: Mapping[str, Any]) -> dict[str, str]:
    """Every address of the host that is named, so that libpq looks nothing up; else nothing."""
    host = given.get("host") or ""
    if not host or host[0] in "/@" or given.get("hostaddr") or _is_address(host):
        return {}
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as unknown:
        raise psycopg2.OperationalError(f"no address of {host} is known: {unknown}") from unknown
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    # libpq wants as many names as addresses, and tries them in turn.
    return {"host": ",".join([host] * len(addresses)), "hostaddr": ",".join(addresses)}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
