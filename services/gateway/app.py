"""The application: the route table, and what stands around it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from services.gateway import health, problems
from services.gateway.admission import Admission
from services.gateway.agencies import AgencyKeys
from services.gateway.asking import Asking
from services.gateway.attempts import Attempts, Waiting
from services.gateway.check import check_routes, check_rows
from services.gateway.docs import html
from services.gateway.edge import Edge
from services.gateway.limits import Limiter
from services.gateway.openapi import document
from services.gateway.pages import Pages
from services.gateway.routes import OWN_PAGES, ROUTES, OwnPage, Row
from services.gateway.sessions import Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.staff import StaffTokens
from shared.contracts.refusal import Refused
from shared.identity.authorise import platform_policies
from shared.messaging.bus import AsyncBus
from shared.observability.metrics import Metrics

Handler = Callable[[HttpRequest], Awaitable[Response]]


def now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)


def create_app(
    bus: AsyncBus,
    settings: GatewaySettings,
    *,
    clock: Callable[[], datetime] = now,
    new_id: Callable[[], UUID] = uuid4,
    waiting: Waiting | None = None,
    checks: Mapping[str, health.Check] | None = None,
    metrics: Metrics | None = None,
    lifespan: Callable[[FastAPI], object] | None = None,
) -> FastAPI:
    """The gateway over any bus.

    ``waiting``: how limits measure time, and how what is slowed down waits.
    ``checks``: what ``/health/ready`` asks (in the embedded form every
    service's); it tells the public nothing but the sum of them.
    ``metrics``: where requests are counted; nothing public shows it.
    Raises ``BadRoutes``, ``BadPolicies`` or ``BadPages``: then nothing starts.
    """
    platform_policies()
    check_rows(ROUTES, OWN_PAGES)
    pages = Pages(settings.pages)
    counted = metrics or Metrics("gateway")
    spec = document(ROUTES, OWN_PAGES, pages)
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,  # type: ignore[arg-type]
    )
    asking = _asking(bus, settings, clock, waiting or Waiting())
    for row in ROUTES:
        _add(app, row.verb, row.route, _row_handler(asking, row))
    for page in OWN_PAGES:
        _add(app, "GET", page.path, _page_handler(pages, page))
    _operational(app, spec, checks or {})
    check_routes(app.routes, ROUTES, OWN_PAGES)
    app.openapi = lambda: spec  # type: ignore[method-assign]
    app.add_exception_handler(problems.Problem, _problem)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Edge, metrics=counted, new_id=new_id)
    return app


def _asking(
    bus: AsyncBus, settings: GatewaySettings, clock: Callable[[], datetime], waiting: Waiting
) -> Asking:
    sessions = Sessions(settings.key, settings.session_life)
    admission = Admission(
        sessions,
        StaffTokens(settings.staff_issuers),
        AgencyKeys(settings.agency_keys, settings.agency_pepper),
    )
    limits = settings.limits
    limiters = {
        "beginnings": Limiter(limits.beginnings_each, limits.beginnings_together),
        "disclosures": Limiter(limits.disclosures_each, None),
    }
    attempts = Attempts(limits.codes_each, limits.codes_together, limits.codes_pace, waiting)
    return Asking(
        bus, admission, sessions, settings.key, clock, limits, limiters, attempts, waiting.elapsed
    )


def _add(app: FastAPI, verb: str, path: str, handler: Handler) -> None:
    app.router.add_route(path, handler, [verb], include_in_schema=False)
    # Starlette lets HEAD in wherever GET is; the table does not.
    app.router.routes[-1].methods = {verb}  # type: ignore[attr-defined]


def _row_handler(asking: Asking, row: Row) -> Handler:
    async def handle(http: HttpRequest) -> Response:
        return await asking.answer(row, http)

    return handle


def _page_handler(pages: Pages, page: OwnPage) -> Handler:
    async def handle(http: HttpRequest) -> Response:
        http.state.action = page.action
        body = pages.read(page.topic, http.query_params.get("language", ""))
        return Response(body, media_type="application/json")

    return handle


def _operational(
    app: FastAPI,
    spec: dict[str, object],
    checks: Mapping[str, health.Check],
) -> None:
    described = json.dumps(spec, ensure_ascii=False).encode()
    read, policy = html(spec)

    async def home(_: HttpRequest) -> Response:
        return RedirectResponse("/docs", 307)

    async def docs(_: HttpRequest) -> Response:
        return Response(read, 200, {"Content-Security-Policy": policy}, "text/html")

    async def openapi(_: HttpRequest) -> Response:
        return Response(described, media_type="application/json")

    async def live(_: HttpRequest) -> Response:
        return _json(200, {"alive": True})

    async def ready(_: HttpRequest) -> Response:
        holds = all((await health.readiness(checks)).values())
        return _json(200 if holds else 503, {"ready": holds})

    for path, handler in (
        ("/", home),
        ("/docs", docs),
        ("/openapi.json", openapi),
        ("/health/live", live),
        ("/health/ready", ready),
    ):
        _add(app, "GET", path, handler)


def _json(status: int, body: object) -> Response:
    return Response(json.dumps(body).encode(), status, media_type="application/json")


def _answer(http: HttpRequest, problem: problems.Problem) -> Response:
    http.state.outcome = problem.code
    return problem.response(str(http.state.correlation_id))


async def _problem(http: HttpRequest, raised: Exception) -> Response:
    if not isinstance(raised, problems.Problem):
        raise raised
    return _answer(http, raised)


async def _refused(http: HttpRequest, raised: Exception) -> Response:
    if not isinstance(raised, Refused):
        raise raised
    return _answer(http, problems.of_refusal(raised))


async def _http(http: HttpRequest, raised: Exception) -> Response:
    if isinstance(raised, HTTPException) and raised.status_code == 405:
        return _answer(http, problems.wrong_verb(", ".join(_verbs(http))))
    return _answer(http, problems.not_found())


def _verbs(http: HttpRequest) -> list[str]:
    """All methods that the address takes; the exception knows of one route only."""
    routes = [route for route in http.app.routes if isinstance(route, Route)]
    at = [route for route in routes if route.matches(http.scope)[0] is not Match.NONE]
    return sorted({verb for route in at for verb in route.methods or ()})
