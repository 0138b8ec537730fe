"""Whatever a superuser changes by hand is found, and found where it is."""

from __future__ import annotations

import secrets
from pathlib import Path
from uuid import uuid4

import pytest

from services.audit.domain.leaf import PADDING, entry_of
from services.audit.domain.merkle import leaf_hash, root_of
from services.audit.formats.checkpoint import Checkpoint
from services.audit.formats.note import Signer
from tests.integration.ledger.world import World, a_state, a_stream

INSERT = (
    "INSERT INTO events (position, originator_id, originator_version, topic, state, previous)"
    " VALUES (%s, %s, %s, %s, %s, NULL)"
)


@pytest.fixture
def world(lived: World) -> World:
    """Every test here tampers with a past."""
    return lived


def leaf_of(world: World, service: str, position: int) -> int:
    where = f"service = '{service}' AND position = {position}"
    [(index,)] = world.rows(f"SELECT index FROM leaves WHERE {where}")
    return int(index)


def padding_of(world: World) -> int:
    where = "service IS NULL AND position IS NULL AND index < 256"
    [(index,)] = world.rows(f"SELECT max(index) FROM leaves WHERE {where}")
    return int(index)


# -- rows of a service ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "position"),
    [
        ("state", "set_byte(state, 40, get_byte(state, 40) # 1)", 117),
        ("state", "state || ' '::bytea", 117),
        ("state", "'{}'", 117),
        ("state", "'\\x00ff'", 117),
        ("topic", "topic || 's'", 117),
        ("originator_id", f"'{uuid4()}'", 117),
        ("originator_version", "originator_version + 1000", 117),
        ("previous", "NULL", 117),
        ("previous", "3", 117),
        ("previous", "299", 300),
        ("state", "set_byte(state, 0, 0)", 1),
        ("state", "set_byte(state, 0, 0)", 300),
    ],
)
def test_one_change_to_a_stored_row_is_found_at_its_position(
    world: World, column: str, value: str, position: int
) -> None:
    world.tamper("intake", f"UPDATE events SET {column} = {value} WHERE position = {position}")
    verdict = world.verify()
    assert verdict.status == 21, verdict.said
    [found] = verdict.found("changed")
    assert f"intake position {position}, leaf {leaf_of(world, 'intake', position)}:" in found


@pytest.mark.parametrize("seed", range(20))
def test_any_byte_of_any_stored_state_is_found_when_it_changes(world: World, seed: int) -> None:
    position = 1 + secrets.randbelow(300)
    [(length,)] = world.rows(
        f"SELECT length(state) FROM events WHERE position = {position}", "intake"
    )
    byte, bit = secrets.randbelow(length), 1 << secrets.randbelow(8)
    world.tamper(
        "intake",
        "UPDATE events SET state = set_byte(state, %s, get_byte(state, %s) # %s)"
        " WHERE position = %s",
        byte,
        byte,
        bit,
        position,
    )
    verdict = world.verify("--only", "rows", "--service", "intake")
    assert verdict.status == 21, (position, byte, bit)
    assert [line for line in verdict.found("changed") if f"position {position}," in line]


@pytest.mark.parametrize("position", [1, 150, 300])
def test_a_deleted_row_is_missed(world: World, position: int) -> None:
    world.tamper("intake", "DELETE FROM events WHERE position = %s", position)
    verdict = world.verify()
    assert verdict.status == 22, verdict.said
    [found] = verdict.found("missing")
    assert f"intake position {position}, leaf {leaf_of(world, 'intake', position)}:" in found


def test_a_log_cut_off_at_its_end_is_missed_row_by_row(world: World) -> None:
    world.tamper("intake", "DELETE FROM events WHERE position > 290")
    verdict = world.verify()
    assert verdict.status == 22
    found = verdict.found("missing")
    assert [int(line.split()[3].rstrip(",")) for line in found] == list(range(291, 301))


def test_an_emptied_log_is_missed(world: World) -> None:
    world.tamper("consent", "DELETE FROM events")
    verdict = world.verify()
    assert verdict.status == 22
    assert len(verdict.found("missing")) == 60


