"""No way in without a row, no row without a permission, and every cell of who and what decided."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from services.gateway.check import BadRoutes, check_routes, check_rows
from services.gateway.routes import NOT_HTTP, OWN_PAGES, ROUTES, Row
from shared.contracts.consent import ConfirmDisclosure, RevokeGrant
from shared.contracts.intake import GetCase
from shared.contracts.registry import services
from tests.unit.gateway.door import PEOPLE, Door, path_of, problem, row_of

EVERYONE = frozenset(PEOPLE)
SURVIVOR = frozenset({"Maria"})
ADVOCATES = frozenset({"advocate", "trained advocate"})
WITH_ADVOCATE = SURVIVOR | ADVOCATES
WITH_SECOND_PERSON = SURVIVOR | {"trained advocate"}

MAY: dict[str, frozenset[str]] = {
    "get_options": EVERYONE,
    "get_notice": EVERYONE,
    "get_explanation": EVERYONE,
    "begin_inquiry": EVERYONE,
    "open_session": EVERYONE,
    "get_case": WITH_ADVOCATE | {"coordinator"},
    "get_timeline": SURVIVOR,
    "pause_case": WITH_ADVOCATE,
    "close_case": WITH_ADVOCATE,
    "reopen_case": SURVIVOR,
    "make_contact": SURVIVOR,
    "request_erasure": WITH_ADVOCATE,
    "request_advocate": SURVIVOR,
    "assign_advocate": frozenset({"coordinator"}),
    "end_advocate_assignment": WITH_ADVOCATE,
    "give_confidentiality_notice": WITH_ADVOCATE,
    "get_needs": WITH_ADVOCATE,
    "state_need": WITH_ADVOCATE,
    "offer_options": ADVOCATES,
    "choose_option": WITH_ADVOCATE,
    "decline_option": WITH_ADVOCATE,
    "confirm_decision": WITH_SECOND_PERSON,
    "deny_decision": WITH_ADVOCATE,
    "get_grants": WITH_ADVOCATE,
    "propose_grant": WITH_ADVOCATE,
    "explain_grant": WITH_ADVOCATE,
    "give_grant": WITH_ADVOCATE,
    "confirm_grant": WITH_ADVOCATE,
    "decline_grant": WITH_ADVOCATE,
    "revoke_grant": WITH_ADVOCATE,
    "request_disclosure": frozenset({"housing agency", "another agency"}),
    "fetch_item": frozenset({"housing agency", "another agency"}),
    "get_preference": WITH_ADVOCATE,
    "get_notices": WITH_ADVOCATE,
    "declare_channel_safe": WITH_ADVOCATE,
    "confirm_channel": WITH_SECOND_PERSON,
    "verify_preference": WITH_ADVOCATE,
    "declare_channel_unsafe": WITH_ADVOCATE,
    "choose_topic": WITH_ADVOCATE,
    "confirm_topic": WITH_SECOND_PERSON,
    "drop_topic": WITH_ADVOCATE,
    "stop_everything": WITH_ADVOCATE,
    "get_checkpoint": EVERYONE,
    "get_tile": EVERYONE,
}


def test_every_row_is_decided_in_the_matrix() -> None:
    assert set(MAY) == {row.action for row in ROUTES}


@pytest.mark.rule("R23")
@pytest.mark.parametrize("row", ROUTES, ids=lambda row: row.action)
def test_each_person_may_exactly_what_the_matrix_says(row: Row) -> None:
    door = Door()
    for who in PEOPLE:
        asked_before = len(door.bus.asked)
        answer = door.use(row, who)
        if who in MAY[row.action]:
            assert answer.status_code == 200, (who, answer.text)
            assert len(door.bus.asked) == asked_before + 1
        else:
            assert answer.status_code == (401 if who == "anyone" else 403), (who, answer.text)
            assert len(door.bus.asked) == asked_before, f"{who} reached a service"


@pytest.mark.rule("R10")
@pytest.mark.parametrize("who", ["supervision officer", "advocate in a parole unit"])
def test_supervision_gets_403_on_everything_that_is_not_public(who: str, door: Door) -> None:
    for row in ROUTES:
        if row.who != ("anyone",):
            assert problem(door.use(row, who))["status"] == 403, row.path
    assert door.bus.asked == []


@pytest.mark.rule("R23")
def test_the_answer_is_the_same_whether_or_not_the_other_participation_exists(door: Door) -> None:
    headers = door.as_("another survivor")
    answers = [
        door.ask("GET", path, headers=headers)
        for path in (path_of(row_of("get_case")), path_of(row_of("get_case"), _UNKNOWN))
    ]
    first, second = (problem(answer) for answer in answers)
    del first["instance"], second["instance"]
    assert first == second
    assert door.bus.asked == []


_UNKNOWN = UUID(int=7)


def test_every_request_has_a_way_in_or_is_named_as_internal() -> None:
    outward = [s for s in services().values() if s.name != "keyring"]
    asked = {request for service in outward for request in service.requests}
    routed = {row.request for row in ROUTES}
    assert {r.__name__ for r in asked - routed - set(NOT_HTTP)} == set()
    assert routed.isdisjoint(NOT_HTTP)


def test_a_route_planted_beside_the_table_fails_the_build(door: Door) -> None:
    async def planted(_: HttpRequest) -> Response:
        return Response(b"all of it")

    door.app.router.add_route("/v1/everything", planted, ["GET"])
    with pytest.raises(BadRoutes, match="without a permission row"):
        check_routes(door.app.routes, ROUTES, OWN_PAGES)


def test_another_method_planted_on_a_route_of_the_table_fails_the_build(door: Door) -> None:
    async def planted(_: HttpRequest) -> Response:
        return Response(b"gone")

    door.app.router.add_route(row_of("get_case").path, planted, ["DELETE"])
    with pytest.raises(BadRoutes, match="without a permission row"):
        check_routes(door.app.routes, ROUTES, OWN_PAGES)


def test_a_mounted_application_fails_the_build(door: Door) -> None:
    door.app.mount("/admin", Response(b""))
    with pytest.raises(BadRoutes):
        check_routes(door.app.routes, ROUTES, OWN_PAGES)


def test_a_row_without_a_route_fails_the_build(door: Door) -> None:
    more = (*ROUTES, replace(row_of("get_case"), path="/v1/cases/{participation_id}"))
    with pytest.raises(BadRoutes, match="without a route"):
        check_routes(door.app.routes, more, OWN_PAGES)


@pytest.mark.parametrize(
    "changed",
    [
        {"who": ()},
        {"action": "get_everything"},
        {"action": "get_needs"},
        {"resource": "none"},
        {"path": "/v1/cases"},
        {"path": "/v1/participations/{participation_id}/{secret}"},
        {"request": RevokeGrant},
        {"request": ConfirmDisclosure, "action": "confirm_disclosure"},
    ],
)
def test_a_row_that_cannot_be_right_fails_the_build(changed: dict[str, Any]) -> None:
    row = Row("GET", "/v1/p/{participation_id}", GetCase, "get_case", "participation", ("staff",))
    check_rows([row], [])
    with pytest.raises(BadRoutes):
        check_rows([replace(row, **changed)], [])


def test_a_row_there_twice_fails_the_build() -> None:
    with pytest.raises(BadRoutes, match="twice"):
        check_rows([*ROUTES, ROUTES[0]], OWN_PAGES)


def test_a_command_is_never_a_get() -> None:
    row = replace(row_of("pause_case"), verb="GET")
    with pytest.raises(BadRoutes, match="not a GET"):
        check_rows([row], [])
