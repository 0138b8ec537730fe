"""Which decisions may be stored without asking first, and in how many statements a batch is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from shared.eventstore.batch import CommandRow, Decision, End, Entry, inserts
from shared.eventstore.work import DueRow

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "condition",
    [
        Decision(due=DueRow("close", "1", NOON)),
        Decision(requires=(("SELECT true", ()),)),
        Decision(expects=(("SELECT true", ()),)),
        Decision(relies_on=((uuid4(), 3),)),
    ],
)
def test_a_condition_that_no_unique_key_tells_is_asked_beforehand(condition: Decision) -> None:
    assert not condition.is_told_by_keys
    assert Decision(message=("intake", 1)).is_told_by_keys


class Cursor:
    """Puts whole numbers and plain texts in their places."""

    def mogrify(self, sql: Any, params: tuple[Any, ...]) -> bytes:
        text = sql.decode() if isinstance(sql, bytes) else sql
        return (text % tuple(repr(each) for each in params)).encode()


ROW = "INSERT INTO pages (id, line) VALUES (%s, %s)"
ELSEWHERE = "INSERT INTO books (id, line) VALUES (%s, %s)"
UPSERT = "INSERT INTO counts (id) VALUES (%s) ON CONFLICT (id) DO NOTHING"


def stored(*statements: tuple[str, tuple[Any, ...]]) -> list[str]:
    """The statements that a batch with one of these in each decision comes to."""
    batch = [Decision(statements=(statement,)) for statement in statements]
    return inserts(Cursor(), batch, End(0, 0))[0].decode().split("; ")


def test_rows_of_one_table_that_follow_one_another_are_one_statement() -> None:
    assert stored((ROW, (1, "a")), (ROW, (2, "b"))) == [
        "INSERT INTO pages (id, line) VALUES (1, 'a'),(2, 'b')",
        "COMMIT",
    ]


def test_what_stands_between_two_rows_stays_between_them() -> None:
    update = ("UPDATE pages SET line = %s", ("c",))
    assert stored((ROW, (1, "a")), update, (ELSEWHERE, (2, "b")), (ROW, (2, "b"))) == [
        "INSERT INTO pages (id, line) VALUES (1, 'a')",
        "UPDATE pages SET line = 'c'",
        "INSERT INTO books (id, line) VALUES (2, 'b')",
        "INSERT INTO pages (id, line) VALUES (2, 'b')",
        "COMMIT",
    ]


def test_a_row_that_says_what_to_do_on_a_conflict_stays_a_statement_of_its_own() -> None:
    assert len(stored((UPSERT, (1,)), (UPSERT, (1,)))) == 3


@pytest.mark.parametrize("word", ["it's", "\\", "a b", "ü", "", "a\n", "%s"])
def test_whatever_could_hold_a_quote_goes_through_the_driver(word: str) -> None:
    asked = []

    class Driver(Cursor):
        def mogrify(self, sql: Any, params: tuple[Any, ...]) -> bytes:
            asked.extend(params)
            return b"<quoted>"

    entry = Entry(StoredEvent(uuid4(), 1, word, b""))
    text = inserts(Driver(), [Decision(entries=(entry,), message=(word, 7))], End(0, 0))[0]
    assert asked == [word, word]
    assert text.count(b"<quoted>") == 2
    command = CommandRow(word, uuid4(), word, b"'", word, word, NOON)
    asked.clear()
    inserts(Driver(), [Decision(command=command)], End(0, 0))
    assert asked == [word] * 4


def test_a_command_is_a_row_with_its_id_its_mark_and_its_time() -> None:
    id = UUID("11111111-1111-4111-8111-111111111111")
    command = CommandRow("staff:1", id, "open", b"'\\", None, "{}", NOON)
    text = inserts(Cursor(), [Decision(command=command)], End(0, 0))[0].decode()
    row = f"('staff:1','{id.hex}','open',E'\\\\x275c',None,'{{}}','2026-06-01T12:00:00+00:00')"
    assert text.split(" VALUES ")[1] == f"{row}; COMMIT"


def test_events_of_a_batch_are_one_statement_at_positions_that_follow() -> None:
    stream = UUID("11111111-1111-4111-8111-111111111111")
    entries = [Entry(StoredEvent(stream, n, "t", b"'\\"), published=n == 2) for n in (1, 2, 3)]
    batch = [Decision(entries=(entry,)) for entry in entries]
    text, given, end = inserts(Cursor(), batch, End(6, 4))
    assert given == [[7], [8], [9]]
    assert end == End(9, 8)
    assert text.decode().split(" VALUES ")[1] == (
        f"(7,'{stream.hex}',1,'t',E'\\\\x275c',NULL),(8,'{stream.hex}',2,'t',E'\\\\x275c',4),"
        f"(9,'{stream.hex}',3,'t',E'\\\\x275c',NULL); COMMIT"
    )
