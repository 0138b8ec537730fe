"""Whoever may do anything shows the auditor other rows than the services, and is found.

Not a row need be changed for that: a policy, a view or a path in front of the
log shows one role other rows than another.
"""

from __future__ import annotations

from typing import Any

import pytest

from services.audit.cli import prove, replay
from services.audit.domain.deriving import Broken
from shared.command_line import CannotRead
from shared.eventstore.digests import NotTheLog
from tests.integration.ledger.test_planted import INSERT
from tests.integration.ledger.world import World, a_state, a_stream, planted

MOVED = "ALTER TABLE {0} RENAME TO set_aside"
BACK = "ALTER TABLE set_aside RENAME TO {0}"
SHOWN = "GRANT SELECT ON {0} TO intake_audit, intake_relay, audit_audit, audit_committer"
NOTHING = (
    "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
)


@pytest.fixture
def world(lived: World) -> World:
    """300 events of intake, all under a checkpoint."""
    return lived


def database_of(world: World, service: str) -> str:
    return world.databases.names[service]


def forge(world: World, cursor: Any, table: str = "events") -> None:
    """An event that nobody decided, at the log's next position."""
    stream = a_stream(99)
    insert = INSERT.replace("INTO events", f"INTO {table}")
    row = (301, str(stream), 1, "services.intake.domain:Thing", a_state(stream, 1))
    cursor.execute(insert, row)


# -- what shows other rows than are stored ------------------------------------------------------

HIDING = {
    "row-level security": (
        "CREATE POLICY everything ON {0} FOR SELECT USING (true);"
        " ALTER TABLE {0} ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY; DROP POLICY everything ON {0}",
        ("has row-level security: it shows by who asks", "has the policy everything"),
    ),
    "a policy that waits to be switched on": (
        "CREATE POLICY later ON {0} FOR SELECT USING (true)",
        "DROP POLICY later ON {0}",
        ("has the policy later",),
    ),
    "a rule that drops what is added": (
        "CREATE RULE lose AS ON INSERT TO {0} DO INSTEAD NOTHING",
        "DROP RULE lose ON {0}",
        ("has the rule lose",),
    ),
    "a view": (
        f"{MOVED}; CREATE VIEW {{0}} AS SELECT * FROM set_aside; {SHOWN}",
        f"DROP VIEW {{0}}; {BACK}",
        ("is a view and no table",),
    ),
    "a materialized view": (
        f"{MOVED}; CREATE MATERIALIZED VIEW {{0}} AS SELECT * FROM set_aside; {SHOWN}",
        f"DROP MATERIALIZED VIEW {{0}}; {BACK}",
        ("is a materialized view and no table",),
    ),
    "a partitioned table": (
        f"{MOVED}; CREATE TABLE {{0}} (LIKE set_aside) PARTITION BY HASH ({{1}}); {SHOWN}",
        f"DROP TABLE {{0}}; {BACK}",
        ("is a partitioned table, stored in others",),
    ),
    "nothing at all": (MOVED, BACK, ("is not there",)),
    "a table that inherits it": (
        "CREATE TABLE more () INHERITS ({0})",
        "DROP TABLE more",
        ("is inherited by public.more",),
    ),
    "a table that it inherits from": (
        "CREATE TABLE less (); ALTER TABLE {0} INHERIT less",
        "ALTER TABLE {0} NO INHERIT less; DROP TABLE less",
        ("inherits from public.less",),
    ),
    "a table that a crash empties": (
        "ALTER TABLE {0} SET UNLOGGED",
        "ALTER TABLE {0} SET LOGGED",
        ("does not last: it is unlogged",),
    ),
    "a trigger of somebody else's": (
        f"{NOTHING}; CREATE TRIGGER own BEFORE INSERT ON {{0}} FOR EACH ROW"
        " EXECUTE FUNCTION nothing()",
        "DROP TRIGGER own ON {0}; DROP FUNCTION nothing()",
        ("has a trigger, own, that calls public.nothing",),
    ),
    "a column more": (
        "ALTER TABLE {0} ADD COLUMN more text",
        "ALTER TABLE {0} DROP COLUMN more",
        ("has other columns: ",),
    ),
    "a computed column": (
        "ALTER TABLE {0} ADD COLUMN more text GENERATED ALWAYS AS ('x') STORED",
        "ALTER TABLE {0} DROP COLUMN more",
        ("column more is computed, not stored",),
    ),
}


