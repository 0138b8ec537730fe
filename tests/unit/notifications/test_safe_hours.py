"""Safe hours, on the person's own clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.notifications.domain.hours import EmptyHours, SafeHours, UnknownTimeZone

EVERY_DAY = range(7)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_inside_safe_hours_the_moment_itself_is_safe() -> None:
    hours = SafeHours.of(EVERY_DAY, "09:00", "17:00", "UTC")

    assert hours.next_opening(at("2026-06-01T12:00")) == at("2026-06-01T12:00")


def test_the_end_is_not_inside() -> None:
    hours = SafeHours.of(EVERY_DAY, "09:00", "17:00", "UTC")

    assert hours.next_opening(at("2026-06-01T17:00")) == at("2026-06-02T09:00")


def test_hours_are_those_of_the_persons_zone() -> None:
    hours = SafeHours.of(EVERY_DAY, "09:00", "17:00", "America/Chicago")

    assert hours.next_opening(at("2026-06-01T12:00")) == at("2026-06-01T14:00")


def test_only_the_named_weekdays_are_safe() -> None:
    sundays = SafeHours.of([6], "09:00", "17:00", "UTC")

    assert sundays.next_opening(at("2026-06-01T12:00")) == at("2026-06-07T09:00")


def test_an_end_before_the_start_is_on_the_next_morning() -> None:
    nights = SafeHours.of([0], "22:00", "02:00", "UTC")

    assert nights.next_opening(at("2026-06-02T01:00")) == at("2026-06-02T01:00")
    assert nights.next_opening(at("2026-06-02T03:00")) == at("2026-06-08T22:00")


def test_an_hour_that_never_happens_is_no_safe_hour() -> None:
    """On 8 March 2026 the clocks of Chicago go from 02:00 to 03:00."""
    sundays = SafeHours.of([6], "02:00", "03:00", "America/Chicago")

    assert sundays.next_opening(at("2026-03-05T00:00")) == at("2026-03-15T07:00")


def test_of_an_hour_that_happens_twice_only_the_unambiguous_part_is_safe() -> None:
    """On 1 November 2026 the clocks of Chicago show 01:30 at 06:30 and at 07:30 UTC."""
    sundays = SafeHours.of([6], "01:30", "04:00", "America/Chicago")

    assert sundays.next_opening(at("2026-11-01T06:30")) == at("2026-11-01T07:30")


@pytest.mark.parametrize(
    "name",
    [
        "Mars/Olympus",
        "../../etc/passwd",
        "America",
        "/",
        "-",
        "localtime",
        "Factory",
        "posixrules",
        "posix/America/Chicago",
        "right/UTC",
    ],
)
def test_a_zone_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        SafeHours.of(EVERY_DAY, "09:00", "17:00", name)


@pytest.mark.parametrize("name", ["UTC", "America/Chicago", "Etc/GMT+5", "US/Central", "EST5EDT"])
def test_a_zone_of_the_database_is_known(name: str) -> None:
    assert SafeHours.of(EVERY_DAY, "09:00", "17:00", name).time_zone == name


def test_hours_without_a_moment_are_refused() -> None:
    with pytest.raises(EmptyHours):
        SafeHours.of(EVERY_DAY, "09:00", "09:00", "UTC")


def test_the_day_is_the_persons_day() -> None:
    hours = SafeHours.of(EVERY_DAY, "09:00", "17:00", "Pacific/Auckland")

    assert hours.date_at(at("2026-06-01T13:00")) == date(2026, 6, 2)


@settings(max_examples=300, deadline=None)
@given(
    weekdays=st.sets(st.integers(0, 6), min_size=1),
    start=st.integers(0, 1439),
    end=st.integers(0, 1439),
    zone=st.sampled_from(
        ["UTC", "America/Chicago", "Australia/Lord_Howe", "Europe/London", "Asia/Kathmandu"]
    ),
    minutes=st.integers(0, 3 * 366 * 24 * 60),
)
def test_the_next_opening_is_always_inside_hours_as_the_wall_clock_shows_them(
    weekdays: set[int], start: int, end: int, zone: str, minutes: int
) -> None:
    assume(start != end)
    moment = at("2025-01-01T00:00") + timedelta(minutes=minutes)
    hours = SafeHours.of(sorted(weekdays), _clock(start), _clock(end), zone)

    opening = hours.next_opening(moment)

    local = opening.astimezone(ZoneInfo(zone))
    shown = local.hour * 60 + local.minute
    assert opening >= moment
    if start < end:
        assert start <= shown < end
        assert local.weekday() in weekdays
    else:
        assert shown >= start or shown < end
    assert hours.next_opening(opening) == opening


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def test_the_window_that_comes_next_says_when_it_ends() -> None:
    mornings = SafeHours.of(range(7), "08:00", "09:00", "UTC")
    tomorrow = at("2026-06-02 08:00")

    assert mornings.next_window(at("2026-06-01 12:00")) == (tomorrow, tomorrow + timedelta(hours=1))
    inside = tomorrow + timedelta(minutes=20)
    assert mornings.next_window(inside) == (inside, tomorrow + timedelta(hours=1))
