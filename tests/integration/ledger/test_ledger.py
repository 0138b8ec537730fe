"""The ledger takes in every stored event, once and in order, and signs nothing it has not read."""

from __future__ import annotations

import base64
import json
import threading
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from services.audit.adapters.logs import NotARecord
from services.audit.domain.deriving import Broken
from services.audit.domain.leaf import entry_of
from services.audit.domain.merkle import leaf_hash, root_of
from services.audit.formats.checkpoint import opened
from services.audit.formats.tiles import tiles_of
from shared.contracts.audit import GetCheckpoint, GetTile
from shared.contracts.refusal import NotFound, Unavailable
from shared.messaging.pages import Digests
from tests.integration.ledger.world import LOGS, World

ANY: Any = None
REMADE = "UPDATE leaves SET random = sha256(random), entry = sha256(sha256(random) || record)"


def tile(world: World, level: str, path: str) -> bytes:
    return base64.b64decode(world.app.get_tile(GetTile(level=level, tile=path), ANY).data)


def checkpoint(world: World) -> tuple[int, bytes]:
    note = world.app.get_checkpoint(GetCheckpoint(), ANY).note
    said = opened(note, world.app.verifier)
    return said.size, said.root


def entries(world: World) -> list[bytes]:
    return [bytes(e) for (e,) in world.rows("SELECT entry FROM leaves ORDER BY index")]


# -- taking in --------------------------------------------------------------------------------


def test_every_stored_event_of_every_service_becomes_one_leaf_in_its_order(world: World) -> None:
    world.store("intake", 700)
    world.store("consent", 3)
    world.tick()
    for service, count in (("intake", 700), ("consent", 3)):
        found = world.rows(
            f"SELECT position, record FROM leaves WHERE service = '{service}' ORDER BY index"
        )
        assert [position for position, _ in found] == list(range(1, count + 1))
        assert [bytes(record) for _, record in found] == world.records(service)


def test_a_record_says_where_an_event_stands_and_nothing_that_it_holds(world: World) -> None:
    world.store("intake", 8, name="Sam")
    [*_, record] = world.records("intake")
    said = json.loads(record)
    assert sorted(said) == ["cm", "ct", "d", "pos", "sid", "svc", "typ", "v", "ver"]
    assert (said["svc"], said["pos"], said["ver"], said["d"]) == ("intake", 8, 2, "2026-11-21")
    assert said["cm"] == [f"{2:064x}"]
    assert b"Sam" not in record


def test_what_was_taken_in_is_not_taken_in_again(world: World) -> None:
    world.store("intake", 5)
    assert world.app.pull("intake") == 5
    assert world.app.pull("intake") == 0
    world.store("intake", 2)
    assert world.app.pull("intake") == 2


def test_processes_that_take_in_at_once_leave_no_gap_and_no_double(world: World) -> None:
    others = [world.audit() for _ in range(4)]
    stored = threading.Event()

    def take(app: Any) -> None:
        while not stored.is_set():
            for service in LOGS:
                app.pull(service)
            app.tick(world.now)

    threads = [threading.Thread(target=take, args=(app,)) for app in others]
    for thread in threads:
        thread.start()
    for _ in range(20):
        world.store("intake", 10)
        world.store("consent", 10)
        world.now += timedelta(seconds=1)
    stored.set()
    for thread in threads:
        thread.join()
    for app in others:
        app.close()
    world.tick()
    verdict = world.verify()
    assert verdict.status == 0, verdict.said
    [(leaves, last)] = world.rows("SELECT count(*), max(index) FROM leaves")
    assert leaves == last + 1
    assert leaves % 64 == 0


def test_a_service_that_is_away_holds_up_no_other(world: World) -> None:
    world.store("intake", 2)
    world.store("consent", 2)
    world.away.add("consent")
    with pytest.raises(Unavailable):
        world.app.pull("consent")
    assert world.app.pull("intake") == 2
    world.away.clear()
    assert world.app.pull("consent") == 2


@pytest.mark.parametrize(
    "records",
    [("{}",), ("no json",), ('{"svc":"consent","pos":1}',), ('{"svc":"intake","pos":2}',)],
)
def test_an_answer_out_of_its_order_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, records: tuple[str, ...]
) -> None:
    monkeypatch.setattr(world, "call", lambda *_: Digests(records=records))
    with pytest.raises(NotARecord):
        world.app.pull("intake")
    assert entries(world) == []