@pytest.mark.parametrize("what", HIDING)
@pytest.mark.parametrize(
    ("service", "table", "column"),
    [("intake", "events", "position"), ("audit", "leaves", "index")],
)
def test_what_can_show_other_rows_than_are_stored_is_found_and_nothing_of_it_is_believed(
    world: World, service: str, table: str, column: str, what: str
) -> None:
    plant, undo, told = HIDING[what]
    with planted(world, service, plant.format(table, column), undo.format(table)):
        verdict = world.verify()
        with pytest.raises(CannotRead, match=f"table {table}: "):
            world.sayso(replay.COMMAND if service == "intake" else prove.COMMAND, *PLACE[service])
    assert verdict.status == 26, verdict.said
    found = verdict.found("table")
    for each in told:
        assert [line for line in found if f"table: {service} table {table}: {each}" in line], found
    not_compared = "intake: not compared, since what is shown need not be what is stored"
    assert not_compared in verdict.said
    assert "All of it holds" not in verdict.said
    assert world.verify().status == 0, "once it is gone all of it holds again"


PLACE = {"intake": [], "audit": ["intake", "41"]}


@pytest.mark.parametrize("table", ["nodes", "checkpoints"])
def test_each_table_of_the_ledger_is_looked_at(world: World, table: str) -> None:
    plant, undo, _ = HIDING["row-level security"]
    with planted(world, "audit", plant.format(table), undo.format(table)):
        verdict = world.verify()
    assert verdict.status == 26
    assert f"table: audit table {table}: has row-level security" in verdict.said


def test_a_forged_event_that_is_hidden_from_ledger_and_auditor_is_not_overlooked(
    world: World,
) -> None:
    """Services would decide by it; neither the ledger's role nor the auditor's is shown it."""
    hide = (
        "CREATE POLICY hide ON events FOR SELECT USING"
        " (current_user NOT IN ('intake_audit', 'intake_relay') OR position <> 301);"
        " ALTER TABLE events ENABLE ROW LEVEL SECURITY"
    )
    undo = "ALTER TABLE events DISABLE ROW LEVEL SECURITY; DROP POLICY hide ON events"
    [(signed,)] = world.rows("SELECT max(size) FROM checkpoints")
    with planted(world, "intake", hide, undo) as cursor:
        forge(world, cursor)
        with world.database("intake", "committer") as seen:
            assert seen.query("SELECT max(position) FROM events") == [(301,)]
        with pytest.raises(Broken, match="log_hidden"):
            world.app.pull("intake")
        assert not world.app.is_intact()
        with pytest.raises(Broken, match="log_hidden"):
            world.tick(pull=False)
        verdict = world.verify()
    assert verdict.status == 26, verdict.said
    assert "intake table events: has row-level security" in verdict.said
    assert world.rows("SELECT max(size) FROM checkpoints") == [(signed,)], "nothing was signed"
    verdict = world.verify()
    assert verdict.status == 25, "once it is shown, it is found where it is"
    assert "intake position 301:" in verdict.found("late")[0]


def test_a_forged_event_in_a_table_that_inherits_the_log_is_not_overlooked(world: World) -> None:
    plant = "CREATE TABLE more () INHERITS (events); GRANT SELECT ON more TO intake_committer"
    with planted(world, "intake", plant, "DROP TABLE more") as cursor:
        forge(world, cursor, "more")
        with world.database("intake", "committer") as seen:
            assert seen.query("SELECT max(position) FROM events") == [(301,)]
        verdict = world.verify()
    assert verdict.status == 26, verdict.said
    assert "intake table events: is inherited by public.more" in verdict.said


def test_a_forged_event_that_was_kept_out_of_the_index_of_positions_is_found(
    world: World,
) -> None:
    """Read in the order of positions it is not met; a service that reads its stream meets it."""
    set_to = "UPDATE pg_index SET indisready = {} WHERE indexrelid = 'events_pkey'::regclass"
    with planted(world, "intake", set_to.format("false"), "REINDEX TABLE events") as cursor:
        forge(world, cursor)
        cursor.execute(set_to.format("true"))
        with world.database("intake", "committer") as seen:
            stream = (a_stream(99),)
            found = seen.query("SELECT position FROM events WHERE originator_id = %s", stream)
            assert found == [(301,)]
            newest = "SELECT position FROM events WHERE position > 299 ORDER BY position LIMIT 9"
            assert seen.query(newest) == [(300,)]
        world.tick()
        verdict = world.verify()
    assert verdict.status == 25, verdict.said
    assert "intake position 301:" in verdict.found("late")[0]


@pytest.mark.parametrize("what", ["a view", "nothing at all", "row-level security"])
def test_a_service_whose_log_is_hidden_or_no_table_hands_no_record_to_the_ledger(
    world: World, what: str
) -> None:
    plant, undo, _ = HIDING[what]
    planting = planted(world, "intake", plant.format("events"), undo.format("events"))
    with planting, pytest.raises(NotTheLog):
        world.records("intake")
    assert len(world.records("intake")) == 300


