"""A process that has nothing to do holds nothing for longer than it may."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from shared.contracts.intake import BeginInquiry, GiveConfidentialityNotice, StateNeed
from shared.contracts.keyring import LEASE_SECONDS
from shared.identity.principal import Principal
from tests.support.eventually import eventually
from tests.support.processes import Processes


def test_an_idle_process_holds_no_key_beyond_its_loan(platform: Processes, tmp_path: Path) -> None:
    """The broker brings nothing any more, and nobody asks: the loan ends all the same."""
    ahead, held = tmp_path / "ahead", tmp_path / "held"
    ahead.write_text("0")
    module = "tests.integration.messaging.holding"
    services = [
        platform.start("keyring"),
        platform.start("intake", module, "intake", tmp_path.as_posix()),
    ]
    for service in services:
        eventually(service.ready, within=60)
    caller = platform.caller()
    begun = caller.call("intake", "begin_inquiry", BeginInquiry(), Principal.anyone(), uuid4())
    whose = {"participation_id": begun.participation_id}  # type: ignore[attr-defined]
    person = Principal.survivor(whose["participation_id"])
    for command in (
        GiveConfidentialityNotice(**whose, base="alone", notice_version="alone-1"),
        StateNeed(**whose, words="a canary"),
    ):
        caller.call("intake", command.method(), command, person, uuid4())
    eventually(lambda: held.read_text() != "0", within=10)

    ahead.write_text(str(LEASE_SECONDS))

    eventually(lambda: held.read_text() == "0", within=10)
    for service in services:
        assert service.end() == 0
