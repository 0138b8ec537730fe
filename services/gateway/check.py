"""What must hold of the route table before the gateway answers anybody."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Route

from services.gateway.routes import OPERATIONAL, OwnPage, Row
from shared.contracts.registry import services
from shared.identity.schema import actions


class BadRoutes(RuntimeError):
    """A route without a permission row, or a row that cannot be right; nothing may start."""


def check_rows(rows: Iterable[Row], pages: Iterable[OwnPage]) -> None:
    """Every row names an action that exists, its own request's, and somebody who may come."""
    known, seen = actions(), set[tuple[str, str]]()
    for row in rows:
        where = f"{row.verb} {row.path}"
        if (row.verb, row.path) in seen:
            raise BadRoutes(f"{where} is there twice")
        seen.add((row.verb, row.path))
        if not row.who:
            raise BadRoutes(f"{where} names nobody who may come this way")
        if row.action not in known or row.action != row.request.method():
            raise BadRoutes(f"{where} has no action of its request")
        if not any(row.request in s.requests for s in services().values()):
            raise BadRoutes(f"{where} asks what no service takes")
        if not set(row.fields) <= set(row.request.model_fields):
            raise BadRoutes(f"{where} has a field that its request has not")
        about = "participation_id" in row.request.model_fields
        if about != (row.resource == "participation") or about != (
            "participation_id" in row.fields
        ):
            raise BadRoutes(f"{where} does not say whose record it is about")
        if row.is_command and row.verb == "GET":
            raise BadRoutes(f"{where}: what may change something is not a GET")
    for page in pages:
        if page.action not in known or page.who != ("anyone",):
            raise BadRoutes(f"{page.path} has no permission row that fits")


def check_routes(
    routes: Iterable[BaseRoute], rows: Iterable[Row], pages: Iterable[OwnPage]
) -> None:
    """Every route is in the table, and every row is a route (architecture, 14)."""
    allowed = {(row.verb, row.route) for row in rows} | {("GET", page.path) for page in pages}
    there = set[tuple[str, str]]()
    for route in routes:
        if not isinstance(route, Route):
            raise BadRoutes(f"{type(route).__name__} is no plain route")
        there |= {(verb, route.path) for verb in route.methods or ()}
    outside = {(v, p) for v, p in there - allowed if p not in OPERATIONAL or v != "GET"}
    if outside:
        raise BadRoutes(f"without a permission row: {sorted(outside)}")
    if allowed - there:
        raise BadRoutes(f"rows without a route: {sorted(allowed - there)}")