# -- the clock --------------------------------------------------------------------------------


def test_every_tick_grows_the_log_alike_whether_something_was_decided_or_not(world: World) -> None:
    sizes = []
    for decided in (0, 1, 0, 62, 63, 0):
        world.store("intake", decided) if decided else None
        world.tick()
        sizes.append(checkpoint(world)[0])
    assert sizes == [64, 128, 192, 256, 320, 384]


def test_what_leaves_no_room_for_a_closing_grows_it_by_several(world: World) -> None:
    world.store("intake", 64)
    world.tick()
    assert checkpoint(world)[0] == 128


def test_what_was_taken_in_since_the_last_checkpoint_is_compared_before_it_is_signed(
    world: World,
) -> None:
    world.tick()
    world.store("intake", 3)
    world.app.pull("intake")
    verdict = world.verify()
    assert verdict.status == 0, verdict.said
    assert "64 signed, 3 more since" in verdict.said
    world.tamper("intake", "UPDATE events SET state = state || ' ' WHERE position = 2")
    assert world.verify().status == 21


def test_there_is_one_checkpoint_a_tick(world: World) -> None:
    world.tick()
    world.store("intake", 3)
    world.app.pull("intake")
    assert world.app.tick(world.now) is None
    assert checkpoint(world)[0] == 64


def test_a_clock_set_back_delays_no_checkpoint(world: World) -> None:
    world.tick()
    world.now -= timedelta(days=365)
    world.tick()
    assert checkpoint(world)[0] == 128


def test_dummy_leaves_look_like_others_in_public(world: World) -> None:
    world.store("intake", 1)
    world.tick()
    found = tile(world, "entries", "000.p/64")
    assert len(found) == 64 * 34
    assert len({found[i : i + 34] for i in range(0, len(found), 34)}) == 64


# -- what is published --------------------------------------------------------------------------


def test_before_the_first_checkpoint_there_is_nothing(world: World) -> None:
    world.store("intake", 1)
    world.app.pull("intake")
    with pytest.raises(NotFound):
        world.app.get_checkpoint(GetCheckpoint(), ANY)
    with pytest.raises(NotFound):
        tile(world, "0", "000.p/1")


