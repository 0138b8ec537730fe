"""The judge of clocks that jump knows services that keep to a release's period from such as do not.

In memory: what answers here are services that could be, not the platform's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import consent, intake, notifications
from shared.contracts.base import Done
from shared.contracts.refusal import Refused
from tests.chaos.acknowledged import Acknowledged
from tests.chaos.clock import YEAR, Clocks, jumps
from tests.chaos.shifted import shifted


@dataclass
class Given:
    """A release as such services store it."""

    grant_id: UUID
    starts_at: datetime
    expires_at: datetime
    expired: bool = False
    """Whether its end is on record."""


class Services:
    """All that is asked of a platform, by the clock in the file. What they do wrong is ``open``."""

    def __init__(self, file: Path, *, timer: bool = True) -> None:
        """``timer``: whether ends are put on record as soon as they have come."""
        self._file, self._timer = file, timer
        self._given: dict[UUID, Given] = {}
        self.processes = self

    def now(self) -> datetime:
        return shifted(self._file)

    def open(self, release: Given) -> bool:
        return not release.expired and release.starts_at <= self.now() < release.expires_at

    def caller(self, patience: float, clock: Callable[[], datetime]) -> Services:
        return self

    def call(self, service: str, method: str, asked: Any, who: Any, key: Any = None) -> Any:
        for release in self._given.values():
            release.expired |= self._timer and self.now() >= release.expires_at
        match asked:
            case consent.ProposeGrant():
                release = Given(uuid4(), self.now(), asked.expires_at)
                reference = uuid4()
                self._given[reference] = release
                return consent.GrantProposed(
                    grant_id=release.grant_id, agency_reference=reference, state="proposed"
                )
            case consent.RequestDisclosure():
                if self.open(self._given[asked.agency_reference]):
                    return consent.DisclosureGranted(disclosure_id=uuid4(), take_before=self.now())
                raise Refused("nothing", code="nothing_released")
        return self._answered(asked)

    def _answered(self, asked: Any) -> Any:
        match asked:
            case intake.BeginInquiry():
                return intake.InquiryBegun(case_id=uuid4(), participation_id=uuid4(), state="begun")
            case intake.StateNeed():
                return intake.NeedRecorded(need_id=uuid4(), state="stated")
            case intake.GetNotice():
                return intake.NoticeText(
                    base="alone", notice_version="1", language="en", sentences=()
                )
            case consent.GetExplanation():
                return consent.ExplanationText(
                    explanation_version="1", language="en", benefits="", risks="",
                    alternatives="", revoking="",
                )  # fmt: skip
            case consent.GiveGrant():
                return consent.GrantDecided(grant_id=asked.grant_id, state="given")
            case (
                intake.GiveConfidentialityNotice()
                | intake.GetOptions()
                | notifications.ChooseTopic()
                | consent.ExplainGrant()
            ):
                return Done(state="done")
        raise AssertionError(f"unexpected: {asked}")

    def value(self, _service: str, sql: str) -> int:
        found = re.search(r"originator_id = '([0-9a-f-]+)'", sql)
        assert found, sql
        return sum(r.expired for r in self._given.values() if str(r.grant_id) == found[1])


class NeverOver(Services):
    def open(self, release: Given) -> bool:
        return release.starts_at <= self.now()


class OpenEarly(Services):
    def open(self, release: Given) -> bool:
        return not release.expired and self.now() < release.expires_at


class OpenAgain(Services):
    """Forgets the end that is on record."""

    def open(self, release: Given) -> bool:
        return release.starts_at <= self.now() < release.expires_at


class OverTooSoon(Services):
    def open(self, release: Given) -> bool:
        return super().open(release) and self.now() >= datetime.now(UTC) + YEAR / 2


class ClockOfTheirOwn(Services):
    """Whatever the file says: the clocks that were to jump did not."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def found(services: Services, seed: int, folder: Path) -> list[str]:
    told = Acknowledged(folder / "told.jsonl")
    file = folder / "off"
    file.write_text("0")
    people = Clocks(services, file, told)  # type: ignore[arg-type]
    people.begin()
    for off in jumps(seed):
        people.jump(off)
    told.close()
    assert len(people.releases) == len(jumps(seed))
    return people.findings


@pytest.mark.parametrize("timer", [True, False], ids=["ends put on record", "not yet"])
def test_services_that_keep_to_the_period_break_nothing(tmp_path: Path, timer: bool) -> None:
    for seed in range(20):
        assert found(Services(tmp_path / "off", timer=timer), seed, tmp_path) == []


PLANTED: Mapping[type[Services], str] = {
    NeverOver: "is open at",
    OpenEarly: "is open at",
    OpenAgain: "is open at",
    ClockOfTheirOwn: "is open at",
    OverTooSoon: "is closed: nothing_released",
}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.__name__)
def test_in_whatever_order_clocks_jump_a_planted_violation_is_found(
    tmp_path: Path, planted: type[Services]
) -> None:
    for seed in range(20):
        findings = found(planted(tmp_path / "off"), seed, tmp_path)
        assert any(PLANTED[planted] in finding for finding in findings), f"seed {seed}: {findings}"


def test_every_order_of_jumps_goes_both_ways_and_begins_and_ends_right() -> None:
    for seed in range(20):
        order = jumps(seed)
        assert order[0] == order[-1] == timedelta(0)
        assert {YEAR, -YEAR} < set(order)
        assert jumps(seed) == order
