"""Times and dates that every door understands alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.contracts.base import Day, Model, Moment

NOW = "2026-11-21T10:00:00Z"


class Appointment(Model):
    at: Moment
    on: Day


def read(at: str = "2026-11-21T10:00:00Z", on: str = "2026-11-21") -> Appointment:
    return Appointment.model_validate_json(f'{{"at": "{at}", "on": "{on}"}}')


def test_a_time_is_kept_in_utc_whatever_offset_it_came_with() -> None:
    assert read(at="2026-11-21T10:00:00+23:30").at == datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
    assert read(at="2026-11-21T10:00:00+23:30").at.tzinfo is UTC


@pytest.mark.parametrize("at", ["2026-11-21T10:00:00", "0001-01-01T00:00:00+14:00", "yesterday"])
def test_a_time_without_an_offset_or_beyond_every_calendar_is_refused(at: str) -> None:
    with pytest.raises(ValidationError):
        read(at=at)


@pytest.mark.parametrize(
    "at",
    [
        "1800000000",
        "170000000",
        "1800000000000",
        "1800000000.5",
        "-5",
        "2026-11-21",
        "20261121T100000Z",
        "2026-11-21T10:00Z",
        "2026-11-21T10:00:00+0100",
        "2026-11-21T10:00:00Z ",
        "\u0662\u0660\u0662\u0666-11-21T10:00:00Z",
        "",
    ],
)
def test_a_time_is_a_date_time_of_rfc_3339_and_nothing_else(at: str) -> None:
    with pytest.raises(ValidationError, match="RFC 3339"):
        read(at=at)


@pytest.mark.parametrize("number", ["1800000000", "1800000000.5", "true", "null"])
def test_a_number_is_neither_a_time_nor_a_date(number: str) -> None:
    for body in (f'{{"at": {number}, "on": "2026-11-21"}}', f'{{"at": "{NOW}", "on": {number}}}'):
        with pytest.raises(ValidationError):
            Appointment.model_validate_json(body)


@pytest.mark.parametrize(
    "at", [NOW, "2026-11-21t10:00:00z", "2026-11-21T10:00:00.123456Z", "2026-11-21T11:00:00+01:00"]
)
def test_every_way_of_rfc_3339_is_understood(at: str) -> None:
    assert read(at=at).at.replace(microsecond=0) == datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "on", ["1795219200", "20261121", "2026-W47-6", "2026-11-21T00:00:00Z", "2026-11-21 "]
)
def test_a_date_is_written_as_year_month_day_and_nothing_else(on: str) -> None:
    with pytest.raises(ValidationError, match="YYYY-MM-DD"):
        read(on=on)


@pytest.mark.parametrize("on", ["9999-12-31", "1899-12-31", "21.11.2026"])
def test_a_date_beyond_every_calendar_is_refused(on: str) -> None:
    with pytest.raises(ValidationError):
        read(on=on)
