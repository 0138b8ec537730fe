"""What a log's table must be so that it shows everybody the same: the one its migrations made.

Somebody who may do anything in a database need change no row: a policy, a rule or
a view in a table's place shows one reader other rows than another
(docs/decisions/0029). Read from the server's own catalogue, by any role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.eventstore.provision import KINDS, READS_ONLY, migrations_of, role_name

_TRIGGER = "no_change"
_INSTEAD = {
    "": "is not there",
    "v": "is a view and no table",
    "m": "is a materialized view and no table",
    "f": "is a foreign table, stored elsewhere",
    "p": "is a partitioned table, stored in others",
}
# BEFORE UPDATE OR DELETE OR TRUNCATE, for each statement, of every column.
_REFUSES = ("A", 58, "", False)

_TABLE = (
    "SELECT c.oid, c.relkind::text, c.relpersistence::text, c.relispartition, c.relrowsecurity,"
    " pg_get_userbyid(c.relowner)::text, am.amname::text"
    " FROM pg_class AS c LEFT JOIN pg_am AS am ON am.oid = c.relam"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relname = %s"
)
_COLUMNS = (
    "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attgenerated::text,"
    " a.attcollation = t.typcollation"
    " FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid"
    " WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
)
_TRIGGERS = (
    "SELECT t.tgname::text, t.tgenabled::text, t.tgtype, t.tgattr::text, t.tgqual IS NOT NULL,"
    " n.nspname || '.' || p.proname, p.prosrc"
    " FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid"
    " JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE t.tgrelid = %s ORDER BY 1"
)
_HELD = (
    "SELECT coalesce(r.rolname, 'everybody')::text, a.privilege_type"
    " FROM pg_class AS c, aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee"
    " WHERE c.oid = %s AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT'"
    " UNION ALL SELECT coalesce(r.rolname, 'everybody')::text, a.privilege_type"
    " FROM pg_attribute AS c, aclexplode(c.attacl) AS a"
    " LEFT JOIN pg_roles AS r ON r.oid = a.grantee"
    " WHERE c.attrelid = %s AND a.privilege_type <> 'SELECT' ORDER BY 1, 2"
)
_NAMESAKES = (
    "SELECT n.nspname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE c.relname = %s AND n.nspname <> 'public' ORDER BY 1"
)
_PARENTS = "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = %s ORDER BY 1"
_CHILDREN = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s ORDER BY 1"
_POLICIES = "SELECT polname::text FROM pg_policy WHERE polrelid = %s ORDER BY 1"
_RULES = "SELECT rulename::text FROM pg_rewrite WHERE ev_class = %s ORDER BY 1"
_FOREIGN = {
    "has the policy": _POLICIES,
    "has the rule": _RULES,
    "is inherited by": _CHILDREN,
    "inherits from": _PARENTS,
}
_SETTINGS = (
    "SELECT coalesce(r.rolname, 'every role')::text, unnest(s.setconfig)"
    " FROM pg_db_role_setting AS s LEFT JOIN pg_roles AS r ON r.oid = s.setrole"
    " WHERE (s.setrole = 0 OR r.rolname = ANY(%s)) AND s.setdatabase IN"
    " (0, (SELECT oid FROM pg_database WHERE datname = current_database())) ORDER BY 1, 2"
)
_EVENT_TRIGGERS = "SELECT evtname::text, evtevent::text FROM pg_event_trigger ORDER BY 1"
# 16384 is the first id that is not the server's own; what a language is handled by comes late too.
_FUNCTIONS = (
    "SELECT p.oid::regprocedure::text, n.nspname = 'pg_catalog' FROM pg_proc AS p"
    " JOIN pg_namespace AS n ON n.oid = p.pronamespace"
    " WHERE p.oid >= 16384 AND p.proname !~ '^plpgsql_' AND n.nspname <> 'information_schema'"
    " AND (n.nspname = 'pg_catalog' OR EXISTS (SELECT FROM pg_proc AS q WHERE q.proname = p.proname"
    " AND q.pronamespace = 'pg_catalog'::regnamespace)) ORDER BY 1"
)
_OPERATORS = (
    "SELECT oid::regoperator::text, oprnamespace = 'pg_catalog'::regnamespace FROM pg_operator"
    " WHERE oid >= 16384 AND oprleft < 16384 AND oprright < 16384 ORDER BY 1"
)
_CASTS = (
    "SELECT castsource::regtype || ' to ' || casttarget::regtype FROM pg_cast"
    " WHERE oid >= 16384 AND castsource < 16384 AND casttarget < 16384 ORDER BY 1"
)


@dataclass(frozen=True)
class Plain:
    """A table of a log: its columns with their types, in their order, and what refuses changes."""

    name: str
    columns: Mapping[str, str]
    refuses: str
    """The function of its trigger against UPDATE, DELETE and TRUNCATE."""


EVENTS = Plain(
    "events",
    {
        "position": "bigint",
        "originator_id": "uuid",
        "originator_version": "bigint",
        "topic": "text",
        "state": "bytea",
        "previous": "bigint",
    },
    "events_are_append_only",
)


@dataclass(frozen=True)
class Departure:
    """How a database is not as its migrations made it.

    ``table`` is empty for what holds of the whole database. ``hides``: what
    is read there need not be what is stored.
    """

    table: str
    what: str
    hides: bool = False

    def __str__(self) -> str:
        return f"table {self.table}: {self.what}" if self.table else self.what


def departures(connection: Any, service: str, tables: Sequence[Plain]) -> Iterator[Departure]:
    """Everything in a service's database by which its log might show somebody something else.

    ``connection`` of any role, opened with ``whole`` (:mod:`shared.eventstore.reaching`).
    """
    with connection.cursor() as cursor:
        for table in tables:
            yield from _Table(cursor, service, table).departures()
        yield from _of_all(cursor, service)


class _Table:
    """One table, looked up."""

    def __init__(self, cursor: Any, service: str, table: Plain) -> None:
        self._cursor = cursor
        self._service = service
        self._table = table

    def departures(self) -> Iterator[Departure]:
        for schema in self._names(_NAMESAKES, self._table.name):
            yield self._is(f"schema {schema} has something of the same name")
        found = _rows(self._cursor, _TABLE, self._table.name)
        kind = found[0][1] if found else ""
        if kind == "r":
            yield from self._of_table(found[0])
        else:
            yield self._is(_INSTEAD.get(kind, "is of another kind, and no table"), hides=True)

    def _of_table(self, row: tuple[Any, ...]) -> Iterator[Departure]:
        oid, _, persistence, is_partition, is_secured, owner, method = row
        if persistence != "p":
            yield self._is("does not last: it is unlogged", hides=True)
        if method != "heap":
            yield self._is(f"is stored by {method}, not as a table is", hides=True)
        if is_partition:
            yield self._is("is a partition of another table", hides=True)
        if is_secured:
            yield self._is("has row-level security: it shows by who asks", hides=True)
        for has, sql in _FOREIGN.items():
            for name in self._names(sql, oid):
                yield self._is(f"{has} {name}", hides=True)
        yield from self._columns(oid)
        yield from self._triggers(oid)
        if owner != role_name(self._service, "owner"):
            yield self._is(f"belongs to {owner}")
        for role, privilege in _rows(self._cursor, _HELD, oid, oid):
            if (role, privilege) != (role_name(self._service, "committer"), "INSERT"):
                yield self._is(f"{role} may {privilege} it")

    def _columns(self, oid: int) -> Iterator[Departure]:
        stored = {}
        for name, kind, generated, collates in _rows(self._cursor, _COLUMNS, oid):
            stored[name] = kind
            if generated:
                yield self._is(f"column {name} is computed, not stored", hides=True)
            if not collates:
                yield self._is(f"column {name} is compared by another collation", hides=True)
        if list(stored.items()) != list(self._table.columns.items()):
            has = ", ".join(f"{name} {kind}" for name, kind in stored.items())
            yield self._is(f"has other columns: {has}", hides=True)

    def _triggers(self, oid: int) -> Iterator[Departure]:
        refuses = f"public.{self._table.refuses}"
        there = False
        for name, *how, function, body in _rows(self._cursor, _TRIGGERS, oid):
            if (name, function) != (_TRIGGER, refuses):
                yield self._is(f"has a trigger, {name}, that calls {function}", hides=True)
                continue
            there = True
            if tuple(how) != _REFUSES:
                yield self._is(f"its trigger {name} does not refuse every change to everybody")
            if body != _body(self._service, self._table.refuses):
                yield self._is(f"the function {refuses} of its trigger is another one", hides=True)
        if not there:
            yield self._is(f"its trigger {_TRIGGER} is gone: changes are not refused")

    def _names(self, sql: str, *params: Any) -> list[str]:
        return [name for (name,) in _rows(self._cursor, sql, *params)]

    def _is(self, what: str, *, hides: bool = False) -> Departure:
        return Departure(self._table.name, what, hides)


def _of_all(cursor: Any, service: str) -> Iterator[Departure]:
    """What is set, called or compared otherwise for whoever connects to the database."""
    roles = [role_name(service, kind) for kind in KINDS]
    expected = {(role_name(service, kind), READS_ONLY) for kind in ("query", "audit")}
    for role, setting in _rows(cursor, _SETTINGS, roles):
        if (role, setting) not in expected:
            yield Departure("", f"for {role} it is set that {setting}")
    for name, event in _rows(cursor, _EVENT_TRIGGERS):
        yield Departure("", f"the event trigger {name} runs at {event}")
    instead = "can stand for one of the server's own"
    # Where names are looked up, what is in no schema of the server's is not met by who reads whole.
    for function, is_met in _rows(cursor, _FUNCTIONS):
        yield Departure("", f"the function {function} {instead}", is_met)
    for operator, is_met in _rows(cursor, _OPERATORS):
        yield Departure("", f"the operator {operator} {instead}", is_met)
    for (cast,) in _rows(cursor, _CASTS):
        yield Departure("", f"the cast from {cast} {instead}", True)


@cache
def _body(service: str, function: str) -> str | None:
    """What a function does by the service's migrations."""
    pattern = re.compile(rf"CREATE FUNCTION {function}\(\).*?\$\$(.*?)\$\$", re.DOTALL)
    bodies = [found[1] for m in migrations_of(service) if (found := pattern.search(m.text))]
    return bodies[-1] if bodies else None


def _rows(cursor: Any, sql: str, *params: Any) -> list[tuple[Any, ...]]:
    cursor.execute(sql, params)
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
