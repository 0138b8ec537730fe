"""That an event is in the ledger is proven to somebody who has the log's key and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.audit.cli import proof, prove
from services.audit.formats.proof import Proof
from tests.integration.ledger.world import World


@pytest.mark.parametrize(("service", "position"), [("intake", 1), ("intake", 300), ("consent", 33)])
def test_a_proof_of_a_stored_event_holds_and_says_what_was_recorded(
    lived: World, tmp_path: Path, service: str, position: int
) -> None:
    proven = lived.sayso(prove.COMMAND, service, str(position))
    assert proven.status == 0
    assert proven.said.startswith("c2sp.org/tlog-proof@v1\nextra ")
    file = tmp_path / "one.tlog-proof"
    file.write_text(proven.said)
    checked = lived.sayso(proof.COMMAND, str(file), "--key", lived.app.verifier.vkey)
    assert checked.status == 0, checked.said
    said = json.loads(checked.said.partition("signed: ")[2])
    assert (said["svc"], said["pos"]) == (service, position)


def test_every_leaf_of_a_log_of_several_levels_is_proven(world: World) -> None:
    world.fill(70_000)
    world.tick()
    for position in (1, 256, 257, 65_536, 65_537, 69_999, 70_000):
        proven = world.sayso(prove.COMMAND, "keyring", str(position))
        read = Proof.parse(proven.said)
        [(entry,)] = world.rows(
            f"SELECT entry FROM leaves WHERE service IS NOT NULL AND position = {position}"
        )
        assert read.verified(bytes(entry), world.app.verifier).size == 70_016


@pytest.mark.parametrize("byte", range(0, 1_200, 37))
def test_a_proof_with_one_changed_character_does_not_hold(
    lived: World, tmp_path: Path, byte: int
) -> None:
    text = lived.sayso(prove.COMMAND, "intake", "117").said
    at = byte % len(text)
    other = "A" if text[at] != "A" else "B"
    file = tmp_path / "one.tlog-proof"
    file.write_text(text[:at] + other + text[at + 1 :])
    checked = lived.sayso(proof.COMMAND, str(file), "--key", lived.app.verifier.vkey)
    assert checked.status == 10, checked.said


def test_what_is_not_in_the_ledger_or_not_signed_has_no_proof(lived: World) -> None:
    assert lived.sayso(prove.COMMAND, "intake", "301").status == 10
    lived.store("intake")
    lived.app.pull("intake")
    assert lived.sayso(prove.COMMAND, "intake", "301").status == 11
    lived.tick()
    assert lived.sayso(prove.COMMAND, "intake", "301").status == 0
