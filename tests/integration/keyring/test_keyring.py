"""Keys are given on loan to the services they concern, and destroyed for good."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from services.keyring.adapters.vault import Borrower, Vault
from services.keyring.application import LEASE
from shared.contracts.keyring import ConfirmForgotten, DataKeyById, DestroyKeys, OpenDataKey
from shared.contracts.refusal import NotAllowed, NotFound, Refused
from shared.eventstore.rebuild import rebuild
from shared.identity.principal import Principal
from shared.sealing.keys import KeyDestroyed, KeyNotYours
from tests.integration.keyring.conftest import Desk, secret_of
from tests.support.eventually import eventually
from tests.support.postgres import Databases

DESTROYED = "keyring.erasure.keys_destroyed.v1"
COMPLETED = "keyring.erasure.completed.v1"


def rows(database: Databases, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(database.dsn("keyring", "superuser"))) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(sql, params)
        return list(cursor.fetchall()) if cursor.description else []


def by_id(desk: Desk, key_id: UUID, service: str = "intake") -> Any:
    return desk.ask(service, DataKeyById(key_id=key_id, holder=uuid4()))


# -- on loan ----------------------------------------------------------------------------------


def test_a_key_is_made_once_and_then_always_the_same(desk: Desk) -> None:
    person = uuid4()
    first = desk.open(person)
    assert desk.open(person) == first
    assert by_id(desk, first.key_id) == first
    assert len(secret_of(first)) == 32


def test_people_and_classes_share_no_key(desk: Desk) -> None:
    one, other = uuid4(), uuid4()
    opened = [desk.open(one), desk.open(other), desk.open(one, "contact")]
    assert len({o.key_id for o in opened}) == len({o.secret for o in opened}) == 3


def test_a_key_made_by_two_at_the_same_moment_is_one_key(desk: Desk) -> None:
    person = uuid4()
    with ThreadPoolExecutor(6) as pool:
        opened = list(pool.map(lambda _: desk.open(person), range(12)))
    assert len({o.key_id for o in opened}) == 1
    assert len({o.secret for o in opened}) == 1


def test_keys_survive_a_restart_and_are_kept_wrapped(desk: Desk, database: Databases) -> None:
    opened = desk.open(uuid4())
    restarted = desk.again()
    assert by_id(restarted, opened.key_id) == opened
    restarted.app.close()
    ((wrapped, version),) = rows(database, "SELECT wrapped_dek, kek_version FROM data_key")
    assert secret_of(opened) not in bytes(wrapped)
    assert version == 1


def test_a_service_opens_only_the_classes_of_its_contract(desk: Desk) -> None:
    person = uuid4()
    contact = desk.open(person, "contact")
    asked = OpenDataKey(participation_id=person, record_class="contact", holder=uuid4())
    for service in ("intake", "consent", "keyring", "nobody"):
        with pytest.raises(KeyNotYours):
            desk.ask(service, asked)
        with pytest.raises(KeyNotYours):
            by_id(desk, contact.key_id, service)


@pytest.mark.parametrize(
    "principal",
    [
        Principal.survivor(uuid4()),
        Principal.staff(uuid4(), "advocate", uuid4()),
        Principal.agency(uuid4()),
        Principal.anyone(),
        Principal.system("intake"),
    ],
    ids=lambda p: p.kind,
)
def test_nobody_but_a_service_gets_a_key(desk: Desk, principal: Principal) -> None:
    opened = desk.open(uuid4())
    for request in (
        OpenDataKey(participation_id=uuid4(), record_class="needs", holder=uuid4()),
        DataKeyById(key_id=opened.key_id, holder=uuid4()),
    ):
        with pytest.raises(NotAllowed):
            desk.app.run(request, desk.context(principal))


def test_an_unknown_key_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        by_id(desk, uuid4())


def test_a_newer_wrapping_key_takes_over_as_keys_are_opened(
    desk: Desk, database: Databases
) -> None:
    opened = desk.open(uuid4())
    rotated = desk.again(secrets={"kek": b"1" * 32, "kek_2": b"2" * 32})
    assert by_id(rotated, opened.key_id) == opened
    assert rows(database, "SELECT kek_version FROM data_key") == [(2,)]
    rotated.app.close()
    retired = desk.again(secrets={"kek_2": b"2" * 32})
    assert by_id(retired, opened.key_id) == opened
    retired.app.close()


# -- erasure ----------------------------------------------------------------------------------


def test_a_destroyed_key_opens_for_nobody_and_no_new_one_is_lent_while_it_is_erased(
    desk: Desk, database: Databases
) -> None:
    person = uuid4()
    needs, contact = desk.open(person), desk.open(person, "contact")
    desk.wish(person, "needs")
    for asked in (lambda: desk.open(person), lambda: by_id(desk, needs.key_id)):
        with pytest.raises(KeyDestroyed):
            asked()
    assert by_id(desk, contact.key_id, "notifications") == contact
    found = rows(
        database,
        "SELECT wrapped_dek, kek_version FROM data_key WHERE key_id = %s",
        (str(needs.key_id),),
    )
    assert found == [(None, None)]


def test_whoever_was_erased_may_speak_again_under_a_new_key(
    desk: Desk, database: Databases
) -> None:
    person = uuid4()
    first = desk.open(person)
    desk.wish(person)
    desk.later(61)

    second = desk.open(person)

    assert second == desk.open(person) == by_id(desk, second.key_id)
    assert (second.key_id, second.secret) != (first.key_id, first.secret)
    with pytest.raises(KeyDestroyed):
        by_id(desk, first.key_id)
    assert rows(
        database,
        "SELECT key_id::text, wrapped_dek IS NULL FROM data_key WHERE destroyed_at IS NOT NULL",
    ) == [(str(first.key_id), True)]


def test_a_second_erasure_ends_the_new_key_too(desk: Desk) -> None:
    person = uuid4()
    keys = []
    for _ in range(3):
        keys.append(desk.open(person).key_id)
        desk.wish(person)
        desk.later(61)
    assert len(set(keys)) == 3
    assert desk.told() == [DESTROYED, COMPLETED] * 3
    for key_id in keys:
        with pytest.raises(KeyDestroyed):
            by_id(desk, key_id)


def test_only_one_key_of_a_subject_lives(desk: Desk, database: Databases) -> None:
    opened = desk.open(uuid4())
    with pytest.raises(psycopg2.errors.UniqueViolation):
        rows(
            database,
            "INSERT INTO data_key (participation_id, record_class, key_id, wrapped_dek,"
            " kek_version) VALUES (%s, 'needs', %s, 'x', 1)",
            (str(opened.participation_id), str(uuid4())),
        )


def test_a_class_never_used_is_closed_too_while_it_is_erased(desk: Desk) -> None:
    person = uuid4()
    desk.wish(person, "needs", "letters")
    with pytest.raises(KeyDestroyed):
        desk.open(person)


def test_without_holders_an_erasure_is_complete_at_the_next_look(desk: Desk) -> None:
    desk.wish(uuid4())
    assert desk.told() == [DESTROYED]
    desk.later(0)
    assert desk.told() == [DESTROYED, COMPLETED]


def test_it_is_complete_when_the_last_loan_has_run_out_and_not_before(desk: Desk) -> None:
    person, holder = uuid4(), uuid4()
    desk.open(person, holder=holder)
    desk.later(30)
    desk.open(person, holder=holder)
    desk.later(5)
    desk.wish(person)
    desk.later(0)
    desk.later(54)
    assert desk.told() == [DESTROYED]
    desk.later(1)
    assert desk.told() == [DESTROYED, COMPLETED]


def test_it_is_complete_as_soon_as_every_holder_has_confirmed(desk: Desk) -> None:
    person, here, there = uuid4(), uuid4(), uuid4()
    desk.open(person, holder=here)
    desk.open(person, holder=there)
    desk.open(person, "contact", holder=here)
    erasure_id = desk.wish(person, "needs", "contact")
    desk.later(0)

    def confirm(service: str, holder: UUID) -> str:
        asked = ConfirmForgotten(erasure_id=erasure_id, service=service, holder=holder)
        return desk.ask(service, asked, uuid4()).model_dump()["state"]

    assert confirm("intake", here) == "keys_destroyed"
    assert confirm("intake", there) == "keys_destroyed"
    assert confirm("notifications", here) == "complete"
    assert confirm("notifications", here) == "complete"
    assert desk.told() == [DESTROYED, COMPLETED]
    desk.later(120)
    assert desk.told() == [DESTROYED, COMPLETED]


def test_nobody_confirms_for_another_service(desk: Desk) -> None:
    person, holder = uuid4(), uuid4()
    desk.open(person, holder=holder)
    erasure_id = desk.wish(person)
    asked = ConfirmForgotten(erasure_id=erasure_id, service="intake", holder=holder)
    with pytest.raises(NotAllowed):
        desk.ask("consent", asked, uuid4())
    desk.later(0)
    assert desk.told() == [DESTROYED]


def test_an_unknown_erasure_is_not_confirmed(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.ask(
            "intake",
            ConfirmForgotten(erasure_id=uuid4(), service="intake", holder=uuid4()),
            uuid4(),
        )


def test_the_same_wish_again_changes_nothing_and_another_under_its_id_is_refused(
    desk: Desk,
) -> None:
    person, erasure_id = uuid4(), uuid4()

    def destroy(*classes: str) -> str:
        asked = DestroyKeys(erasure_id=erasure_id, participation_id=person, record_classes=classes)
        return desk.ask("intake", asked, uuid4()).model_dump()["state"]

    assert destroy("needs", "contact") == "keys_destroyed"
    assert destroy("contact", "needs", "needs") == "keys_destroyed"
    desk.later(0)
    assert destroy("needs", "contact") == "complete"
    assert desk.told() == [DESTROYED, COMPLETED]
    with pytest.raises(Refused) as refused:
        destroy("letters")
    assert refused.value.code == "another_erasure"


def test_two_erasures_of_one_person_both_come_to_their_end(desk: Desk) -> None:
    person = uuid4()
    desk.open(person)
    desk.wish(person, "needs")
    desk.wish(person, "needs", "contact")
    desk.later(61)
    assert desk.told() == [DESTROYED, DESTROYED, COMPLETED, COMPLETED]


def test_whoever_got_a_key_while_it_was_destroyed_is_waited_for(
    desk: Desk, database: Databases
) -> None:
    """Many processes open and one erases: a key in somebody's hands is a loan on the list."""
    for _ in range(8):
        person = uuid4()
        desk.open(person, holder=UUID(int=0))

        def borrow(n: int, person: UUID = person) -> UUID | None:
            holder = UUID(int=n)
            try:
                desk.open(person, holder=holder)
            except KeyDestroyed:
                return None
            return holder

        with ThreadPoolExecutor(6) as pool:
            borrowed = [pool.submit(borrow, n) for n in range(1, 4)]
            erased = pool.submit(desk.wish, person)
            borrowed += [pool.submit(borrow, n) for n in range(4, 8)]
            erased.result()
            got = {holder for future in borrowed if (holder := future.result())}
        assert not rows(
            database,
            "SELECT 1 FROM lease JOIN data_key USING (key_id)"
            " WHERE participation_id = %s AND destroyed_at IS NULL",
            (str(person),),
        )
        known = rows(
            database,
            "SELECT holder FROM lease JOIN data_key USING (key_id) WHERE participation_id = %s",
            (str(person),),
        )
        assert {UUID(str(holder)) for (holder,) in known} == got | {UUID(int=0)}


