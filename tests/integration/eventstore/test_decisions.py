"""A decision is stored whole or not at all, once, and says where it came from."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg2
import pytest

from shared.contracts.refusal import ChangedMeanwhile, KeyUsedForAnother, NotAllowed, NotFound
from shared.eventstore.batch import LOCK, AlreadyDone
from shared.eventstore.log import ALONE
from shared.eventstore.work import DueRow, Work
from shared.identity.principal import Principal
from shared.sealing.keys import KeyDestroyed
from shared.sealing.sealed import SealBroken, Sealed
from tests.integration.eventstore.probe import (
    LATER,
    NOON,
    AskOnRecord,
    BreakReadTable,
    CloseNotebook,
    CountNotebooks,
    GetLines,
    Keys,
    Notebook,
    NotebookOpened,
    OnRecord,
    OpenNotebook,
    Probe,
    WriteLine,
    context,
    edge,
)
from tests.support.eventually import eventually
from tests.support.postgres import Databases

CANARY = "she keeps the spare key under the third pot"


def opened(app: Probe, whose: UUID | None = None) -> UUID:
    command = OpenNotebook(participation_id=whose or uuid4(), title=CANARY)
    return app.run(command, context()).notebook_id  # type: ignore[attr-defined, no-any-return]


def count(app: Probe, what: str) -> int:
    return int(app.committer.query(f"SELECT count(*) FROM {what}")[0][0])


def test_what_was_decided_is_there_when_it_is_answered(app: Probe) -> None:
    whose = uuid4()
    notebook_id = opened(app, whose)
    app.run(WriteLine(notebook_id=notebook_id, text="one"), context())

    found = app.aggregate(notebook_id)

    assert isinstance(found, Notebook)
    assert [line.number for line in found.lines] == [1]
    assert app.read("SELECT lines FROM notebooks", (), whose) == [{"lines": 1}]


def test_time_is_that_of_the_edge(app: Probe) -> None:
    found = app.aggregate(opened(app))
    assert found is not None
    assert found.created_on == NOON


def test_words_are_nowhere_in_the_database_and_an_authorised_read_opens_them(
    app: Probe, stores: Databases
) -> None:
    whose = uuid4()
    notebook_id = opened(app, whose)
    app.run(WriteLine(notebook_id=notebook_id, text=CANARY + " too"), context())

    rows = app.committer.query("SELECT convert_from(state, 'UTF8') FROM events")
    rows += app.committer.query("SELECT notebooks::text FROM notebooks")
    rows += app.committer.query("SELECT commands::text FROM commands")

    assert len(rows) == 5
    assert not [row for row in rows if "spare key" in row[0]]
    row = app.read("SELECT title, last FROM notebooks", (), whose)[0]
    assert [
        app.open(row[name], participation_id=whose, record_class="notes")
        for name in ("title", "last")
    ] == [CANARY, CANARY + " too"]


def test_words_moved_to_another_participations_row_open_for_nobody(app: Probe) -> None:
    whose, other = uuid4(), uuid4()
    opened(app, whose)
    opened(app, other)
    app.committer.execute(
        "UPDATE notebooks SET title = (SELECT title FROM notebooks WHERE participation_id = %s)",
        (other,),
    )
    token = app.read("SELECT title FROM notebooks", (), whose)[0]["title"]

    with pytest.raises(SealBroken):
        app.open(token, participation_id=whose, record_class="notes")
    with pytest.raises(SealBroken):
        app.open(token, participation_id=other, record_class="contact")
    assert app.open(token, participation_id=other, record_class="notes") == CANARY


def test_words_under_a_destroyed_key_stay_closed(app: Probe) -> None:
    notebook_id = opened(app)
    found = app.aggregate(notebook_id)
    assert isinstance(found, Notebook)
    keys = app.edge.keys
    assert isinstance(keys, Keys)

    keys.destroyed.add(found.title.key_id)  # type: ignore[arg-type]

    with pytest.raises(KeyDestroyed):
        app.open(found.title.token(), participation_id=found.participation_id, record_class="notes")
    assert app.aggregate(notebook_id) is not None


def test_every_event_says_where_it_came_from(app: Probe) -> None:
    ctx, whose = context(), uuid4()
    app.run(OpenNotebook(participation_id=whose), ctx)

    state = json.loads(bytes(app.committer.query("SELECT state FROM events")[0][0]))

    assert state["meta"] == {
        "correlation_id": str(ctx.correlation_id),
        "causation": f"command/{ctx.command_id}",
        "command_id": str(ctx.command_id),
        "actor_id": str(ctx.principal.id),
    }
    assert app.read("SELECT actor FROM notebooks", (), whose) == [{"actor": str(ctx.principal.id)}]


def test_a_repeat_is_answered_with_the_first_result_less_what_is_shown_once(app: Probe) -> None:
    ctx, command = context(), OpenNotebook(participation_id=uuid4(), title="a")
    first = app.run(command, ctx)

    again = app.run(command, ctx)

    assert first.code == "shown once"  # type: ignore[attr-defined]
    assert again == first.model_copy(update={"code": None})
    assert count(app, "events") == 1
    assert not app.committer.query(
        "SELECT 1 FROM commands WHERE result::text LIKE '%%shown once%%'"
    )


def test_other_words_under_the_same_key_are_refused(app: Probe) -> None:
    ctx, whose = context(), uuid4()
    app.run(OpenNotebook(participation_id=whose, title="a"), ctx)
    with pytest.raises(KeyUsedForAnother):
        app.run(OpenNotebook(participation_id=whose, title="b"), ctx)
    assert count(app, "events") == 1


def test_a_key_used_for_another_command_is_refused(app: Probe) -> None:
    ctx = context()
    app.run(OpenNotebook(participation_id=uuid4()), ctx)
    with pytest.raises(KeyUsedForAnother):
        app.run(OpenNotebook(participation_id=uuid4()), ctx)
    assert count(app, "events") == 1


def test_a_key_belongs_to_whoever_used_it(app: Probe) -> None:
    ctx = context()
    app.run(OpenNotebook(participation_id=uuid4()), ctx)
    other = context(command_id=ctx.command_id)
    app.run(OpenNotebook(participation_id=uuid4()), other)
    assert count(app, "events") == 2


def test_the_same_command_sent_many_times_at_once_is_decided_once(app: Probe) -> None:
    ctx, command = context(), OpenNotebook(participation_id=uuid4())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: app.run(command, ctx), range(16)))
    assert len({answer.notebook_id for answer in answers}) == 1  # type: ignore[attr-defined]
    assert count(app, "events") == 1


def test_a_refusal_stores_nothing(app: Probe) -> None:
    notebook_id = opened(app)
    app.run(CloseNotebook(notebook_id=notebook_id), context())
    before = count(app, "events"), count(app, "commands")

    with pytest.raises(NotAllowed):
        app.run(WriteLine(notebook_id=notebook_id, text="late"), context())
    with pytest.raises(NotFound):
        app.run(WriteLine(notebook_id=uuid4(), text="nowhere"), context())

    assert (count(app, "events"), count(app, "commands")) == before


def test_a_refusal_on_record_is_stored_and_a_repeat_is_refused_alike(app: Probe) -> None:
    ctx, command = context(), AskOnRecord(participation_id=uuid4())
    with pytest.raises(OnRecord):
        app.run(command, ctx)
    with pytest.raises(Exception, match="on_record"):
        app.run(command, ctx)
    assert count(app, "events") == 1


def test_who_lost_a_race_is_told(app: Probe) -> None:
    notebook_id = opened(app)
    app.meanwhile = lambda: app.run(WriteLine(notebook_id=notebook_id, text="first"), context())
    with pytest.raises(ChangedMeanwhile):
        app.run(WriteLine(notebook_id=notebook_id, text="second"), context())
    assert count(app, "events") == 2


def test_who_must_not_lose_a_race_decides_again(app: Probe) -> None:
    notebook_id = opened(app)
    app.meanwhile = lambda: app.run(WriteLine(notebook_id=notebook_id, text="first"), context())
    app.run(CloseNotebook(notebook_id=notebook_id), context())
    found = app.aggregate(notebook_id)
    assert isinstance(found, Notebook)
    assert (len(found.lines), found.closed) == (1, True)


def test_a_no_wins_against_a_crowd(app: Probe) -> None:
    notebook_id = opened(app)
    stop = threading.Event()

    def crowd(_: int) -> None:
        while not stop.is_set():
            try:
                app.run(WriteLine(notebook_id=notebook_id, text="x"), context())
            except ChangedMeanwhile:
                pass
            except NotAllowed:
                return

    with ThreadPoolExecutor(7) as pool:
        waiting = [pool.submit(crowd, i) for i in range(6)]
        app.run(CloseNotebook(notebook_id=notebook_id), context())
        for each in waiting:
            each.result(timeout=30)
        stop.set()
    found = app.aggregate(notebook_id)
    assert isinstance(found, Notebook)
    assert found.closed


def test_a_bad_decision_among_others_harms_only_itself(app: Probe) -> None:
    def decide(i: int) -> str:
        if i % 5 == 0:
            with pytest.raises(psycopg2.IntegrityError):
                app.run(BreakReadTable(participation_id=uuid4()), context())
            return "refused"
        opened(app)
        return "stored"

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(decide, range(50)))

    assert outcomes.count("stored") == count(app, "events") == count(app, "notebooks") == 40
    assert app.committer.query("SELECT max(position) FROM events") == [(40,)]


def test_a_message_takes_effect_once_and_the_cursor_moves_with_it(app: Probe) -> None:
    message = NotebookOpened(notebook_id=uuid4())
    ctx = context(Principal.system("probe"), command_id=None, message=("intake", 7))

    app.react(message, ctx)
    with pytest.raises(AlreadyDone):
        app.react(message, ctx)

    assert count(app, "events") == 1
    assert app.committer.query("SELECT producer, position FROM inbox") == [("intake", 7)]


def test_a_message_that_leads_to_nothing_moves_the_cursor(app: Probe) -> None:
    app.reactions = {}  # type: ignore[misc]
    app.react(NotebookOpened(notebook_id=uuid4()), context(message=("intake", 3)))
    assert count(app, "events") == 0
    assert app.committer.query("SELECT position FROM inbox") == [(3,)]


def test_what_is_scheduled_falls_due_once_and_goes_with_its_effect(app: Probe) -> None:
    notebook_id = opened(app)
    app.decide(context(), lambda work: work.schedule("close", str(notebook_id), LATER))
    assert app.due_rows(LATER - timedelta(seconds=1)) == []
    (row,) = app.due_rows(LATER)

    app.due(row, context())
    app.due(row, context())

    assert app.due_rows(LATER) == []
    assert count(app, "events") == 2


def test_a_due_row_that_was_moved_meanwhile_does_nothing(app: Probe) -> None:
    notebook_id = opened(app)
    app.decide(context(), lambda work: work.schedule("close", str(notebook_id), NOON))
    (row,) = app.due_rows(NOON)
    app.decide(context(), lambda work: work.schedule("close", str(notebook_id), LATER))

    app.due(row, context())

    assert count(app, "events") == 1
    assert app.due_rows(LATER) == [DueRow("close", str(notebook_id), LATER)]


def test_a_due_row_that_failed_is_tried_again_later(app: Probe) -> None:
    app.decide(context(), lambda work: work.schedule("close", "key", NOON, why="because"))
    (row,) = app.due_rows(NOON)

    app.postpone(row, LATER)

    assert app.due_rows(NOON) == []
    assert app.due_rows(LATER) == [DueRow("close", "key", LATER, {"why": "because"}, 1)]


def test_a_requirement_that_no_longer_holds_stores_nothing(app: Probe) -> None:
    def decide(work: object) -> None:
        work.require("EXISTS (SELECT 1 FROM parked WHERE position = %s)", (1,))  # type: ignore[attr-defined]
        work.execute("INSERT INTO inbox VALUES ('x', 1)", ())  # type: ignore[attr-defined]

    with pytest.raises(AlreadyDone):
        app.decide(context(), decide)
    assert count(app, "inbox") == 0


def test_what_was_expected_and_changed_meanwhile_is_decided_again(app: Probe) -> None:
    tries: list[int] = []

    def decide(work: Work) -> None:
        tries.append(len(tries) + 1)
        work.expect("%s >= 2", (tries[-1],))
        work.execute("INSERT INTO inbox VALUES ('x', %s)", (tries[-1],))

    app.decide(context(), decide)

    assert tries == [1, 2]
    assert app.committer.query("SELECT position FROM inbox") == [(2,)]


def test_what_relies_on_a_stream_that_moved_on_is_decided_again(app: Probe) -> None:
    relied_on = opened(app)
    seen: list[int] = []

    def decide(work: Work) -> None:
        found = work.get(Notebook, relied_on)
        work.rely_on(relied_on)
        seen.append(len(found.lines))
        if len(seen) == 1:
            app.run(WriteLine(notebook_id=relied_on, text="meanwhile"), context())
        work.save(Notebook(participation_id=uuid4(), title=Sealed.pending(uuid4(), "notes", "x")))

    app.decide(context(), decide)

    assert seen == [0, 1]
    assert count(app, "events") == 3


def test_a_stream_without_events_can_be_relied_on_too(app: Probe) -> None:
    whose, absent, seen = uuid4(), uuid4(), list[bool]()

    def begin(work: Work) -> None:
        begun = Notebook(participation_id=whose, title=Sealed.pending(whose, "notes", "begun"))
        begun._id = absent
        begun.pending_events[0].__dict__["originator_id"] = absent
        work.save(begun)

    def decide(work: Work) -> None:
        seen.append(work.find(Notebook, absent) is None)
        work.rely_on(absent)
        if len(seen) == 1:
            app.decide(context(), begin)
        work.schedule("close", str(absent), NOON)

    app.decide(context(), decide)

    assert seen == [True, False]


def test_it_never_shares_a_batch_with_whoever_writes_what_it_relies_on(
    app: Probe, stores: Databases
) -> None:
    """Both wait for the same commit: a batch asks its conditions before it stores anything."""
    relied_on = opened(app)
    holder = psycopg2.connect(stores.dsn("probe", "committer"))
    order: list[str] = []

    def rely(work: Work) -> None:
        found = work.get(Notebook, relied_on)
        work.rely_on(relied_on)
        order.append(f"saw {len(found.lines)}")
        work.schedule("close", str(relied_on), NOON)

    with ThreadPoolExecutor(3) as pool, holder.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        leading = pool.submit(opened, app)
        eventually(lambda: app._log._led)
        line = WriteLine(notebook_id=relied_on, text="a line")
        writing = pool.submit(app.run, line, context())
        eventually(lambda: len(app._log._queue) == 1)
        relying = pool.submit(app.decide, context(), rely)
        eventually(lambda: len(app._log._queue) == 2)
        holder.rollback()
        cursor.execute("SELECT pg_advisory_unlock_all()")
        for done in (leading, writing, relying):
            done.result(timeout=20)
    holder.close()

    assert order == ["saw 0", "saw 1"]


def test_published_messages_come_in_order_each_naming_the_one_before(app: Probe) -> None:
    first, second = opened(app), opened(app)
    app.run(WriteLine(notebook_id=first, text="private"), context())
    third = opened(app)

    found = app.messages_after(0, 10)

    assert [(p.position, p.previous, p.stream_id) for p in found] == [
        (1, 0, first),
        (2, 1, second),
        (4, 2, third),
    ]
    assert [p.position for p in app.messages_after(1, 1)] == [2]
    assert found[0].message == NotebookOpened(notebook_id=first)
    assert found[0].time == NOON


def test_a_survivor_reads_only_their_own_rows(app: Probe) -> None:
    mine, other = uuid4(), uuid4()
    opened(app, mine)
    opened(app, other)
    survivor = context(Principal.survivor(mine))

    with pytest.raises(NotAllowed):
        app.run(GetLines(participation_id=other), survivor)

    assert app.run(GetLines(participation_id=mine), survivor).state == "1"  # type: ignore[attr-defined]
    assert app.run(GetLines(participation_id=other), context()).state == "1"  # type: ignore[attr-defined]
    assert app.read("SELECT * FROM notebooks", (), uuid4()) == []


READERS = {
    "survivor": Principal.survivor(uuid4()),
    "staff": Principal.staff(uuid4(), "advocate", uuid4()),
    "agency": Principal.agency(uuid4()),
    "service": Principal.service("intake"),
    "anyone": Principal.anyone(),
    "system": Principal.system("probe"),
}


@pytest.mark.parametrize("who", READERS)
def test_a_read_that_names_nobody_shows_nobody(app: Probe, who: str) -> None:
    opened(app)
    opened(app)

    assert app.run(CountNotebooks(), context(READERS[who])).state == "0"  # type: ignore[attr-defined]
    assert app.read("SELECT * FROM notebooks") == []


@pytest.mark.parametrize("who", ["staff", "service", "system"])
def test_a_read_of_everybody_is_asked_for_by_name(app: Probe, who: str) -> None:
    opened(app)
    opened(app)

    answer = app.run(CountNotebooks(everybody=True), context(READERS[who]))

    assert answer.state == "2"  # type: ignore[attr-defined]


@pytest.mark.parametrize("who", ["survivor", "agency", "anyone"])
def test_whoever_is_from_outside_never_reads_everybody(app: Probe, who: str) -> None:
    with pytest.raises(NotAllowed):
        app.run(CountNotebooks(everybody=True), context(READERS[who]))


def test_where_nobody_is_known_to_be_reading_everybody_is_refused(app: Probe) -> None:
    with pytest.raises(NotAllowed):
        app.read("SELECT * FROM notebooks", everybody=True)


def test_without_its_settings_the_query_role_sees_no_row(app: Probe, stores: Databases) -> None:
    opened(app)
    connection = psycopg2.connect(stores.dsn("probe", "query"))
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM notebooks")
        assert cursor.fetchone() == (0,)
    connection.close()


def test_two_replicas_share_one_log(app: Probe, stores: Databases) -> None:
    other = Probe(edge(stores.role("probe"), app.edge.keys))  # type: ignore[arg-type]
    notebook_id = opened(app)
    other.run(WriteLine(notebook_id=notebook_id, text="from the other"), context())
    found = app.aggregate(notebook_id)
    other.close()
    assert isinstance(found, Notebook)
    assert len(found.lines) == 1


def test_a_replica_that_was_alone_for_long_notices_that_it_is_not(
    app: Probe, stores: Databases
) -> None:
    """It guesses where the log ends, and the guess is wrong: nothing collides, nothing is lost."""
    other = Probe(edge(stores.role("probe")))
    for _ in range(3):
        for _ in range(ALONE + 3):
            opened(app)
        assert app._log._alone == ALONE
        opened(other)
        opened(app)
        assert app._log._alone < ALONE
    other.close()
    rows = app.committer.query("SELECT position, previous FROM events ORDER BY position")
    assert rows == [(n, n - 1) for n in range(1, 3 * (ALONE + 5) + 1)]


def test_who_guesses_repeats_loses_and_skips_as_everybody_does(app: Probe) -> None:
    command, ctx = OpenNotebook(participation_id=uuid4()), context(message=("intake", 7))
    answer = app.run(command, ctx)
    lost = opened(app)

    def alone() -> None:
        while app._log._alone < ALONE:
            opened(app)

    alone()
    assert app.run(command, ctx).notebook_id == answer.notebook_id  # type: ignore[attr-defined]
    alone()
    with pytest.raises(AlreadyDone):
        app.react(
            NotebookOpened(notebook_id=uuid4()), context(command_id=None, message=("intake", 7))
        )
    alone()
    app.meanwhile = lambda: app.run(WriteLine(notebook_id=lost, text="first"), context()) and None
    with pytest.raises(ChangedMeanwhile):
        app.run(WriteLine(notebook_id=lost, text="second"), context())
    assert count(app, "commands") == count(app, "events")


def test_a_log_that_lost_its_end_gets_no_hole(app: Probe) -> None:
    """The server came back from a copy that is behind; this process remembers more."""
    for _ in range(ALONE + 2):
        opened(app)
    app._log._end = app._log._end._replace(last=99)
    opened(app)
    [(last, events)] = app.committer.query("SELECT max(position), count(*) FROM events")
    assert last == events


def test_a_repeat_gets_its_first_result_whatever_became_of_what_it_was_about(app: Probe) -> None:
    notebook = opened(app)
    write, written = WriteLine(notebook_id=notebook, text="one"), context()
    first = app.run(write, written)
    app.run(CloseNotebook(notebook_id=notebook), context())
    assert app.run(write, written) == first
    with pytest.raises(NotAllowed):
        app.run(write, context())


def test_whoever_is_told_of_what_was_stored_is_told_whether_others_hear_of_it(
    stores: Databases,
) -> None:
    rings: list[bool] = []
    app = Probe(replace(edge(stores.role("probe")), stored=rings.append))
    notebook_id = opened(app)
    app.run(WriteLine(notebook_id=notebook_id, text="one"), context())
    app.run(CloseNotebook(notebook_id=notebook_id), context())
    app.run(CloseNotebook(notebook_id=notebook_id), context())
    with pytest.raises(NotAllowed):
        app.run(WriteLine(notebook_id=notebook_id, text="two"), context())
    app.run(CountNotebooks(everybody=True), context())
    assert rings == [True, False, False], "one that others hear of, two that they do not"
    app.close()
