"""Whoever owns the databases and has no key rewrites the ledger with a log, and is found."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from services.audit.domain.leaf import PADDING, Closing, entry_of
from shared.command_line import WrongUse
from tests.integration.ledger.world import World

CLOSINGS = "SELECT index FROM leaves WHERE service IS NULL AND position IS NOT NULL ORDER BY index"


@pytest.fixture
def world(lived: World) -> World:
    """Three checkpoints; consent has 60 events, intake 300."""
    return lived


def sizes(world: World) -> list[int]:
    return [size for (size,) in world.rows("SELECT size FROM checkpoints ORDER BY size")]


# -- records that are called padding --------------------------------------------------------------


@pytest.mark.parametrize("kept", [55, 0])
@pytest.mark.parametrize("known", [False, True])
def test_the_end_of_a_log_or_all_of_it_whose_leaves_are_called_padding_is_found(
    world: World, tmp_path: Path, kept: int, known: bool
) -> None:
    before = tmp_path / "checkpoint"
    assert world.verify("--remember", str(before)).status == 0
    world.tamper("consent", "DELETE FROM events WHERE position > %s", kept)
    where = "WHERE service = 'consent' AND position > %s"
    world.tamper("audit", f"UPDATE leaves SET service = NULL, position = NULL {where}", kept)
    verdict = world.verify(*(["--known", str(before)] if known else []))
    assert verdict.status == 11, verdict.said
    found = verdict.found("leaf")
    assert len(found) == 60 - kept
    for position, line in enumerate(found, kept + 1):
        assert f"stored as padding, it holds the record of consent position {position}" in line
    [missing] = [line for line in verdict.found("records") if "consent position" in line]
    assert f"consent position {kept + 1}: not in the ledger any more" in missing
    assert "nor up to position 60" in missing


@pytest.mark.parametrize("kept", [55, 0])
def test_so_it_is_where_what_the_leaves_are_the_hash_of_is_taken_away_too(
    lived_alone: World, kept: int
) -> None:
    for column in ("random", "record"):
        lived_alone.tamper("audit", f"ALTER TABLE leaves ALTER {column} DROP NOT NULL")
    lived_alone.tamper("consent", "DELETE FROM events WHERE position > %s", kept)
    blot = "UPDATE leaves SET service = NULL, position = NULL, random = NULL, record = NULL"
    lived_alone.tamper("audit", f"{blot} WHERE service = 'consent' AND position > %s", kept)
    verdict = lived_alone.verify()
    assert verdict.status == 11, verdict.said
    assert len(verdict.found("leaf")) == 60 - kept
    assert "what its entry is the hash of is gone" in verdict.found("leaf")[0]


def test_padding_made_anew_in_the_place_of_records_does_not_give_the_signed_root(
    world: World,
) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position > 55")
    where = "service = 'consent' AND position > 55"
    for (index,) in world.rows(f"SELECT index FROM leaves WHERE {where}"):
        world.remake(index, PADDING, service=None, position=None)
    verdict = world.verify()
    assert verdict.status == 13, verdict.said
    assert verdict.found("root")
    [counted] = [line for line in verdict.found("records") if "counts 60 records" in line]
    assert "of consent, and there are 55" in counted


def test_the_rows_of_a_service_alone_are_counted_against_what_was_closed(world: World) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position > 55")
    where = "WHERE service = 'consent' AND position > 55"
    world.tamper("audit", f"UPDATE leaves SET service = NULL, position = NULL {where}")
    verdict = world.verify("--only", "rows", "--service", "consent")
    assert verdict.status == 15, verdict.said
    assert "consent position 56: not in the ledger any more" in verdict.found("records")[0]


# -- records of somebody else ---------------------------------------------------------------------


@pytest.mark.parametrize("called", ["service = 'ghost'", "service = 'audit'", "position = 700"])
def test_a_record_stored_as_that_of_another_place_is_found(world: World, called: str) -> None:
    world.tamper("consent", "DELETE FROM events WHERE position = 60")
    where = "WHERE service = 'consent' AND position = 60"
    world.tamper("audit", f"UPDATE leaves SET {called} {where}")
    verdict = world.verify()
    assert verdict.status == 11, verdict.said
    [found] = verdict.found("leaf")
    assert "it holds the record of consent position 60" in found


def test_a_record_of_a_service_that_there_is_not_is_found(world: World) -> None:
    index = world.rows("SELECT max(index) + 1 FROM leaves")[0][0]
    record, random = b'{"pos":1,"svc":"ghost"}', b"r" * 32
    insert = "INSERT INTO leaves VALUES (%s, %s, 'ghost', 1, %s, %s)"
    world.tamper("audit", insert, index, entry_of(random, record), random, record)
    verdict = world.verify()
    assert verdict.status == 15, verdict.said
    [found] = verdict.found("records")
    assert f"ghost position 1, leaf {index}: a record of a service that there is not" in found


def test_a_closing_called_padding_or_another_closing_is_found(world: World) -> None:
    second = world.rows(CLOSINGS)[1][0]
    for number in (None, 9):
        world.tamper("audit", "UPDATE leaves SET position = %s WHERE index = %s", number, second)
        verdict = world.verify()
        assert verdict.status == 10, verdict.said
        assert f"leaf {second}" in verdict.found("leaf")[0]


def test_a_closing_that_counts_otherwise_is_found(world: World) -> None:
    index = world.rows("SELECT max(index) + 1 FROM leaves")[0][0]
    record = Closing(4, world.now, 1.0, {"consent": 61, "intake": 300}).record()
    random = b"r" * 32
    insert = "INSERT INTO leaves VALUES (%s, %s, NULL, 4, %s, %s)"
    world.tamper("audit", insert, index, entry_of(random, record), random, record)
    verdict = world.verify("--only", "tree")
    assert verdict.status == 15, verdict.said
    assert "closing 4 counts 61 records of consent, and there are 60" in verdict.said


# -- without the signatures -----------------------------------------------------------------------


def test_a_changed_history_whose_signatures_were_all_removed_is_not_said_to_hold(
    world: World,
) -> None:
    world.forge("intake", 5)
    world.forget_signatures()
    verdict = world.verify()
    assert verdict.status == 16, verdict.said
    *missing, nothing = verdict.found("unsigned")
    for number, line in enumerate(missing, 1):
        size = 128 * number
        assert f"checkpoint {number}, of size {size}, is not stored any more" in line
    assert len(missing) == 3
    assert "leaf 0: nothing is signed: 384 leaves, and no checkpoint" in nothing
    assert "All of it holds." not in verdict.said


def test_nor_where_the_closings_went_too(world: World) -> None:
    world.forge("intake", 5)
    for (index,) in world.rows(CLOSINGS):
        world.remake(index, PADDING, position=None)
    world.forget_signatures()
    verdict = world.verify()
    assert verdict.status == 16, verdict.said
    [nothing] = verdict.found("unsigned")
    assert "leaf 0: nothing is signed" in nothing


@pytest.mark.parametrize("deleted", [0, 1])
def test_a_deleted_checkpoint_is_missed(world: World, deleted: int) -> None:
    size = sizes(world)[deleted]
    world.tamper("audit", "DELETE FROM checkpoints WHERE size = %s", size)
    verdict = world.verify()
    assert verdict.status == 16, verdict.said
    [found] = verdict.found("unsigned")
    assert f"leaf {size - 1}: checkpoint {deleted + 1}, of size {size}, is not stored" in found


def test_leaves_that_wait_for_a_signature_longer_than_some_ticks_are_found(world: World) -> None:
    world.store("intake", 3)
    world.app.pull("intake")
    assert world.verify().status == 0, "the next tick signs them"
    world.now += timedelta(minutes=2)
    verdict = world.verify()
    assert verdict.status == 16, verdict.said
    [found] = verdict.found("unsigned")
    assert "leaf 384: 3 leaves from here on are under no checkpoint" in found
    assert "the last one closed at 2026-11-21 12:00:03 UTC, and the next was due after 1 s" in found
    world.tick()
    assert world.verify().status == 0


def test_a_ledger_whose_clock_is_wrong_signs_all_the_same_and_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what comes after those leaves that it was waited for is not overdue yet."""
    world.store("intake", 3)
    world.app.pull("intake")
    wrong = world.now + timedelta(seconds=1)
    world.now += timedelta(days=365)

    def goes_on(_: float) -> None:
        world.app.tick(wrong)
        world.store("intake", 2)
        world.app.pull("intake")

    monkeypatch.setattr("services.audit.cli.verify.time.sleep", goes_on)
    verdict = world.verify("--only", "tree", patience=5)
    assert verdict.status == 0, verdict.said
    assert "448 signed, 2 more since" in verdict.said