def test_a_row_moved_to_another_position_is_missed_here_and_found_there(world: World) -> None:
    world.tamper("intake", "UPDATE events SET position = 500 WHERE position = 300")
    verdict = world.verify()
    assert verdict.status == 22
    assert "intake position 300," in verdict.found("missing")[0]
    assert "intake position 500:" in verdict.found("inserted")[0]


def test_two_swapped_rows_are_found_and_named(world: World) -> None:
    world.tamper(
        "intake",
        "UPDATE events a SET originator_id = b.originator_id, topic = b.topic, state = b.state,"
        " originator_version = b.originator_version + 5000, previous = b.previous"
        " FROM events b WHERE (a.position, b.position) IN ((50, 90), (90, 50))",
    )
    world.tamper(
        "intake",
        "UPDATE events SET originator_version = originator_version - 5000"
        " WHERE originator_version > 5000",
    )
    verdict = world.verify()
    assert verdict.status == 20, verdict.said
    first, second = verdict.found("swapped")
    assert "intake position 50," in first
    assert "recorded at position 90" in first
    assert "intake position 90," in second
    assert "recorded at position 50" in second


def test_a_row_inserted_twice_at_one_position_is_found(lived_alone: World) -> None:
    lived_alone.tamper("intake", "ALTER TABLE events DROP CONSTRAINT events_pkey CASCADE")
    lived_alone.tamper(
        "intake", INSERT, 117, a_stream(99), 1, "services.intake.domain:Thing", b"{}"
    )
    verdict = lived_alone.verify()
    assert verdict.status in (21, 23), verdict.said
    assert "intake position 117:" in verdict.found("inserted")[0]


@pytest.mark.parametrize("position", [0, -3])
def test_a_row_inserted_before_the_first_is_found(lived_alone: World, position: int) -> None:
    lived_alone.tamper("intake", "ALTER TABLE events DROP CONSTRAINT events_position_check")
    lived_alone.tamper("intake", INSERT, position, a_stream(99), 1, "a:B", b"{}")
    verdict = lived_alone.verify()
    assert verdict.status == 23, verdict.said
    assert f"intake position {position}:" in verdict.found("inserted")[0]


def test_a_row_inserted_at_the_end_while_the_ledger_does_not_run_is_told_as_unknown_to_it(
    world: World,
) -> None:
    world.tamper("intake", INSERT, 301, a_stream(99), 1, "a:B", a_state(a_stream(99), 1))
    verdict = world.verify()
    assert verdict.status == 25, verdict.said
    assert "intake position 301:" in verdict.found("late")[0]


def test_what_is_stored_meanwhile_and_taken_in_is_no_finding(world: World) -> None:
    world.store("intake", 3)
    assert world.verify().status == 25
    world.tick()
    assert world.verify().status == 0


def test_rows_inserted_after_a_gap_are_found(world: World) -> None:
    world.tamper("intake", INSERT, 400, a_stream(99), 1, "a:B", b"{}")
    verdict = world.verify()
    assert verdict.status == 23
    assert "intake position 400:" in verdict.found("inserted")[0]


# -- the ledger itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("entry", "set_byte(entry, 5, get_byte(entry, 5) # 1)"),
        ("random", "set_byte(random, 5, get_byte(random, 5) # 1)"),
        ("record", "set_byte(record, 30, get_byte(record, 30) # 1)"),
    ],
)
def test_a_changed_leaf_is_found_at_its_index(world: World, column: str, value: str) -> None:
    leaf = leaf_of(world, "intake", 117)
    world.tamper("audit", f"UPDATE leaves SET {column} = {value} WHERE index = {leaf}")
    verdict = world.verify()
    assert verdict.status == 11, verdict.said
    [found] = verdict.found("leaf")
    assert f"intake position 117, leaf {leaf}:" in found


