"""Where the database is comes from the environment; passwords come from files."""

from __future__ import annotations

from pathlib import Path

from psycopg2.extensions import parse_dsn

from shared.eventstore.location import HALF_OPEN, Location


def test_a_role_connects_to_its_services_database_with_its_own_password(tmp_path: Path) -> None:
    (tmp_path / "db_consent_query").write_text("o'd d\n")
    where = Location(
        {
            "SAYSO_POSTGRES_HOST": "postgres",
            "SAYSO_POSTGRES_PORT": "5433",
            "SAYSO_SECRETS": str(tmp_path),
        }
    )
    assert parse_dsn(where.dsn("consent", "query")) == {
        "host": "postgres",
        "port": "5433",
        "dbname": "sayso_consent",
        "user": "consent_query",
        "password": "o'd d",
    } | {name: str(value) for name, value in HALF_OPEN.items()}


def test_nobody_waits_for_a_server_that_vanished_longer_than_half_a_minute() -> None:
    silent = HALF_OPEN["keepalives_idle"] + (
        HALF_OPEN["keepalives_interval"] * HALF_OPEN["keepalives_count"]
    )
    assert max(silent, HALF_OPEN["tcp_user_timeout"] / 1000) < 30


def test_without_a_password_file_none_is_sent(tmp_path: Path) -> None:
    where = Location({"SAYSO_POSTGRES_HOST": "/tmp/socket", "SAYSO_SECRETS": str(tmp_path)})
    assert "password" not in parse_dsn(where.admin_dsn())
    assert parse_dsn(where.admin_dsn())["host"] == "/tmp/socket"
