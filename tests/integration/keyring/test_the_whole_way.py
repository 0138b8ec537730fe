"""A survivor asks to be erased: from their wish to unreadable words, through every part."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.base import Request
from shared.contracts.intake import (
    BeginInquiry,
    GetNeeds,
    GetTimeline,
    GiveConfidentialityNotice,
    RequestErasure,
    StateNeed,
)
from shared.contracts.keyring import LEASE_SECONDS, OpenedKey
from shared.contracts.refusal import Refused
from shared.identity.principal import Principal
from shared.messaging.embedded import Platform
from shared.sealing.keys import DataKey
from tests.support.eventually import eventually
from tests.support.postgres import embedded_server

WORDS = "a canary in my own words"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.ahead = 0.0
        """Seconds that went by for those who count, and not for the machine."""

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(clock: Clock) -> Iterator[Platform]:
    with embedded_server() as server:
        running = Platform(
            server,
            b"s" * 32,
            names=("intake", "keyring"),
            clock=clock,
            monotonic=lambda: monotonic() + clock.ahead,
            look_every=0.05,
        ).start()
        yield running
        running.stop()


def test_a_need_is_read_until_its_key_is_destroyed_and_never_after(
    platform: Platform, clock: Clock
) -> None:
    gateway = platform.caller("gateway")

    def ask(request: Request, person: Principal) -> Any:
        return gateway.call("intake", request.method(), request, person, uuid4())

    begun: UUID = ask(BeginInquiry(), Principal.anyone()).participation_id
    survivor = Principal.survivor(begun)
    ask(
        GiveConfidentialityNotice(participation_id=begun, base="alone", notice_version="alone-1"),
        survivor,
    )
    ask(StateNeed(participation_id=begun, words=WORDS), survivor)

    def words() -> list[str | None]:
        return [need.words for need in ask(GetNeeds(participation_id=begun), survivor).needs]

    def noted() -> set[str]:
        return {e.what for e in ask(GetTimeline(participation_id=begun), survivor).entries}

    assert words() == [WORDS]

    ask(RequestErasure(participation_id=begun, record_classes=("needs",)), survivor)

    eventually(lambda: words() == [None], within=30)
    with pytest.raises(Refused) as refused:
        ask(StateNeed(participation_id=begun, words=WORDS), survivor)
    assert refused.value.code in ("erasure_under_way", "key_destroyed")

    eventually(lambda: "erasure_keys_destroyed" in noted(), within=30)
    clock.now += timedelta(seconds=61)
    eventually(lambda: "erasure_completed" in noted(), within=30)
    assert words() == [None]

    ask(StateNeed(participation_id=begun, words="and now I say it myself"), survivor)
    assert words() == [None, "and now I say it myself"]


def test_an_idle_platform_holds_no_key_beyond_its_loan(platform: Platform, clock: Clock) -> None:
    """Nobody asks for anything more, and no news of any erasure comes."""
    gateway = platform.caller("gateway")

    def ask(request: Request, person: Principal) -> Any:
        return gateway.call("intake", request.method(), request, person, uuid4())

    begun: UUID = ask(BeginInquiry(), Principal.anyone()).participation_id
    survivor = Principal.survivor(begun)
    notice = {"base": "alone", "notice_version": "alone-1"}
    ask(GiveConfidentialityNotice(participation_id=begun, **notice), survivor)
    ask(StateNeed(participation_id=begun, words=WORDS), survivor)
    assert [n.words for n in ask(GetNeeds(participation_id=begun), survivor).needs] == [WORDS]

    def held() -> list[object]:
        """Keys of this survivor anywhere in this process, and answers with one in them."""
        gc.collect()
        return [
            o
            for o in gc.get_objects()
            if isinstance(o, DataKey | OpenedKey) and o.participation_id == begun
        ]

    assert held()
    clock.ahead += LEASE_SECONDS
    eventually(lambda: held() == [], within=10)
    assert [n.words for n in ask(GetNeeds(participation_id=begun), survivor).needs] == [WORDS]