def test_a_history_changed_after_the_last_signature_that_was_left_is_found(world: World) -> None:
    signed = sizes(world)[1]
    world.forge("intake", 280)
    world.forget_signatures(signed)
    world.remake(world.rows(CLOSINGS)[2][0], PADDING, position=None)
    world.now += timedelta(minutes=2)
    verdict = world.verify()
    assert verdict.status == 16, verdict.said
    assert f"leaf {signed}: 128 leaves" in verdict.found("unsigned")[0]


def test_what_the_ledger_keeps_outside_its_database_is_held_against_it(
    world: World, tmp_path: Path
) -> None:
    """Without a word of the auditor's: the folder is there, or mounted."""
    world.kept = str(tmp_path)
    (tmp_path / "ledger.signed").write_text(
        world.rows("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")[0][0]
    )
    assert world.verify().status == 0
    signed = sizes(world)[1]
    world.forget_signatures(signed)
    world.tamper("audit", "DELETE FROM leaves WHERE index >= %s", signed)
    verdict = world.verify("--only", "tree")
    assert verdict.status == 14, verdict.said
    assert "384 were signed" in verdict.found("rolled_back")[0]
    (tmp_path / "ledger.signed").write_text("something else")
    verdict = world.verify("--only", "tree")
    assert verdict.status == 10, verdict.said
    assert "from before: " in verdict.found("checkpoint")[0]


