"""What stands for the server's own, or lets somebody change the log, is told beside the rows."""

from __future__ import annotations

import psycopg2
import pytest

from tests.integration.ledger.world import World, planted


@pytest.fixture
def world(lived: World) -> World:
    """300 events of intake, all under a checkpoint."""
    return lived


STANDING_FOR = {
    "a function": (
        "CREATE FUNCTION public.max(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT $1'",
        "DROP FUNCTION public.max(bigint)",
        "the function public.max(bigint) can stand for one of the server's own",
    ),
    "a function among the server's own": (
        "CREATE FUNCTION pg_catalog.set_byte(bytea, text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION pg_catalog.set_byte(bytea, text)",
        "the function set_byte(bytea,text) can stand for one of the server's own",
    ),
    "an operator": (
        "CREATE OPERATOR public.> (FUNCTION = int8lt, LEFTARG = bigint, RIGHTARG = bigint)",
        "DROP OPERATOR public.> (bigint, bigint)",
        "the operator public.>(bigint,bigint) can stand for one of the server's own",
    ),
    "a cast": (
        "CREATE CAST (bytea AS text) WITHOUT FUNCTION AS IMPLICIT",
        "DROP CAST (bytea AS text)",
        "the cast from bytea to text can stand for one of the server's own",
    ),
}


@pytest.mark.parametrize("what", STANDING_FOR)
def test_what_can_stand_for_a_function_or_an_operator_of_the_server_is_told(
    world: World, what: str
) -> None:
    plant, undo, told = STANDING_FOR[what]
    with planted(world, "intake", plant, undo):
        verdict = world.verify()
    assert verdict.status == 26, verdict.said
    assert f"table: intake: {told}" in verdict.found("table")
    assert len(verdict.found("table")) == 1


# -- what lets others write, or refuses nobody --------------------------------------------------

LETTING = {
    "the trigger switched off": (
        "ALTER TABLE events DISABLE TRIGGER no_change",
        "ALTER TABLE events ENABLE ALWAYS TRIGGER no_change",
        "its trigger no_change does not refuse every change to everybody",
    ),
    "the trigger for some only": (
        "ALTER TABLE events ENABLE TRIGGER no_change",
        "ALTER TABLE events ENABLE ALWAYS TRIGGER no_change",
        "its trigger no_change does not refuse every change to everybody",
    ),
    "the trigger gone": (
        "DROP TRIGGER no_change ON events",
        "CREATE TRIGGER no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON events FOR EACH STATEMENT"
        " EXECUTE FUNCTION events_are_append_only();"
        " ALTER TABLE events ENABLE ALWAYS TRIGGER no_change",
        "its trigger no_change is gone: changes are not refused",
    ),
    "an update that may": (
        "GRANT UPDATE ON events TO intake_committer",
        "REVOKE UPDATE ON events FROM intake_committer",
        "intake_committer may UPDATE it",
    ),
    "another role that may add": (
        "GRANT INSERT ON events TO intake_relay",
        "REVOKE INSERT ON events FROM intake_relay",
        "intake_relay may INSERT it",
    ),
    "a role that may change one column": (
        "GRANT UPDATE (state) ON events TO intake_query",
        "REVOKE UPDATE (state) ON events FROM intake_query",
        "intake_query may UPDATE it",
    ),
    "everybody": (
        "GRANT INSERT ON events TO PUBLIC",
        "REVOKE INSERT ON events FROM PUBLIC",
        "everybody may INSERT it",
    ),
    "another owner": (
        "ALTER TABLE events OWNER TO intake_committer; GRANT INSERT ON events TO intake_committer",
        "ALTER TABLE events OWNER TO intake_owner;"
        " GRANT SELECT, INSERT ON events TO intake_committer",
        "belongs to intake_committer",
    ),
}


@pytest.mark.parametrize("what", LETTING)
def test_what_lets_somebody_change_the_log_is_told_and_the_rows_are_compared(
    world: World, what: str
) -> None:
    plant, undo, told = LETTING[what]
    with planted(world, "intake", plant, undo):
        verdict = world.verify()
    assert verdict.status == 26, verdict.said
    assert f"table: intake table events: {told}" in verdict.found("table")
    assert "intake: 300 recorded rows compared" in verdict.said
    assert world.verify().status == 0


def test_another_function_behind_the_trigger_is_told(world: World) -> None:
    cut = "AS $$ BEGIN RETURN NULL; END $$"
    [(whole,)] = world.rows(
        "SELECT pg_get_functiondef('events_are_append_only'::regproc)", "intake"
    )
    again = "CREATE OR REPLACE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql"
    with planted(world, "intake", f"{again} {cut}", whole):
        verdict = world.verify()
    assert verdict.status == 26, verdict.said
    assert (
        "table: intake table events: the function public.events_are_append_only of its trigger is"
        " another one" in verdict.found("table")
    )


@pytest.mark.parametrize("table", ["events", "leaves"])
def test_a_column_that_the_auditor_may_not_read_is_no_answer(world: World, table: str) -> None:
    service, column = ("intake", "position") if table == "events" else ("audit", "index")
    role = f"{service}_audit"
    some = f"REVOKE SELECT ON {table} FROM {role}; GRANT SELECT ({column}) ON {table} TO {role}"
    undo = f"REVOKE SELECT ({column}) ON {table} FROM {role}; GRANT SELECT ON {table} TO {role}"
    refused = pytest.raises(psycopg2.errors.InsufficientPrivilege, match=f"for table {table}")
    with planted(world, service, some, undo), refused:
        world.verify()
