"""Whatever is changed by chance, in rows, leaves, hashes or checkpoints, is found where it is.

Each is found by its seed again.
"""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.audit.domain.leaf import PADDING
from services.audit.formats.checkpoint import Checkpoint
from services.audit.formats.note import Signer
from tests.integration.ledger.world import Verdict, World
from tests.support.piece import piece

SEEDS = piece(85).numbers
THIEF = Signer.from_seed("sayso.local/log", b"t" * 32)

CLOSINGS = "SELECT index FROM leaves WHERE service IS NULL AND position IS NOT NULL"

Choose = random.Random
Located = Callable[[Verdict], bool]


def _line(*words: str) -> Located:
    """A finding that says all of this."""
    return lambda verdict: any(all(w in line for w in words) for line in verdict.said.splitlines())


def _flip(world: World, service: str, table: str, column: str, where: str, choose: Choose) -> None:
    """One bit of a stored value becomes the other one."""
    [(length,)] = world.rows(f"SELECT length({column}) FROM {table} WHERE {where}", service)
    byte, bit = choose.randrange(length), 1 << choose.randrange(8)
    flipped = f"set_byte({column}, {byte}, get_byte({column}, {byte}) # {bit})"
    world.tamper(service, f"UPDATE {table} SET {column} = {flipped} WHERE {where}")


def _signed_before(world: World, index: int) -> int:
    sizes = [0, *(size for (size,) in world.rows("SELECT size FROM checkpoints"))]
    return int(max(size for size in sizes if size <= index))


def _one_of(world: World, choose: Choose, sql: str) -> Any:
    return choose.choice(sorted(world.rows(sql)))


def row_changed(world: World, choose: Choose) -> Located:
    position = choose.randint(1, 300)
    _flip(world, "intake", "events", "state", f"position = {position}", choose)
    return _line("changed: intake", f"position {position},")


def row_deleted(world: World, choose: Choose) -> Located:
    position = choose.randint(1, 300)
    world.tamper("intake", f"DELETE FROM events WHERE position = {position}")
    return _line("missing: intake", f"position {position},")


def rows_swapped(world: World, choose: Choose) -> Located:
    one, two = choose.sample(range(1, 301), 2)
    world.tamper(
        "intake",
        "UPDATE events a SET topic = b.topic, state = b.state, previous = NULL,"
        " originator_id = b.originator_id, originator_version = b.originator_version + 9000"
        f" FROM events b WHERE (a.position, b.position) IN (({one}, {two}), ({two}, {one}))",
    )
    return _line(f"intake position {one},")


def rows_cut_off(world: World, choose: Choose) -> Located:
    kept = choose.randrange(60)
    world.tamper("consent", f"DELETE FROM events WHERE position > {kept}")
    return _line("missing: consent", f"position {kept + 1},")


def leaf_changed(world: World, choose: Choose) -> Located:
    [index] = _one_of(world, choose, "SELECT index FROM leaves WHERE service IS NOT NULL")
    column = choose.choice(["entry", "random", "record"])
    _flip(world, "audit", "leaves", column, f"index = {index}", choose)
    return _line("leaf: ", f"leaf {index}:")


def own_leaf_changed(world: World, choose: Choose) -> Located:
    [index] = _one_of(world, choose, "SELECT index FROM leaves WHERE service IS NULL")
    column = choose.choice(["entry", "random", "record"])
    _flip(world, "audit", "leaves", column, f"index = {index}", choose)
    return _line("leaf: ", f"leaf {index}:")


def padding_made_anew(world: World, choose: Choose) -> Located:
    where = "service IS NULL AND position IS NULL"
    [index] = _one_of(world, choose, f"SELECT index FROM leaves WHERE {where}")
    world.remake(index, PADDING)
    return _line("root: ", f"leaves {_signed_before(world, index)} to")


def record_called_padding(world: World, choose: Choose) -> Located:
    where = f"service = 'consent' AND position = {choose.randint(1, 60)}"
    [(index,)] = world.rows(f"SELECT index FROM leaves WHERE {where}")
    world.tamper("consent", f"DELETE FROM events WHERE {where.partition(' AND ')[2]}")
    world.tamper("audit", f"UPDATE leaves SET service = NULL, position = NULL WHERE {where}")
    return _line("leaf: ", f"leaf {index}: stored as padding")