def test_nothing_is_signed_over_a_ledger_that_shows_by_who_asks(world: World) -> None:
    plant, undo, _ = HIDING["a policy that waits to be switched on"]
    with planted(world, "audit", plant.format("leaves"), undo.format("leaves")):
        with pytest.raises(Broken, match="table_hides"):
            world.tick()
        assert not world.app.is_intact()
    world.tick()
    assert world.app.is_intact()


# -- what leads elsewhere: the right table is read all the same, and it is told -----------------

SHADOW = (
    "CREATE SCHEMA shadow; CREATE TABLE shadow.events AS TABLE public.events;"
    " GRANT USAGE ON SCHEMA shadow TO PUBLIC; GRANT SELECT, INSERT ON shadow.events TO PUBLIC"
)
LOGIN = (
    "CREATE FUNCTION steer() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
    " PERFORM set_config('search_path', 'shadow, public', false); END $$;"
    " CREATE EVENT TRIGGER steer ON login EXECUTE FUNCTION steer()"
)
LEADING = {
    "the auditor's own path": (
        "ALTER ROLE intake_audit IN DATABASE {0} SET search_path = shadow, public",
        "ALTER ROLE intake_audit IN DATABASE {0} RESET search_path",
        "table: intake: for intake_audit it is set that search_path=shadow, public",
    ),
    "the path of a role everywhere": (
        "ALTER ROLE intake_relay SET search_path = shadow, public",
        "ALTER ROLE intake_relay RESET search_path",
        "table: intake: for intake_relay it is set that search_path=shadow, public",
    ),
    "the path of the whole database": (
        "ALTER DATABASE {0} SET search_path = shadow, public",
        "ALTER DATABASE {0} RESET search_path",
        "table: intake: for every role it is set that search_path=shadow, public",
    ),
    "another role that the auditor is given": (
        "GRANT intake_query TO intake_audit;"
        " ALTER ROLE intake_audit IN DATABASE {0} SET role = 'intake_query'",
        "ALTER ROLE intake_audit IN DATABASE {0} RESET role; REVOKE intake_query FROM intake_audit",
        "table: intake: for intake_audit it is set that role=intake_query",
    ),
    "what runs when a session begins": (
        LOGIN,
        "DROP EVENT TRIGGER steer; DROP FUNCTION steer()",
        "table: intake: the event trigger steer runs at login",
    ),
}


@pytest.mark.parametrize("what", LEADING)
def test_a_changed_byte_is_found_whatever_stands_before_the_log_for_the_auditor(
    world: World, what: str
) -> None:
    plant, undo, told = LEADING[what]
    name = database_of(world, "intake")
    with planted(world, "intake", f"{SHADOW}; {plant.format(name)}", undo.format(name)) as cursor:
        try:
            change = "UPDATE public.events SET state = set_byte(state, 40, 7) WHERE position = 117"
            world.tamper("intake", change)
            verdict = world.verify()
            assert len(world.records("intake")) == 300
        finally:
            cursor.execute("DROP SCHEMA shadow CASCADE")
    assert verdict.status == 21, verdict.said
    assert "intake position 117, " in verdict.found("changed")[0]
    found = verdict.found("table")
    assert [line for line in found if line.startswith(told)], found
    same = "table: intake table events: schema shadow has something of the same name"
    assert same in found


@pytest.mark.parametrize("role", ["committer", "relay"])
def test_no_setting_of_a_role_leads_a_service_to_another_log(world: World, role: str) -> None:
    name = database_of(world, "intake")
    steer = f"ALTER ROLE intake_{role} IN DATABASE {name} SET search_path = shadow, public"
    undo = f"DROP SCHEMA shadow CASCADE; ALTER ROLE intake_{role} IN DATABASE {name} RESET ALL"
    with planted(world, "intake", f"{SHADOW}; DELETE FROM shadow.events; {steer}", undo):
        again = world.again()
        try:
            again.store("intake", 1)
            assert len(again.records("intake")) == 301
        finally:
            again.close()
        assert world.rows("SELECT count(*) FROM shadow.events", "intake") == [(0,)]


def test_a_table_of_the_session_s_own_stands_before_nothing(world: World) -> None:
    """A temporary table is looked up before every other, unless it is said to come last."""
    with world.database("intake", "committer") as database, database.connection() as connection:
        cursor = connection.cursor()
        with planted(
            world,
            "intake",
            f"GRANT TEMPORARY ON DATABASE {database_of(world, 'intake')} TO intake_committer",
            f"REVOKE TEMPORARY ON DATABASE {database_of(world, 'intake')} FROM intake_committer",
        ):
            cursor.execute("CREATE TEMPORARY TABLE events (position bigint)")
            cursor.execute("SELECT count(*) FROM events")
            assert cursor.fetchone() == (300,)
            verdict = world.verify()
            cursor.execute("DROP TABLE pg_temp.events")
    assert verdict.status == 26, verdict.said
    assert "intake table events: schema pg_temp_" in verdict.said
