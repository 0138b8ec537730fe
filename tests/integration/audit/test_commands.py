"""`sayso audit ...` as an auditor calls it: what is printed, and the exit status."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.audit.checks.pseudonyms import FILE
from shared import command_line
from shared.command_line import CANNOT_READ, HELD, Reading, main
from tests.integration.audit.books import Books
from tests.integration.audit.conftest import Sayso
from tests.integration.audit.plants import not_taken
from tests.integration.audit.story import HEARD, NEED

BROKEN, UNREADABLE = 10, 11
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}")


def lines(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_a_healthy_history_ends_with_status_0_and_says_what_was_not_judged(
    healthy: Books, sayso: Sayso
) -> None:
    status, printed = sayso(healthy, "audit", "invariants")
    assert status == HELD
    for code in ("I03", "I04", "I05", "I06", "I09", "I11", "I13", "I14", "I15", "I16"):
        assert re.search(rf"^{code}  holds ", printed, re.MULTILINE), code
    for code in ("I01", "I02", "I07", "I08", "I10", "I12"):
        assert re.search(rf"^{code}  not yet .*no such service", printed, re.MULTILINE), code
    assert f"consent/{len(healthy.rows['consent'])}" in printed


def test_a_broken_history_ends_with_its_own_status_and_names_the_place(
    healthy: Books, sayso: Sayso
) -> None:
    made = not_taken(healthy).set(purpose="prosecution")
    proposed = healthy.in_stream(made, "GrantProposed")
    status, printed = sayso(healthy.renumber(), "audit", "invariants")
    assert status == BROKEN
    assert re.search(
        rf"^I03  broken   consent/{made.position}  Grant [0-9a-f]{{16}}: the disclosure serves "
        rf"another purpose than the release \(against consent/{proposed.position}\)$",
        printed,
        re.MULTILINE,
    )
    assert re.search(r"^I03  broken 1× ", printed, re.MULTILINE)
    assert re.search(r"^I16  holds ", printed, re.MULTILINE)


def test_what_was_not_asked_is_not_said_to_hold(healthy: Books, sayso: Sayso) -> None:
    not_taken(healthy).set(purpose="prosecution")
    status, printed = sayso(healthy.renumber(), "audit", "invariants", "--only", "I16", "I15")
    assert status == HELD
    assert re.search(r"^I03  not asked ", printed, re.MULTILINE)


def test_an_entry_that_cannot_be_read_has_a_status_of_its_own(healthy: Books, sayso: Sayso) -> None:
    healthy.first("Noted").state["timestamp"] = "yesterday"
    status, printed = sayso(healthy, "audit", "invariants")
    assert status == UNREADABLE
    assert "is not judged" in printed


def test_json_is_one_object_a_line_with_the_same_findings(healthy: Books, sayso: Sayso) -> None:
    made = not_taken(healthy).set(purpose="prosecution")
    status, printed = sayso(healthy.renumber(), "audit", "invariants", "--json")
    assert status == BROKEN
    said = lines(printed)
    [finding] = [line for line in said if "finding" in line]
    assert (finding["finding"], finding["service"], finding["position"]) == (
        "I03",
        "consent",
        made.position,
    )
    standing = {line["invariant"]: line["state"] for line in said if "invariant" in line}
    assert standing["I03"] == "broken"
    assert standing["I01"] == "not yet"
    assert standing["I05"] == "holds"
    assert len(standing) == 16


def test_an_auditor_sees_pseudonyms_and_no_id_and_no_word(healthy: Books, sayso: Sayso) -> None:
    not_taken(healthy).set(purpose="prosecution")
    for more in ((), ("--json",)):
        _, printed = sayso(healthy.renumber(), "audit", "invariants", *more)
        assert not _UUID.search(printed)
        assert NEED not in printed
        assert HEARD not in printed


def test_under_one_key_a_stream_has_one_pseudonym_and_under_another_another(
    healthy: Books, sayso: Sayso, tmp_path: Path
) -> None:
    not_taken(healthy).set(purpose="prosecution")
    healthy.renumber()
    other = tmp_path / "other"
    other.write_bytes(b"o" * 32)

    def stream(*more: str) -> str:
        _, printed = sayso(healthy, "audit", "invariants", "--json", *more)
        return str(next(line["stream"] for line in lines(printed) if "finding" in line))

    assert stream() != stream()
    (tmp_path / FILE).write_bytes(b"k" * 32)
    assert stream() == stream() != stream("--pseudonym-key", str(other))


def test_a_key_that_is_too_short_is_refused(healthy: Books, sayso: Sayso, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(b"k")
    status, _ = sayso(healthy, "audit", "invariants", "--pseudonym-key", str(short))
    assert status == CANNOT_READ


def test_a_database_that_is_away_is_no_clean_history(
    healthy: Books, sayso: Sayso, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def nowhere(_: Path | None) -> Iterator[Reading]:
        yield Reading(("consent",), lambda _: "host=/nowhere dbname=none", Path("/nowhere"))

    monkeypatch.setattr(command_line, "reading", nowhere)
    assert main(["audit", "invariants"]) == CANNOT_READ
