"""Broken promises, planted by hand into databases at rest: the checker must find each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.chaos.checker import Books

Connect = Callable[[str], Any]
Plant = Callable[[Connect], None]


class Kept:
    """A connection that whoever is given it may close as often as they like."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def cursor(self) -> Any:
        return self._connection.cursor()

    def close(self) -> None:
        return


@contextmanager
def undone(connect: Connect) -> Iterator[Connect]:
    """Connections in which everything can be changed, and of which nothing stays."""
    opened: dict[str, Any] = {}

    def connection(service: str) -> Kept:
        if service not in opened:
            opened[service] = connect(service)
        return Kept(opened[service])

    try:
        yield connection
    finally:
        for one in opened.values():
            one.rollback()
            one.close()


def _run(connect: Connect, service: str, *statements: str) -> None:
    cursor = connect(service).cursor()
    for statement in statements:
        cursor.execute(statement)
        assert cursor.rowcount != 0, statement


def _changing(connect: Connect, service: str, *statements: str) -> None:
    """With the triggers away that refuse any change of a log."""
    table = "leaves" if service == "audit" else "events"
    connect(service).cursor().execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    _run(connect, service, *statements)


def an_end_before_a_disclosure(connect: Connect) -> None:
    """What opened a release under which something was disclosed was its end."""
    _changing(
        connect,
        "consent",
        "UPDATE events SET topic = replace(topic, 'GrantGiven', 'GrantRevoked')"
        " WHERE topic LIKE '%.GrantGiven' AND originator_id IN"
        " (SELECT originator_id FROM events WHERE topic LIKE '%.DisclosureMade')",
    )


def an_end_before_a_taking(connect: Connect) -> None:
    """A disclosure in whose release something was taken was its end: the last before the taking."""
    _changing(
        connect,
        "consent",
        "UPDATE events SET topic = replace(topic, 'DisclosureMade', 'GrantRevoked')"
        " WHERE position = (SELECT max(made.position) FROM events made JOIN events taken"
        " ON taken.originator_id = made.originator_id"
        " AND taken.originator_version = made.originator_version + 1"
        " WHERE made.topic LIKE '%.DisclosureMade' AND taken.topic LIKE '%.DisclosureTaken')",
    )


def a_taking_gone(connect: Connect) -> None:
    """Words went out on a word of consent that nothing put on record."""
    _changing(
        connect,
        "consent",
        "DELETE FROM events WHERE position ="
        " (SELECT max(position) FROM events WHERE topic LIKE '%.DisclosureTaken')",
    )


def inbox_row_gone(connect: Connect) -> None:
    _run(connect, "consent", "DELETE FROM inbox WHERE producer = 'intake'")


def inbox_moved_on(connect: Connect) -> None:
    _run(connect, "intake", "UPDATE inbox SET position = position - 1 WHERE producer = 'consent'")


def set_aside(connect: Connect) -> None:
    row = "INSERT INTO parked VALUES ('intake', 1, 's', '{}', 'planted', now(), 1)"
    _run(connect, "notifications", row)


def relay_behind(connect: Connect) -> None:
    _run(connect, "consent", "UPDATE relay SET cursor = 0, last_published = 0")


def applied_twice(connect: Connect) -> None:
    """The same message noted in another stream, at the end of the log."""
    again = (
        "INSERT INTO events SELECT (SELECT max(position) + 1 FROM events), gen_random_uuid(), 1,"
        " topic, state, NULL FROM events WHERE topic LIKE '%:Note.Noted' ORDER BY position LIMIT 1"
    )
    _run(connect, "intake", again)


def effect_gone(connect: Connect) -> None:
    """A message was consumed, and what it should have led to is something else."""
    nothing = (
        "UPDATE events SET topic = 'services.intake.domain.timeline:Note.Nothing'"
        " WHERE position = (SELECT max(position) FROM events WHERE topic LIKE '%:Note.Noted')"
    )
    _changing(connect, "intake", nothing)


def reordered(connect: Connect) -> None:
    """What a release's end led to before what its beginning led to."""
    first, last = _given_and_revoked(connect)
    _changing(
        connect,
        "intake",
        f"UPDATE events SET position = 1000000000 WHERE position = {first}",
        f"UPDATE events SET position = {first} WHERE position = {last}",
        f"UPDATE events SET position = {last} WHERE position = 1000000000",
    )