def test_a_destruction_waits_for_a_loan_that_is_being_written(
    desk: Desk, database: Databases
) -> None:
    """Else it could be complete while a key is on its way into somebody's hands."""
    person = uuid4()
    known = desk.open(person, holder=UUID(int=0))
    desk.later(120)
    with closing(psycopg2.connect(database.dsn("keyring", "committer"))) as connection:
        lending = Vault(HalfDone(connection))
        borrower = Borrower("intake", UUID(int=1), desk.now + LEASE)
        assert lending.lend(known.key_id, borrower).wrapped is not None
        with ThreadPoolExecutor(1) as pool:
            erased = pool.submit(desk.wish, person)
            eventually(
                lambda: rows(
                    database,
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                    " AND cardinality(pg_blocking_pids(pid)) > 0",
                )
            )
            assert desk.told() == []
            connection.commit()
            erased.result()
    desk.later(0)
    assert desk.told() == [DESTROYED]
    desk.later(60)
    assert desk.told() == [DESTROYED, COMPLETED]


class HalfDone:
    """A connection whose transaction has not ended yet."""

    def __init__(self, connection: Any) -> None:
        self._cursor = connection.cursor()

    def query(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql, params)
        return list(self._cursor.fetchall())

    def execute(self, sql: str, params: tuple[Any, ...] = ()) -> int:
        self._cursor.execute(sql, params)
        return int(self._cursor.rowcount)


