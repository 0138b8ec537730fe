"""Messages on which a follower always fails: their streams stop, and no other.

Below the service, a trigger refuses what half of the messages lead to. Nothing of it
is in the service, which sees an error of its database like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from tests.chaos.platform import Platform
from tests.support.eventually import eventually

WHERE = "intake"
"""It notes what others tell, each message in a stream of its own."""

_PLANT = """
CREATE FUNCTION chaos_poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.topic LIKE '%:Note.Noted'
        AND get_byte(decode(md5(NEW.originator_id::text), 'hex'), 0) < 128
    THEN RAISE EXCEPTION 'poison';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER chaos_poison BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION chaos_poison();
ALTER TABLE events ENABLE ALWAYS TRIGGER chaos_poison
"""
_HEAL = """
DROP TRIGGER chaos_poison ON events;
DROP FUNCTION chaos_poison();
UPDATE parked SET retry_at = now()
"""
_POISONED = "SELECT count(*) FROM parked WHERE reason <> 'behind'"
_HELD_BACK = """
SELECT count(*) FROM (
    SELECT DISTINCT ON (producer, stream_id) reason FROM parked
    ORDER BY producer, stream_id, position
) first WHERE reason = 'behind'
"""


@contextmanager
def poisoned(platform: Platform) -> Iterator[None]:
    """As long as the block lasts; afterwards what was parked is tried again at once."""
    _run(platform, _PLANT)
    try:
        yield
    finally:
        _run(platform, _HEAL)


def met(platform: Platform) -> int:
    """How many messages were tried and failed."""
    return int(platform.value(WHERE, _POISONED))


def others_stopped(platform: Platform, within: float = 60.0) -> list[str]:
    """What stopped although it was not poisoned; empty where all the rest went on."""
    findings = []
    if behind := platform.value(WHERE, _HELD_BACK):
        findings.append(f"lost: {behind} streams are parked behind nothing")
    heads = {
        producer: platform.value(
            producer, "SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL"
        )
        for producer in ("consent", "notifications", "keyring")
    }

    def heard() -> bool:
        return all(
            platform.value(
                WHERE, f"SELECT coalesce(max(position), 0) FROM inbox WHERE producer = '{producer}'"
            )
            >= head
            for producer, head in heads.items()
        )

    try:
        eventually(heard, within=within)
    except AssertionError:
        findings.append(f"lost: within {within:g} s {WHERE} did not hear up to {heads}")
    return findings


def _run(platform: Platform, statements: str) -> None:
    connection: Any = platform.connection(WHERE)
    with closing(connection), connection, connection.cursor() as cursor:
        cursor.execute(statements)