def let_go_before_known(connect: Connect) -> None:
    """Another effect of the same stream comes first: whoever was let go stays known for ever."""
    known, gone = _known_and_gone(connect)
    _changing(
        connect,
        "consent",
        "UPDATE events SET topic = other.topic, state = other.state FROM events other"
        f" WHERE (events.position, other.position) IN (({known}, {gone}), ({gone}, {known}))",
    )


def command_gone(connect: Connect) -> None:
    _run(connect, "consent", "DELETE FROM commands WHERE method = 'give_grant'")


def answered_otherwise(connect: Connect) -> None:
    other = """UPDATE commands SET result = '{"ok": {"state": "planted"}}'"""
    _run(connect, "consent", f"{other} WHERE method = 'revoke_grant'")


def decision_gone(connect: Connect) -> None:
    """The command is there, and what it decided is not."""
    _changing(
        connect,
        "notifications",
        "UPDATE events SET state = convert_to(replace(convert_from(state, 'UTF8'),"
        " '\"command_id\"', '\"planted\"'), 'UTF8') WHERE topic LIKE '%:TopicChoice.%'",
    )


def hole(connect: Connect) -> None:
    _changing(connect, "intake", "DELETE FROM events WHERE position = 3")


def link_broken(connect: Connect) -> None:
    _changing(
        connect,
        "consent",
        "UPDATE events SET previous = 0 WHERE position ="
        " (SELECT max(position) FROM events WHERE previous IS NOT NULL)",
    )


def leaf_gone(connect: Connect) -> None:
    _changing(connect, "audit", "DELETE FROM leaves WHERE service = 'intake' AND position = 2")


def leaf_twice(connect: Connect) -> None:
    _changing(
        connect,
        "audit",
        "ALTER TABLE leaves DROP CONSTRAINT leaves_service_position_key",
        "INSERT INTO leaves SELECT (SELECT max(index) + 1 FROM leaves), entry, service, position,"
        " random, record FROM leaves WHERE service = 'consent' AND position = 1",
    )


def _given_and_revoked(connect: Connect) -> tuple[int, int]:
    """Where intake noted the beginning and the end of one release."""
    books = Books(connect)
    noted = {e.causation: e.position for e in books.logs["intake"] if e.name == "Note.Noted"}
    given = {
        e.stream: noted[f"consent/{e.position}"]
        for e in books.logs["consent"]
        if e.name == "Grant.GrantGiven"
    }
    return next(
        (given[e.stream], noted[f"consent/{e.position}"])
        for e in books.logs["consent"]
        if e.name == "Grant.GrantRevoked"
    )


def _known_and_gone(connect: Connect) -> tuple[int, int]:
    """Where consent heard that somebody has an advocate, and that they let them go."""
    log = Books(connect).logs["consent"]
    known = {e.stream: e.position for e in log if e.name == "Accompaniment.AdvocateKnown"}
    gone = {e.stream: e.position for e in log if e.name == "Accompaniment.AdvocateGone"}
    return next((known[stream], gone[stream]) for stream in known if stream in gone)


PLANTS: dict[Plant, tuple[str, str]] = {
    inbox_row_gone: ("lost", "consent heard 0 of"),
    inbox_moved_on: ("lost", "intake heard"),
    set_aside: ("lost", "notifications has 1 parked"),
    relay_behind: ("lost", "consent announced 0 of"),
    applied_twice: ("twice", "intake has effects of"),
    effect_gone: ("lost", "intake has Note.Noted of"),
    reordered: ("reordered", "intake has Note.Noted of consent/"),
    let_go_before_known: ("reordered", "consent has Accompaniment.AdvocateGone of intake/"),
    command_gone: ("lost", "was acknowledged, and is not stored"),
    answered_otherwise: ("inconsistent", "was answered otherwise than it is stored"),
    decision_gone: ("lost", "was acknowledged, and no event says so"),
    hole: ("lost", "intake/4 where position 3 is due"),
    link_broken: ("lost", "names 0 and not"),
    leaf_gone: ("lost", "the ledger of intake: without [2]"),
    leaf_twice: ("twice", "the ledger of consent: without []"),
}
"""What is planted → what must be found: its kind, and words of it."""