@pytest.mark.parametrize("count", [1, 200, 256, 300, 70_000])
def test_the_tiles_alone_give_the_root_that_is_signed(world: World, count: int) -> None:
    """As a client of c2sp.org/tlog-tiles derives it: from the leaves, and from each level up."""
    world.fill(count)
    world.tick()
    size, root = checkpoint(world)
    for level in (0, 1, 2):
        hashes = b"".join(
            tile(world, str(level), t.path) for t in tiles_of(size) if t.level == level
        )
        below = (
            b"".join(
                tile(world, str(level - 1), t.path) for t in tiles_of(size) if t.level == level - 1
            )
            if level
            else b""
        )
        each = [hashes[i : i + 32] for i in range(0, len(hashes), 32)]
        if level == 0:
            assert root_of(each) == root
        whole = [
            root_of(below[i + j : i + j + 32] for j in range(0, 8192, 32))
            for i in range(0, len(below) - 8191, 8192)
        ]
        assert level == 0 or each == whole
    assert size == (count // 64 + 1) * 64


def test_entries_hash_to_the_leaves_of_the_lowest_tile(world: World) -> None:
    world.store("intake", 300)
    world.tick()
    found = tile(world, "entries", "000")
    each = [found[i + 2 : i + 34] for i in range(0, len(found), 34)]
    assert b"".join(map(leaf_hash, each)) == tile(world, "0", "000")


@pytest.mark.parametrize(
    ("level", "path"),
    [("0", "000.p/65"), ("0", "000"), ("0", "001.p/1"), ("1", "000.p/1"), ("entries", "000"),
     ("0", "x000/001"), ("63", "000")],
)  # fmt: skip
def test_what_no_checkpoint_covers_is_not_published(world: World, level: str, path: str) -> None:
    world.tick()
    world.store("intake", 300)
    world.app.pull("intake")
    with pytest.raises(NotFound):
        tile(world, level, path)
    assert len(tile(world, "0", "000.p/64")) == 64 * 32
    assert len(tile(world, "0", "000.p/63")) == 63 * 32


def test_whoever_answers_the_public_cannot_read_what_entries_are_the_hash_of(world: World) -> None:
    world.store("intake", 1)
    world.tick()
    with (
        world.database("audit", "query") as database,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        database.query("SELECT record FROM leaves")


# -- append-only, and read before it is signed --------------------------------------------------


def test_nobody_removes_anything(world: World) -> None:
    world.store("intake", 300)
    world.tick()
    for kind in ("committer", "owner", "audit", "query", "relay"):
        with world.database("audit", kind) as database:
            for table in ("leaves", "nodes", "checkpoints"):
                for sql in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
                    with pytest.raises(psycopg2.Error) as refused:
                        database.execute(sql)
                    assert refused.value.pgcode in ("42501", "23001", "25006"), (kind, sql)


def test_the_committer_changes_nothing_either(world: World) -> None:
    world.tick()
    with world.database("audit", "committer") as database:
        for sql in ("UPDATE leaves SET entry = entry", "UPDATE nodes SET hash = hash",
                    "UPDATE checkpoints SET note = note"):  # fmt: skip
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                database.execute(sql)


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        ("leaf_changed", "UPDATE leaves SET record = record || ' ' WHERE position = 40"),
        ("leaf_changed", "UPDATE leaves SET entry = sha256(entry) WHERE index = 511"),
        ("leaf_or_node_changed", f"{REMADE} WHERE index = 511"),
        ("leaf_changed", f"{REMADE}, service = NULL, position = NULL WHERE position = 40"),
        ("leaf_changed", "UPDATE leaves SET service = NULL, position = NULL WHERE position = 40"),
        ("leaf_changed", "UPDATE leaves SET service = 'ghost' WHERE position = 40"),
        ("leaf_missing", "DELETE FROM leaves WHERE index = 300"),
        ("root_changed", "UPDATE nodes SET hash = sha256(hash) WHERE level = 1 AND index = 1"),
        ("node_missing", "DELETE FROM nodes WHERE level = 1 AND index = 0"),
        ("leaf_changed", "UPDATE leaves SET entry = sha256(entry) WHERE index = 575"),
    ],
)  # fmt: skip
def test_nothing_is_signed_over_what_is_not_as_it_was_signed(
    world: World, what: str, sql: str
) -> None:
    world.store("intake", 500)
    world.tick()
    world.tick()
    before = checkpoint(world)
    assert before[0] == 576
    world.tamper("audit", sql)
    with pytest.raises(Broken) as broken:
        world.tick()
    assert broken.value.what == what
    assert checkpoint(world) == before


def test_a_bit_that_flipped_on_its_way_to_the_disk_is_not_signed(world: World) -> None:
    """New leaves are read back: what was in memory does not count."""
    world.store("intake", 10)
    world.app.pull("intake")
    world.tamper("audit", "UPDATE leaves SET random = sha256(random) WHERE position = 7")
    with pytest.raises(Broken, match="leaf_changed"):
        world.tick(pull=False)
    assert world.rows("SELECT count(*) FROM checkpoints") == [(0,)]


def test_old_leaves_are_read_again_little_by_little(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.application.SWEPT", 256)
    world.store("intake", 1_500)
    world.tick()
    world.tamper("audit", "UPDATE leaves SET record = record || ' ' WHERE index = 900")
    world.tick()
    world.tick()
    with pytest.raises(Broken, match="leaf_changed at leaf 900"):
        [world.tick() for _ in range(4)]


def test_a_tick_that_ended_between_padding_and_signing_goes_on(world: World) -> None:
    world.store("intake", 10)
    world.app.pull("intake")
    assert world.app._ledger.close(64, 1.0, world.now) == 64
    world.store("intake", 90)
    world.tick()
    assert checkpoint(world)[0] == 64
    world.tick()
    assert checkpoint(world)[0] == 192
    verdict = world.verify()
    assert verdict.status == 0, verdict.said


def test_of_two_processes_with_the_same_tick_one_signs(world: World) -> None:
    other = world.audit()
    world.now += timedelta(seconds=1)
    signed = [app.tick(world.now) for app in (world.app, other)]
    assert [s is not None for s in signed] == [True, False]
    other.close()


def test_an_entry_is_the_hash_of_its_random_bytes_and_its_record(world: World) -> None:
    world.store("intake", 1)
    world.app.pull("intake")
    [(entry, random, record)] = world.rows("SELECT entry, random, record FROM leaves")
    assert bytes(entry) == entry_of(bytes(random), bytes(record))