def test_a_leaf_rewritten_with_all_that_it_holds_is_found_by_root_and_by_row(
    world: World,
) -> None:
    leaf = leaf_of(world, "intake", 117)
    [(record,)] = world.rows(f"SELECT record FROM leaves WHERE index = {leaf}")
    forged = bytes(record).replace(b'"v":1', b'"v":2')
    random = secrets.token_bytes(32)
    sql = "UPDATE leaves SET random = %s, record = %s, entry = %s WHERE index = %s"
    world.tamper("audit", sql, random, forged, entry_of(random, forged), leaf)
    verdict = world.verify()
    assert verdict.status in (12, 13), verdict.said
    assert verdict.found("root")
    [found] = verdict.found("records")
    assert f"intake position 117, leaf {leaf}:" in found


def test_an_event_and_its_leaf_rewritten_together_are_found_by_the_signed_root(
    world: World,
) -> None:
    """Everything but the signature is made to fit: the row, its record, leaf and hashes."""
    world.tamper("intake", "UPDATE events SET topic = topic || 's' WHERE position = 117")
    leaf = leaf_of(world, "intake", 117)
    forged = world.records("intake")[116]
    random = secrets.token_bytes(32)
    sql = "UPDATE leaves SET random = %s, record = %s, entry = %s WHERE index = %s"
    world.tamper("audit", sql, random, forged, entry_of(random, forged), leaf)
    entries = [bytes(entry) for (entry,) in world.rows("SELECT entry FROM leaves ORDER BY index")]
    tile = root_of(leaf_hash(entry) for entry in entries[:256])
    world.tamper("audit", "UPDATE nodes SET hash = %s WHERE level = 1 AND index = 0", tile)
    verdict = world.verify()
    assert verdict.status == 13, verdict.said
    [found] = verdict.found("root")
    sizes = [0, *(size for (size,) in world.rows("SELECT size FROM checkpoints ORDER BY size"))]
    first = max(size for size in sizes if size <= leaf)
    assert f"leaves {first:,} to" in found


def test_a_leaf_of_padding_made_anew_is_found_by_hash_and_root(world: World) -> None:
    world.remake(padding_of(world), PADDING)
    verdict = world.verify()
    assert verdict.status == 12, verdict.said
    assert "over leaves 0 to 255" in verdict.found("tile")[0]
    assert verdict.found("root")


def test_a_deleted_leaf_is_found(world: World) -> None:
    leaf = leaf_of(world, "intake", 117)
    world.tamper("audit", "DELETE FROM leaves WHERE index = %s", leaf)
    verdict = world.verify()
    assert verdict.status == 11, verdict.said
    assert f"leaf {leaf}: missing" in verdict.found("leaf")[0]
    assert "intake position 117:" in verdict.found("records")[0]


def test_two_swapped_leaves_are_found(world: World) -> None:
    world.tamper("audit", "UPDATE leaves SET index = index + 100000 WHERE index IN (10, 11)")
    world.tamper("audit", "UPDATE leaves SET index = 100021 - index WHERE index > 99999")
    verdict = world.verify()
    assert verdict.status == 12, verdict.said
    assert "over leaves 0 to 255" in verdict.found("tile")[0]
    assert verdict.found("root")


@pytest.mark.parametrize(
    "change", ["UPDATE nodes SET hash = '\\x00'::bytea || substr(hash, 2)", "DELETE FROM nodes"]
)
def test_a_changed_tile_is_found_by_level_and_index(world: World, change: str) -> None:
    world.tamper("audit", f"{change} WHERE level = 1 AND index = 0")
    verdict = world.verify()
    assert verdict.status == 12, verdict.said
    [found] = verdict.found("tile")
    assert "the hash 0 of level 1, over leaves 0 to 255" in found


def test_a_planted_hash_beyond_the_tree_is_found(world: World) -> None:
    world.tamper("audit", "INSERT INTO nodes VALUES (1, 7, %s), (3, 0, %s)", bytes(32), bytes(32))
    assert len(world.verify().found("tile")) == 2