# -- what an auditor gives ------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "no checkpoint\n", "a\n1\nb\n\n— a AAAA\n"])
def test_a_file_that_is_no_checkpoint_is_no_finding_but_sent_back(
    world: World, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(WrongUse, match=r"give what /log/checkpoint answered") as refused:
        world.verify("--known", str(file))
    assert str(file) in str(refused.value)


def test_a_checkpoint_of_a_log_of_another_name_is_sent_back_too(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    [(note,)] = world.rows("SELECT note FROM checkpoints ORDER BY size LIMIT 1")
    file.write_text(note.replace("sayso.local/log", "elsewhere/log"))
    with pytest.raises(WrongUse):
        world.verify("--known", str(file))


def test_a_checkpoint_of_this_name_under_another_key_is_a_finding(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    [(note,)] = world.rows("SELECT note FROM checkpoints ORDER BY size LIMIT 1")
    file.write_text(note.replace("\n128\n", "\n129\n"))
    verdict = world.verify("--known", str(file))
    assert verdict.status == 10, verdict.said
    assert str(file) in verdict.found("checkpoint")[0]


@pytest.mark.parametrize("where", ["no/such/folder/file", "."])
def test_what_is_to_be_remembered_needs_a_place_before_anything_is_read(
    world: World, tmp_path: Path, where: str
) -> None:
    with pytest.raises(WrongUse, match="in a folder that can be written"):
        world.verify("--remember", str(tmp_path / where))
    assert world.told.getvalue() == ""
