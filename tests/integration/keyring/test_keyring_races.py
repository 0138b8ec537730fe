"""Erasures that overlap, with one another and with the making of keys, on a real PostgreSQL.

What was said before an erasure was stored is unreadable after it: whatever key
it was sealed under, and whoever else was erasing at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from threading import Barrier, Event
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest

from services.keyring.adapters.vault import KeyRow, Vault
from shared.contracts.keyring import ConfirmForgotten, DataKeyById, DestroyKeys
from shared.sealing.keys import KeyDestroyed
from tests.integration.keyring.conftest import Desk
from tests.support.postgres import Databases

ROUNDS = 150
STAGES = ("picked", "erased", "completed", "spoken")
_LONG = 30


class Paused:
    """A vault that is left alone after it has named the key which an erasure will destroy."""

    def __init__(self, vault: Vault, then: Callable[[], None]) -> None:
        self._vault, self._then = vault, then

    def live(self, fresh: KeyRow) -> UUID:
        picked = self._vault.live(fresh)
        self._then()
        return picked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


@dataclass
class Lent:
    """A key, and the last position of the log when whoever asked already had it."""

    key_id: UUID
    position: int


@dataclass
class Replicas:
    """Two keyrings over one database."""

    one: Desk
    other: Desk
    database: Databases
    lent: list[Lent] = field(default_factory=list)

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        dsn = self.database.dsn("keyring", "superuser")
        with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def speaks(self, desk: Desk, person: UUID, holder: UUID) -> None:
        """Somebody takes a key to seal words with, unless the class is being erased."""
        try:
            opened = desk.open(person, holder=holder)
        except KeyDestroyed:
            return
        ((position,),) = self.rows("SELECT coalesce(max(position), 0) FROM events")
        self.lent.append(Lent(opened.key_id, position))

    def outlived(self, erasure_id: UUID) -> list[UUID]:
        """Keys that were in use before the erasure was stored and can still be opened."""
        ((stored_at,),) = self.rows(
            "SELECT position FROM events WHERE originator_id = %s AND originator_version = 1",
            (str(erasure_id),),
        )
        return [k.key_id for k in self.lent if k.position < stored_at and self.opens(k.key_id)]

    def opens(self, key_id: UUID) -> bool:
        try:
            self.one.ask("intake", DataKeyById(key_id=key_id, holder=uuid4()))
        except KeyDestroyed:
            return False
        return True


def erase(desk: Desk, person: UUID, erasure_id: UUID) -> None:
    asked = DestroyKeys(erasure_id=erasure_id, participation_id=person, record_classes=("needs",))
    desk.ask("intake", asked, uuid4())


@pytest.fixture
def replicas(desk: Desk, database: Databases) -> Iterator[Replicas]:
    other = desk.again()
    yield Replicas(desk, other, database)
    other.app.close()


def overlapping(replicas: Replicas, stage: str) -> list[UUID]:
    """One erasure names its key; before it is stored, another goes as far as ``stage``."""
    person, holder = uuid4(), uuid4()
    first, second = uuid4(), uuid4()
    replicas.lent.clear()
    replicas.speaks(replicas.one, person, holder)
    picked, go_on = Event(), Event()

    def then() -> None:
        picked.set()
        assert go_on.wait(_LONG)

    vault = replicas.other.app._vault
    replicas.other.app._vault = Paused(vault, then)  # type: ignore[assignment]

    def reach(reached: str) -> None:
        if reached == stage:
            go_on.set()

    with ThreadPoolExecutor(1) as pool:
        erasing = pool.submit(erase, replicas.other, person, second)
        assert picked.wait(_LONG)
        reach("picked")
        erase(replicas.one, person, first)
        reach("erased")
        confirm = ConfirmForgotten(erasure_id=first, service="intake", holder=holder)
        replicas.one.ask("intake", confirm, uuid4())
        reach("completed")
        replicas.speaks(replicas.one, person, holder)
        reach("spoken")
        erasing.result(_LONG)
    replicas.other.app._vault = vault
    outlived = replicas.outlived(first) + replicas.outlived(second)
    replicas.one.later(61)
    states = replicas.rows(
        "SELECT count(*) FROM erased WHERE participation_id = %s AND completed_at IS NULL",
        (str(person),),
    )
    assert states == [(0,)]
    return outlived


def test_an_erasure_ends_the_key_that_another_erasure_made_room_for(replicas: Replicas) -> None:
    assert overlapping(replicas, "spoken") == []


def test_overlapping_erasures_leave_no_word_said_before_them_readable(replicas: Replicas) -> None:
    chance = Random(20_260_301)
    stages = [chance.choice(STAGES) for _ in range(ROUNDS)]
    assert [stage for stage in stages if overlapping(replicas, stage)] == []


def test_an_erasure_beside_the_making_of_a_key_leaves_no_earlier_word_readable(
    replicas: Replicas,
) -> None:
    spoken_again = 0
    with ThreadPoolExecutor(4) as pool:
        for _ in range(ROUNDS):
            person, holder, erasure_id = uuid4(), uuid4(), uuid4()
            replicas.lent.clear()
            ready = Barrier(4)

            def together(
                do: Callable[..., None], *given: Any, ready: Barrier = ready
            ) -> Callable[[], None]:
                def started() -> None:
                    ready.wait(_LONG)
                    do(*given)

                return started

            at_once = [
                together(replicas.speaks, replicas.one, person, holder),
                together(replicas.speaks, replicas.other, person, holder),
                together(erase, replicas.other, person, erasure_id),
                together(replicas.speaks, replicas.one, person, holder),
            ]
            for done in [pool.submit(one) for one in at_once]:
                done.result(_LONG)
            assert replicas.outlived(erasure_id) == []
            # Every key that is destroyed and was in a hand is on the list of loans.
            held = replicas.rows(
                "SELECT count(*) FROM lease WHERE key_id = ANY(%s::uuid[])",
                ([str(one.key_id) for one in replicas.lent],),
            )
            assert held[0][0] >= len({one.key_id for one in replicas.lent})
            replicas.one.later(61)
            replicas.speaks(replicas.one, person, holder)
            spoken_again += replicas.opens(replicas.lent[-1].key_id)
    assert spoken_again == ROUNDS