def test_a_checkpoint_signed_again_with_another_key_is_found(world: World) -> None:
    thief = Signer.from_seed("sayso.local/log", b"t" * 32)
    [(size, root)] = world.rows("SELECT size, root FROM checkpoints ORDER BY size LIMIT 1")
    note = Checkpoint(thief.name, size, bytes(root)).signed(thief)
    world.tamper("audit", "UPDATE checkpoints SET note = %s WHERE size = %s", note, size)
    verdict = world.verify()
    assert verdict.status == 10, verdict.said
    [found] = verdict.found("checkpoint")
    assert f"of size {size}: not signed by sayso.local/log" in found


def test_another_key_than_the_pinned_one_opens_no_checkpoint(world: World) -> None:
    thief = Signer.from_seed("sayso.local/log", b"t" * 32).verifier.vkey
    verdict = world.verify(key=thief)
    assert verdict.status == 10
    assert len(verdict.found("checkpoint")) == 3


@pytest.mark.parametrize("column", ["size = size + 1", "root = substr(root, 2) || '\\x00'::bytea"])
def test_a_checkpoint_stored_otherwise_than_it_was_signed_is_found(
    world: World, column: str
) -> None:
    world.tamper(
        "audit", f"UPDATE checkpoints SET {column} WHERE size = (SELECT min(size) FROM checkpoints)"
    )
    assert world.verify().status == 10


def test_leaves_cut_off_at_the_end_are_found(world: World) -> None:
    [(size,)] = world.rows("SELECT max(size) FROM checkpoints")
    world.tamper("audit", "DELETE FROM leaves WHERE index >= %s", size - 10)
    verdict = world.verify()
    assert verdict.status == 14, verdict.said
    [found] = verdict.found("rolled_back")
    assert f"leaf {size - 10}: the leaves end here, and {size} were signed" in found


def test_a_whole_earlier_state_put_back_is_found_by_a_checkpoint_from_before(
    world: World, tmp_path: Path
) -> None:
    """A rollback of every database to a moment when all of it held."""
    kept = tmp_path / "newest.checkpoint"
    assert world.verify("--remember", str(kept)).status == 0
    sizes = [size for (size,) in world.rows("SELECT size FROM checkpoints ORDER BY size")]
    [(intake, consent)] = world.rows(
        "SELECT max(position) FILTER (WHERE service = 'intake'),"
        f" max(position) FILTER (WHERE service = 'consent') FROM leaves WHERE index < {sizes[1]}"
    )
    world.tamper("audit", "DELETE FROM checkpoints WHERE size > %s", sizes[1])
    world.tamper("audit", "DELETE FROM leaves WHERE index >= %s", sizes[1])
    world.tamper("intake", "DELETE FROM events WHERE position > %s", intake)
    world.tamper("consent", "DELETE FROM events WHERE position > %s", consent)
    assert world.verify().status == 0, "nothing in the databases themselves can tell"
    verdict = world.verify("--known", str(kept))
    assert verdict.status == 14, verdict.said
    assert f"{sizes[2]} were signed" in verdict.found("rolled_back")[0]


def test_another_log_that_went_on_from_an_earlier_state_is_found_by_a_checkpoint_from_before(
    world: World, tmp_path: Path
) -> None:
    """A split view: the same size, signed twice."""
    kept = tmp_path / "newest.checkpoint"
    assert world.verify("--remember", str(kept)).status == 0
    sizes = [size for (size,) in world.rows("SELECT size FROM checkpoints ORDER BY size")]
    world.tamper("audit", "DELETE FROM checkpoints WHERE size > %s", sizes[1])
    world.tamper("audit", "DELETE FROM leaves WHERE index >= %s", sizes[1])
    world.tick()
    world.tick()
    assert world.verify().status == 0
    verdict = world.verify("--remember", str(kept))
    assert verdict.status == 14, verdict.said
    assert "is of another log" in verdict.found("rolled_back")[0]


def test_what_is_remembered_is_written_again_only_where_all_of_the_tree_holds(
    world: World, tmp_path: Path
) -> None:
    kept = tmp_path / "newest.checkpoint"
    world.verify("--remember", str(kept))
    before = kept.read_text()
    world.tick()
    world.tamper("audit", "UPDATE leaves SET entry = %s WHERE index = 3", bytes(32))
    assert world.verify("--remember", str(kept)).status == 11
    assert kept.read_text() == before
