"""The service as others reach it: a signed token and JSON in, an answer or a refusal out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.notifications.service import SERVICE_CLASS
from shared.contracts.notifications import SERVICE
from shared.identity.principal import Principal
from tests.integration.notifications.world import World
from tests.support.examples import (
    ADDRESS,
    IVO,
    MARIA,
    NAME_TO_USE,
    NOON,
    NOOR,
    OTHER_SURVIVOR,
    ROSA,
    SURVIVOR,
)
from tests.support.knocking import Door
from tests.unit.notifications import news

WHOSE = {"participation_id": str(MARIA)}
MAIL = {
    **WHOSE,
    "channel": "email",
    "address": ADDRESS,
    "name_to_use": NAME_TO_USE,
    "hours": {"weekdays": [0, 1, 2], "start": "09:00", "end": "17:00", "time_zone": "UTC"},
    "verified_on": NOON.date().isoformat(),
}


@pytest.fixture
def door(world: World) -> Iterator[Door]:
    door = Door("notifications", world.app, lambda: world.now)
    yield door
    door.close()


def test_every_request_of_the_contract_has_its_method() -> None:
    for request in SERVICE.requests:
        assert callable(getattr(SERVICE_CLASS, request.method()))


@pytest.mark.rule("R26")
def test_from_a_survivors_words_to_a_notice_in_the_queue_and_out_of_it(
    door: Door, world: World
) -> None:
    declared = door.knock(SURVIVOR, "declare_channel_safe", **MAIL)["ok"]
    assert declared["state"] == "safe"
    assert door.knock(SURVIVOR, "choose_topic", **WHOSE, topic="sharing")["ok"] == {
        "state": "chosen"
    }

    world.hear(news.grant_given())

    [notice] = door.knock(SURVIVOR, "get_notices", **WHOSE)["ok"]["notices"]
    assert (notice["topic"], notice["state"]) == ("sharing", "queued")
    seen = door.knock(SURVIVOR, "get_preference", **WHOSE)["ok"]
    assert seen["topics"] == ["sharing"]
    assert seen["channels"][0]["address"] == ADDRESS
    assert seen["channels"][0]["hours"] == MAIL["hours"]
    assert door.knock(SURVIVOR, "stop_everything", **WHOSE)["ok"] == {"state": "stopped"}
    world.run_due()
    assert world.states() == [("suppressed", "not_chosen")]


@pytest.mark.rule("R71")
def test_from_an_advocates_record_to_a_second_persons_confirmation(
    door: Door, world: World
) -> None:
    world.hear(news.assigned(ROSA))
    early = door.refusal(ROSA, "declare_channel_safe", **MAIL)
    assert early["code"] == "notice_not_given"
    world.hear(news.notice_given())

    declared = door.knock(ROSA, "declare_channel_safe", **MAIL)["ok"]
    assert declared["state"] == "awaiting_confirmation"
    named = {**WHOSE, "channel_id": declared["channel_id"]}

    for nobody in (ROSA, IVO):
        assert door.refusal(nobody, "confirm_channel", **named)["code"] == "not_allowed"
    assert door.knock(NOOR, "confirm_channel", **named)["ok"]["state"] == "safe"


def test_whoever_is_not_assigned_learns_nothing(door: Door) -> None:
    door.knock(SURVIVOR, "declare_channel_safe", **MAIL)

    for who in (ROSA, OTHER_SURVIVOR, Principal.anyone()):
        for method in ("get_preference", "get_notices", "stop_everything"):
            assert door.refusal(who, method, **WHOSE)["code"] == "not_allowed"


def test_a_refusal_repeats_nothing_of_what_was_sent(door: Door) -> None:
    wrong_zone = {**MAIL, "hours": {**MAIL["hours"], "time_zone": "Mars/Olympus"}}
    too_late = {**MAIL, "verified_on": "2020-01-01"}
    no_such = {**MAIL, "channel": "carrier_pigeon"}

    refused = [
        door.refusal(SURVIVOR, "declare_channel_safe", **asked)
        for asked in (wrong_zone, too_late, no_such)
    ]

    assert [r["code"] for r in refused] == ["unknown_time_zone", "verified_too_long_ago", "invalid"]
    assert all(ADDRESS not in str(r) and "Olympus" not in str(r) for r in refused)


@pytest.mark.rule("R22")
def test_the_survivors_own_words_too_come_after_the_notice_but_no_no_does(
    door: Door, world: World
) -> None:
    channel = door.knock(SURVIVOR, "declare_channel_safe", **MAIL)["ok"]["channel_id"]
    world.hear(news.assigned(ROSA))
    before = len(world.rows("events"))

    for method, more in (
        ("declare_channel_safe", MAIL),
        ("confirm_channel", {**WHOSE, "channel_id": channel}),
        (
            "verify_preference",
            {**WHOSE, "channel_id": channel, "verified_on": NOON.date().isoformat()},
        ),
        ("choose_topic", {**WHOSE, "topic": "sharing"}),
        ("confirm_topic", {**WHOSE, "topic": "sharing"}),
    ):
        assert door.refusal(SURVIVOR, method, **more)["code"] == "notice_not_given"
    assert len(world.rows("events")) == before
    for method, more in (
        ("drop_topic", {**WHOSE, "topic": "sharing"}),
        ("declare_channel_unsafe", {**WHOSE, "channel_id": channel}),
        ("stop_everything", WHOSE),
    ):
        assert "ok" in door.knock(SURVIVOR, method, **more)


@pytest.mark.rule("R22")
def test_staff_read_no_word_before_the_notice_of_their_base(door: Door, world: World) -> None:
    door.knock(SURVIVOR, "declare_channel_safe", **MAIL)
    world.hear(news.assigned(ROSA))

    for method in ("get_preference", "get_notices"):
        assert door.refusal(ROSA, method, **WHOSE)["code"] == "notice_not_given"
        assert "ok" in door.knock(SURVIVOR, method, **WHOSE)

    world.hear(news.notice_given())

    for method in ("get_preference", "get_notices"):
        assert "ok" in door.knock(ROSA, method, **WHOSE)