def record_of_another_service(world: World, choose: Choose) -> Located:
    position = choose.randint(1, 60)
    where = f"service = 'consent' AND position = {position}"
    called = choose.choice(["service = 'ghost'", "service = 'audit'", "position = position + 900"])
    world.tamper("audit", f"UPDATE leaves SET {called} WHERE {where}")
    return _line("leaf: ", f"it holds the record of consent position {position}")


def checkpoint_deleted(world: World, choose: Choose) -> Located:
    [size] = _one_of(world, choose, "SELECT size FROM checkpoints")
    world.tamper("audit", f"DELETE FROM checkpoints WHERE size = {size}")
    world.now += timedelta(minutes=2)
    number = f"checkpoint {size // 128:,}, of size {size:,}, is not stored any more"
    last = f"leaf {_signed_before(world, size)}: "
    return _line("unsigned: ", last if size == 384 else number)


def history_written_anew(world: World, choose: Choose) -> Located:
    """A forged event, all that hangs on it, and nothing left of what was signed."""
    world.forge("intake", choose.randint(1, 300))
    for (index,) in world.rows(CLOSINGS):
        world.remake(index, PADDING, position=None)
    world.forget_signatures()
    return _line("unsigned: ", "leaf 0: nothing is signed")


def leaf_deleted(world: World, choose: Choose) -> Located:
    index = choose.randrange(383)
    world.tamper("audit", f"DELETE FROM leaves WHERE index = {index}")
    return _line("leaf: ", f"leaf {index}: missing")


def leaves_cut_off(world: World, choose: Choose) -> Located:
    index = choose.randrange(384)
    world.tamper("audit", f"DELETE FROM leaves WHERE index >= {index}")
    return _line("rolled_back: ", f"leaf {index}: the leaves end here")


def leaves_swapped(world: World, choose: Choose) -> Located:
    one, two = sorted(choose.sample(range(384), 2))
    world.tamper("audit", f"UPDATE leaves SET index = index + 9000 WHERE index IN ({one}, {two})")
    swapped = f"UPDATE leaves SET index = {one + two + 9000} - index WHERE index > 8999"
    world.tamper("audit", swapped)
    return _line("root: ", f"leaves {_signed_before(world, one)} to")


def hash_changed(world: World, choose: Choose) -> Located:
    _flip(world, "audit", "nodes", "hash", "level = 1", choose)
    return _line("tile: ", "the hash 0 of level 1, over leaves 0 to 255")


def checkpoint_signed_again(world: World, choose: Choose) -> Located:
    size, root = _one_of(world, choose, "SELECT size, root FROM checkpoints")
    note = Checkpoint(THIEF.name, size, bytes(root)).signed(THIEF)
    world.tamper("audit", "UPDATE checkpoints SET note = %s WHERE size = %s", note, size)
    return _line("checkpoint: ", f"of size {size}: not signed")


def checkpoint_changed(world: World, choose: Choose) -> Located:
    size, note = _one_of(world, choose, "SELECT size, note FROM checkpoints")
    at = choose.randrange(len(note))
    other = choose.choice([c for c in "abcXYZ019\n" if c != note[at]])
    forged = note[:at] + other + note[at + 1 :]
    world.tamper("audit", "UPDATE checkpoints SET note = %s WHERE size = %s", forged, size)
    return _line("checkpoint: ", f"of size {size}:")


MUTATIONS = (
    row_changed, row_deleted, rows_swapped, rows_cut_off, leaf_changed, own_leaf_changed,
    leaf_deleted, leaves_cut_off, leaves_swapped, padding_made_anew, record_called_padding,
    record_of_another_service, hash_changed, checkpoint_signed_again, checkpoint_changed,
    checkpoint_deleted, history_written_anew,
)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutation_is_found_where_it_is(lived: World, seed: int) -> None:
    choose = random.Random(seed)
    mutation = MUTATIONS[seed % len(MUTATIONS)]
    located = mutation(lived, choose)
    verdict = lived.verify()
    assert verdict.status != 0, mutation.__name__
    assert located(verdict), (mutation.__name__, verdict.said)


def test_memory_does_not_grow_with_the_log(world: World) -> None:
    def most(*words: str) -> int:
        tracemalloc.start()
        assert world.verify(*words).status == 0
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    def all_of_it() -> list[int]:
        return [most("--only", "tree"), most("--only", "rows", "--service", "intake")]

    world.store("intake", 3_000)
    world.tick()
    all_of_it()
    before = all_of_it()
    world.store("intake", 12_000)
    world.tick()
    for was, now in zip(before, all_of_it(), strict=True):
        # Twelve thousand more rows of even ten bytes would be more than this.
        assert now < 1.2 * was + 65_536
