"""Nobody can make a survivor's no lose a race."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Barrier, Event
from uuid import uuid4

import pytest

from shared.contracts.consent import GrantProposed
from shared.contracts.items import ItemRef
from shared.contracts.refusal import Refused
from tests.integration.consent.world import World
from tests.support.eventually import eventually
from tests.support.examples import NOOR, ROSA

PAIRS = 200


@pytest.fixture
def agencies(world: World) -> Iterator[World]:
    """The same service again, as a second replica: where the askers come in."""
    second = copy(world)
    second.app = world.replica()
    yield second
    second.app.close()


def code_of(asked: Callable[[], object]) -> str | None:
    """How it was refused, or None where it was not."""
    try:
        asked()
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.rule("R09")
@pytest.mark.rule("I03")
def test_no_disclosure_follows_a_revocation_in_200_races(world: World, agencies: World) -> None:
    grants = [world.given() for _ in range(PAIRS)]
    with ThreadPoolExecutor(8) as pool:

        def race(grant: GrantProposed) -> str | None:
            start = Barrier(2)

            def ask() -> str | None:
                start.wait()
                return code_of(lambda: agencies.ask(grant.agency_reference))

            with ThreadPoolExecutor(1) as asker:
                asked = asker.submit(ask)
                start.wait()
                assert world.revoke(grant).state == "revoked"
                # The revocation is acknowledged: whoever asks from here on gets nothing.
                assert agencies.answer(grant.agency_reference)["code"] == "nothing_released"
                return asked.result()

        answers = list(pool.map(race, grants))

    streams = [world.log(grant.grant_id) for grant in grants]
    assert all(stream[-1] == "GrantRevoked" for stream in streams)
    assert all(stream.count("GrantRevoked") == 1 for stream in streams)
    assert set(answers) <= {None, "nothing_released"}
    assert ["DisclosureMade" in stream for stream in streams] == [a is None for a in answers]


@pytest.mark.rule("R09")
def test_a_revocation_gets_through_a_crowd_of_askers(world: World, agencies: World) -> None:
    items = tuple(ItemRef(service="intake", kind="need", item_id=uuid4()) for _ in range(50))
    grant = world.given(items=items)
    stop, acknowledged = Event(), Event()

    def crowd(number: int) -> int:
        late = 0
        while not stop.is_set():
            for item in items[number::6]:
                sent_after = acknowledged.is_set()
                agencies.later(seconds=31)  # too late to be answered with the last disclosure
                try:
                    agencies.ask(grant.agency_reference, item=item)
                    late += sent_after
                except Refused:
                    pass
        return late

    with ThreadPoolExecutor(6) as pool:
        crowds = [pool.submit(crowd, number) for number in range(6)]
        try:
            eventually(lambda: world.log(grant.grant_id).count("DisclosureMade") > 20)
            assert world.revoke(grant).state == "revoked"
            acknowledged.set()
            for _ in range(20):
                world.answer(grant.agency_reference, item=items[0])
        finally:
            stop.set()
        assert [each.result() for each in crowds] == [0] * 6

    assert world.log(grant.grant_id)[-1] == "GrantRevoked"


@pytest.mark.rule("R71")
def test_a_no_and_a_confirmation_at_the_same_moment_leave_nothing_open(world: World) -> None:
    world.assign(ROSA)
    world.notice()
    for _ in range(40):
        grant = world.explained(ROSA)
        world.give(grant, ROSA)
        start = Barrier(2)

        def confirm(grant: GrantProposed = grant, start: Barrier = start) -> None:
            start.wait()
            assert code_of(lambda: world.confirm(grant, NOOR)) in (
                None,
                "changed_meanwhile",
                "grant_ended",
            )

        with ThreadPoolExecutor(1) as pool:
            confirmed = pool.submit(confirm)
            start.wait()
            assert world.decline(grant).state in ("declined", "revoked")
            confirmed.result()

        assert world.log(grant.grant_id)[-1] in ("GrantDeclined", "GrantRevoked")
        assert world.answer(grant.agency_reference)["code"] == "nothing_released"
