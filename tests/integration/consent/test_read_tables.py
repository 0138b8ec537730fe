from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
import pytest

from services.consent.application import ConsentApplication
from shared.contracts.refusal import Refused
from shared.eventstore.rebuild import application_of, rebuild
from tests.integration.consent.world import World
from tests.support.examples import MARIA, NOOR, OTHER_SURVIVOR, ROSA, SAM


def live_through_everything(world: World) -> None:
    """A history with every event of this service in it."""
    world.assign(ROSA)
    world.assign(SAM)
    world.notice()
    grant = world.explained(ROSA)
    world.give(grant, ROSA)
    world.confirm(grant, NOOR)
    world.ask(grant.agency_reference)
    newer = world.explained(supersedes=grant.grant_id, items=(world.need, world.other_need))
    world.give(newer)
    world.ask(newer.agency_reference, item=world.other_need)
    world.revoke(newer, ROSA)
    world.decline(world.explained())
    world.given()
    world.unassign(SAM)
    world.case("paused")
    world.case("open")
    for _ in range(2):
        with pytest.raises(Refused):
            world.ask(newer.agency_reference)
    world.erase(world.need)
    world.later(days=15)
    for row in world.app.due_rows(world.now):
        world.app.due(row, world.ctx(OTHER_SURVIVOR))
    world.given(items=(world.other_need,))


def tables_of(world: World) -> dict[str, list[Any]]:
    return {
        name: sorted(map(repr, world.rows(f"SELECT * FROM {name}")))
        for name in ConsentApplication.tables
    }


def test_a_rebuild_gives_the_same_rows(world: World) -> None:
    live_through_everything(world)
    before = tables_of(world)
    assert all(before.values())

    rebuild(application_of("consent"), world.stores.dsn("consent", "owner"))

    assert tables_of(world) == before


def test_a_history_with_everything_has_every_event_of_the_service(world: World) -> None:
    live_through_everything(world)

    assert set(world.log()) == {
        "GrantProposed",
        "GrantExplained",
        "YesRecorded",
        "GrantGiven",
        "GrantDeclined",
        "GrantRevoked",
        "GrantExpired",
        "GrantSuperseded",
        "DisclosureMade",
        "DisclosureRefused",
        "ErasedItemsBegun",
        "ItemsErased",
        "AccompanimentBegun",
        "AdvocateKnown",
        "AdvocateGone",
        "NoticeKnown",
        "CaseStateKnown",
    }


@pytest.mark.rule("R23")
def test_no_disclosure_is_decided_by_a_read_table(world: World) -> None:
    """Whoever can write to a read table still opens nothing."""
    grant = world.given()
    world.revoke(grant)
    with (
        closing(psycopg2.connect(world.stores.dsn("consent", "committer"))) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE grants SET state = 'given'")

    assert world.answer(grant.agency_reference)["code"] == "nothing_released"


def test_the_query_role_sees_one_participation_and_no_pointers(world: World) -> None:
    world.given()

    def seen(participation_id: str, table: str) -> int:
        asked = f"SELECT set_config('sayso.participation_id', %s, false); SELECT 1 FROM {table}"
        return len(world.rows(asked, participation_id, role="query"))

    assert seen(str(MARIA), "grants") == 1
    assert seen(str(OTHER_SURVIVOR.participation_id), "grants") == 0
    assert seen("", "grants") == 0
    assert seen(str(MARIA), "grant_pointers") == 0
