"""Times and dates that every door understands alike."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.contracts.base import Day, Model, Moment


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


@pytest.mark.parametrize("on", ["9999-12-31", "1899-12-31", "21.11.2026"])
def test_a_date_beyond_every_calendar_is_refused(on: str) -> None:
    with pytest.raises(ValidationError):
        read(on=on)
