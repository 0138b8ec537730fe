"""Every clock of the platform jumps by a year, forward and backward.

The order of the log does not depend on it. A release ends on the safe side: never later
than its end by any clock that was right, and what once ended stays so when time runs again.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from shared.contracts import consent, intake, notifications
from shared.contracts.base import Command, Query
from shared.contracts.items import ItemRef
from shared.contracts.refusal import Refused
from shared.identity.principal import Principal
from shared.messaging.assembly import written
from tests.chaos.acknowledged import Acknowledged
from tests.chaos.lives import AGENCY, Asked
from tests.chaos.people import Asking, wordings
from tests.chaos.platform import COMES_BACK, Platform
from tests.chaos.shifted import shifted
from tests.support.eventually import eventually

YEAR = timedelta(days=365)
JUMPS = (YEAR, -YEAR, YEAR, timedelta(0), -YEAR, timedelta(0))
"""Off by so much, one after another; the last is right again."""
HOUSING = Principal.agency(AGENCY)


@dataclass(frozen=True)
class Release:
    """A release for two weeks, and by how much the clock was off when it was given."""

    reference: UUID
    grant_id: UUID
    item: ItemRef
    given_at: timedelta


class Clocks:
    """What one survivor and an agency do while clocks jump."""

    def __init__(self, platform: Platform, file: Path, told: Acknowledged) -> None:
        self._platform, self._file = platform, file
        self._caller = platform.processes.caller(patience=5.0, clock=lambda: shifted(file))
        self._asking = Asking(self._caller, told)
        self.findings: list[str] = []
        self.releases: list[Release] = []
        self.ended: set[UUID] = set()

    def begin(self) -> None:
        """The survivor begins, and states a need."""
        self._wordings = eventually(lambda: wordings(self._caller), within=60)
        begun = self._must("intake", intake.BeginInquiry(), Principal.anyone())
        self._whose: UUID = begun.participation_id
        self._me = Principal.survivor(self._whose)
        notice = intake.GiveConfidentialityNotice(
            participation_id=self._whose, base="alone", notice_version=self._wordings.notice
        )
        self._must("intake", notice, self._me)
        topic = notifications.ChooseTopic(participation_id=self._whose, topic="sharing")
        self._must("notifications", topic, self._me)
        need = intake.StateNeed(participation_id=self._whose, words="a door that locks")
        stated = self._must("intake", need, self._me)
        self._item = ItemRef(service="intake", kind="need", item_id=stated.need_id)

    def jump(self, off: timedelta) -> None:
        """Every clock is off by so much from now on; then everybody acts."""
        self._file.write_text(str(off.total_seconds()))
        self._settled()
        for release in self.releases:
            self._check(release, off)
        made = self._release(off)
        self.releases.append(made)
        self._check(made, off)

    def _check(self, release: Release, off: timedelta) -> None:
        """Granted exactly where its period is now and it never ended."""
        answer = self._asked_for(release)
        open_now = release.given_at == off and release.grant_id not in self.ended
        # Given under the same clock, and put on record as expired under a later one: over.
        if answer == "granted" and not open_now:
            self.findings.append(
                f"inconsistent: a release given at {release.given_at} is open at {off}"
            )
        if answer != "granted" and open_now and not self._expired(release):
            self.findings.append(f"lost: a release given at {off} is closed: {answer}")
        if self._expired(release):
            self.ended.add(release.grant_id)

    def _release(self, off: timedelta) -> Release:
        proposal = consent.ProposeGrant(
            participation_id=self._whose,
            recipient_agency_id=AGENCY,
            items=(self._item,),
            purpose="housing",
            expires_at=shifted(self._file) + timedelta(days=14),
        )
        made = self._must("consent", proposal, self._me)
        named = {"participation_id": self._whose, "grant_id": made.grant_id}
        explanation = self._wordings.explanation
        self._must(
            "consent", consent.ExplainGrant(**named, explanation_version=explanation), self._me
        )
        self._must("consent", consent.GiveGrant(**named), self._me)
        return Release(made.agency_reference, made.grant_id, self._item, off)

    def _asked_for(self, release: Release) -> str:
        ask = consent.RequestDisclosure(
            agency_reference=release.reference, item=release.item, purpose="housing"
        )
        try:
            self._asking.answered(Asked("consent", ask, HOUSING), uuid4())
        except Refused as refused:
            return refused.code
        return "granted"

    def _expired(self, release: Release) -> bool:
        return bool(
            self._platform.value(
                "consent",
                "SELECT count(*) FROM events WHERE topic LIKE '%.GrantExpired'"
                f" AND originator_id = '{release.grant_id}'",
            )
        )

    def _settled(self) -> None:
        """Until a question is answered: tokens of before the jump are refused meanwhile."""
        query: Query = intake.GetOptions()

        def answered() -> bool:
            try:
                self._caller.call("intake", query.method(), query, Principal.anyone())
            except Refused:
                return False
            return True

        eventually(answered, within=COMES_BACK)

    def _must(self, service: str, command: Command, who: Principal) -> Any:
        return self._asking.must(Asked(service, command, who), uuid4())


@contextmanager
def wrong_clocks(platform: Platform, file: Path) -> Iterator[None]:
    """Every service with a clock that is off by what the file says; as before after the block."""
    file.write_text("0")
    for name in written():
        platform.up[name].end()
        platform.up[name] = platform.processes.start(name, "tests.chaos.shifted", name, str(file))
    platform.wait_until_ready()
    try:
        yield
    finally:
        for name in written():
            platform.up[name].end()
            platform.up[name] = platform.processes.start(name)
        platform.wait_until_ready()


def jumps(seed: int) -> list[timedelta]:
    """In an order of the seed's; the clock is right at the beginning and in the end."""
    order = list(JUMPS[:-1])
    random.Random(f"clock/{seed}").shuffle(order)
    return [timedelta(0), *order, timedelta(0)]