# -- the log and what is kept beside it -------------------------------------------------------


def test_no_key_is_ever_in_the_log_or_among_stored_answers(desk: Desk, database: Databases) -> None:
    opened = desk.open(uuid4())
    desk.wish(opened.participation_id)
    desk.later(61)
    stored = "".join(
        str(row) for row in rows(database, "SELECT encode(state, 'escape') FROM events")
    ) + "".join(str(row) for row in rows(database, "SELECT result::text FROM commands"))
    assert "needs" in stored
    assert opened.secret not in stored
    assert secret_of(opened).hex() not in stored


def test_keys_that_a_restore_brings_back_are_destroyed_before_any_is_given_out(
    desk: Desk, database: Databases
) -> None:
    person, unused = uuid4(), uuid4()
    opened = desk.open(person)
    backup = rows(database, "SELECT wrapped_dek, kek_version FROM data_key")[0]
    desk.wish(person)
    desk.wish(unused)
    # An older copy of the keys is put back beside the log.
    rows(
        database,
        "UPDATE data_key SET wrapped_dek = %s, kek_version = %s, destroyed_at = NULL"
        " WHERE participation_id = %s",
        (*backup, str(person)),
    )
    rows(database, "DELETE FROM data_key WHERE participation_id = %s", (str(unused),))
    restored = desk.again()
    for asked in (
        lambda: by_id(restored, opened.key_id),
        lambda: restored.open(person),
        lambda: restored.open(unused),
    ):
        with pytest.raises(KeyDestroyed):
            asked()
    restored.app.close()


