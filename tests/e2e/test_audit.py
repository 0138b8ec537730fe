"""An auditor's commands on a whole platform, as processes with their exit statuses."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg2
import pytest

from tests.e2e.conftest import Running
from tests.e2e.test_journey import play

SAYSO = Path(__file__).parents[2] / "infra/sayso"


def sayso(platform: Running, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SAYSO), "--folder", str(platform.folder), "audit", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.rule("I03")
@pytest.mark.rule("R09")
def test_the_journey_and_its_races_break_nothing_and_one_row_below_them_is_found(
    embedded: Running,
) -> None:
    play(embedded, race=50)

    held = sayso(embedded, "invariants")
    assert held.returncode == 0, held.stdout + held.stderr
    assert len(re.findall(r"^I\d\d  holds ", held.stdout, re.MULTILINE)) == 10

    _disclose_once_more(embedded.dsn("sayso_consent"))
    broken = sayso(embedded, "invariants")
    assert broken.returncode == 10, broken.stdout + broken.stderr
    assert re.findall(r"^(I\d\d)  broken   consent/", broken.stdout, re.MULTILINE) == ["I03"]

    shown = sayso(embedded, "replay", "--counts")
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"^ +\d+  consent Grant revoked$", shown.stdout, re.MULTILINE)


def _disclose_once_more(dsn: str) -> None:
    """A disclosure after the revocation of its release, as only the owner of the database can."""
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events SELECT (SELECT max(position) + 1 FROM events), d.originator_id,"
            " (SELECT max(originator_version) + 1 FROM events e"
            " WHERE e.originator_id = d.originator_id), d.topic, d.state, NULL"
            " FROM events d JOIN events r ON r.originator_id = d.originator_id"
            " WHERE d.topic LIKE '%.DisclosureMade' AND r.topic LIKE '%.GrantRevoked' LIMIT 1"
        )
        assert cursor.rowcount == 1
    connection.close()
