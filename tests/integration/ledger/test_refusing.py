"""The running ledger signs nothing over what is not as it was recorded, signed and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.audit.domain.deriving import Broken
from services.audit.domain.leaf import PADDING
from shared.settings import SettingsError
from tests.integration.ledger.world import World

CLOSINGS = "SELECT index FROM leaves WHERE service IS NULL AND position IS NOT NULL ORDER BY index"
SIZES = "SELECT size FROM checkpoints ORDER BY size"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "ledger.signed"


@pytest.fixture
def world(lived: World, tmp_path: Path) -> Iterator[World]:
    """A ledger that keeps its newest checkpoint; four checkpoints."""
    world = replace(lived, kept=str(tmp_path))
    world.tick()
    yield world
    world.close()


def restarted(world: World) -> World:
    world.app.close()
    world.app = world.audit()
    return world


def refused(world: World, pull: bool = False) -> Broken:
    """Nothing is signed, it says why, is not ready, and says so at the next tick too."""
    before = world.rows("SELECT * FROM checkpoints")
    found = []
    for _ in range(2):
        with pytest.raises(Broken) as broken:
            world.tick(pull)
        found.append(str(broken.value))
    assert found[0] == found[1]
    assert world.rows("SELECT * FROM checkpoints") == before
    assert not world.app.is_intact()
    return broken.value


# -- logs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept_until", [55, 0])
@pytest.mark.parametrize("pull", [False, True])
def test_after_a_restart_nothing_is_signed_over_a_log_shorter_than_on_record(
    world: World, kept_until: int, pull: bool
) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position > %s", kept_until)
    broken = refused(restarted(world), pull)
    assert (broken.what, broken.service, broken.position) == ("log_cut_off", "consent", 60)


def test_nor_while_it_runs(world: World) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position > 55")
    with pytest.raises(Broken, match="log_cut_off"):
        world.app.pull("consent")
    assert refused(world).what == "log_cut_off"


def test_nor_over_a_log_that_was_cut_off_and_went_on_otherwise(world: World) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position > 55")
    world.tamper(
        "consent",
        "INSERT INTO events (position, originator_id, originator_version, topic, state, previous)"
        " SELECT position + 5, gen_random_uuid(), 1, topic, state, NULL FROM events"
        " WHERE position > 50",
    )
    broken = refused(restarted(world))
    assert (broken.what, broken.service, broken.position) == ("log_changed", "consent", 60)


def test_what_is_put_back_is_signed_on(world: World) -> None:
    world.tamper("consent", "CREATE TABLE gone AS SELECT * FROM events WHERE position > 55")
    world.tamper("consent", "DELETE FROM events WHERE position > 55")
    refused(restarted(world))
    world.tamper("consent", "INSERT INTO events SELECT * FROM gone")
    with world.superuser("consent") as cursor:
        cursor.execute("DROP TABLE gone")
    world.tick()
    assert world.app.is_intact()
    assert world.verify().status == 0


def test_a_service_that_is_away_at_a_start_holds_up_no_signature_and_is_compared_when_it_is_back(
    world: World,
) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position > 55")
    world.away.add("consent")
    restarted(world).tick(pull=False)
    assert world.app.is_intact()
    world.away.clear()
    assert refused(world).what == "log_cut_off"


# -- signatures -----------------------------------------------------------------------------------


def test_a_changed_history_whose_signatures_were_removed_is_not_signed_anew(world: World) -> None:
    world.forge("intake", 5)
    world.forget_signatures()
    assert refused(restarted(world)).what == "not_what_was_signed"


def test_nor_where_nothing_was_kept_as_long_as_closings_are_left(world: World, kept: Path) -> None:
    world.forge("intake", 5)
    world.forget_signatures()
    kept.unlink()
    assert refused(restarted(world)).what == "checkpoint_missing"


def test_nor_where_the_closings_went_too(world: World) -> None:
    world.forge("intake", 5)
    for (index,) in world.rows(CLOSINGS):
        world.remake(index, PADDING, position=None)
    world.forget_signatures()
    assert refused(restarted(world)).what == "not_what_was_signed"


@pytest.mark.parametrize("left", [1, 2])
def test_nor_is_what_follows_an_earlier_signature(world: World, left: int) -> None:
    world.forget_signatures(world.rows(SIZES)[left][0])
    assert refused(world).what == "not_what_was_signed"


def test_nor_a_whole_earlier_state_that_was_put_back(world: World) -> None:
    size = world.rows(SIZES)[1][0]
    world.forget_signatures(size)
    world.tamper("audit", "DELETE FROM leaves WHERE index >= %s", size)
    assert refused(restarted(world)).what == "not_what_was_signed"


def test_the_newest_checkpoint_counts_by_its_signature(world: World) -> None:
    world.tamper("audit", "UPDATE checkpoints SET root = sha256(root)")
    assert refused(world).what == "checkpoint_changed"


# -- what is kept ---------------------------------------------------------------------------------


def test_the_newest_checkpoint_is_kept_at_every_tick(world: World, kept: Path) -> None:
    for _ in range(2):
        world.tick()
        newest = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"
        assert kept.read_text() == world.rows(newest)[0][0]
    assert [file.name for file in kept.parent.iterdir()] == [kept.name]


def test_one_that_was_lost_is_kept_again_from_what_is_signed(world: World, kept: Path) -> None:
    """The operator's way on from an earlier state: to put the file aside, knowingly."""
    size = world.rows(SIZES)[1][0]
    world.forget_signatures(size)
    world.tamper("audit", "DELETE FROM leaves WHERE index >= %s", size)
    refused(world)
    kept.rename(kept.with_name("aside"))
    world.tick()
    assert world.app.is_intact()
    assert kept.exists()
    verdict = world.verify("--known", str(kept.with_name("aside")))
    assert verdict.status == 14, "whoever holds the later checkpoint sees it all the same"


def test_a_crash_before_it_was_kept_stops_nothing(world: World, kept: Path) -> None:
    before = kept.read_text()
    world.tick()
    kept.write_text(before)
    world.tick()
    assert world.app.is_intact()


@pytest.mark.parametrize("text", ["", "no checkpoint", "\udcff"])
def test_one_that_cannot_be_read_is_alarmed(world: World, kept: Path, text: str) -> None:
    kept.write_text(text, "utf-8", "surrogateescape")
    assert refused(world).what == "kept_checkpoint_unreadable"


def test_one_that_cannot_be_written_is_alarmed_until_it_can(world: World, kept: Path) -> None:
    draft = kept.with_name(f".{kept.name}.{os.getpid()}")
    draft.mkdir()
    with pytest.raises(Broken, match="checkpoint_not_kept"):
        world.tick()
    assert not world.app.is_intact()
    draft.rmdir()
    world.tick()
    assert world.app.is_intact()


def test_it_does_not_start_without_the_folder_that_is_named(world: World, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SAYSO_KEPT"):
        world.audit(SAYSO_KEPT=str(tmp_path / "none"))


# -- the first tick after a start -----------------------------------------------------------------


def test_the_first_tick_after_a_start_reads_every_leaf_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.audit.application.SWEPT", 256)
    world.store("intake", 1_500)
    for _ in range(3):
        world.tick()
    world.tamper("audit", "UPDATE leaves SET record = record || ' ' WHERE index = 900")
    assert str(refused(restarted(world))) == "leaf_changed at leaf 900"