def test_a_restore_destroys_the_named_keys_and_leaves_the_newer_one(
    desk: Desk, database: Databases
) -> None:
    person = uuid4()
    first = desk.open(person)
    desk.wish(person)
    desk.later(61)
    newer = desk.open(person)
    rows(database, "DELETE FROM lease")
    rows(database, "DELETE FROM data_key WHERE key_id = %s", (str(first.key_id),))

    restored = desk.again()

    assert restored.open(person) == newer
    with pytest.raises(KeyDestroyed):
        by_id(restored, first.key_id)
    restored.app.close()


def test_a_rebuild_folds_the_same_list_and_touches_no_key(desk: Desk, database: Databases) -> None:
    kept = desk.open(uuid4())
    desk.wish(uuid4(), "needs", "contact")
    desk.later(0)
    before = rows(database, "SELECT * FROM erased ORDER BY erasure_id, record_class")
    assert rebuild(type(desk.app), database.dsn("keyring", "owner")) == 2
    assert rows(database, "SELECT * FROM erased ORDER BY erasure_id, record_class") == before
    assert len(before) == 2
    assert by_id(desk, kept.key_id) == kept


@pytest.mark.parametrize("table", ["data_key", "lease"])
@pytest.mark.parametrize("role", ["query", "relay", "audit"])
def test_only_the_committer_reads_keys_and_loans(
    database: Databases, role: str, table: str
) -> None:
    with closing(psycopg2.connect(database.dsn("keyring", role))) as connection:
        cursor = connection.cursor()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(f"SELECT * FROM {table}")


def test_a_key_cannot_be_half_destroyed(database: Databases) -> None:
    with pytest.raises(psycopg2.errors.CheckViolation):
        rows(
            database,
            "INSERT INTO data_key (participation_id, record_class, key_id, wrapped_dek,"
            " kek_version, destroyed_at) VALUES (%s, 'needs', %s, 'x', 1, now())",
            (str(uuid4()), str(uuid4())),
        )
