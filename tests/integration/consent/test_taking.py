"""What leaves stands in the stream of its release: before a no, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from services.consent.domain.errors import DisclosureNotGranted
from shared.contracts.consent import HAND_OVER_WITHIN, GrantProposed
from shared.contracts.refusal import NotAllowed, Refused
from shared.identity.principal import Principal
from tests.integration.consent.world import HOUSING, World
from tests.support.examples import HOUSING_AGENCY, MARIA, SURVIVOR

RACES = 100


@pytest.fixture
def owner(world: World) -> Iterator[World]:
    """The same service again, as a second replica: where those who hand over come in."""
    second = copy(world)
    second.app = world.replica()
    yield second
    second.app.close()


def disclosed(world: World, grant: GrantProposed) -> UUID:
    made: UUID = world.ask(grant.agency_reference).disclosure_id
    return made


def refused(world: World, disclosure_id: UUID, key: UUID | None = None) -> str:
    try:
        taken = world.take(disclosure_id, key)
    except Refused as no:
        return no.code
    raise AssertionError(f"taken: {taken}")


@pytest.mark.rule("R23")
def test_the_owner_of_the_item_takes_it_and_the_grant_puts_it_on_record(world: World) -> None:
    grant = world.given()
    disclosure = disclosed(world, grant)
    world.later(seconds=1)

    taken = world.take(disclosure)

    assert (taken.participation_id, taken.agency_id) == (MARIA, HOUSING_AGENCY)
    assert (taken.item, taken.taken_at) == (world.need, world.now)
    assert taken.hand_over_within == HAND_OVER_WITHIN.total_seconds()
    assert world.log(grant.grant_id)[-2:] == ["DisclosureMade", "DisclosureTaken"]
    assert refused(world, disclosure) == "nothing_released"
    assert world.view(grant).disclosures == 1


def test_nobody_but_the_owner_of_the_item_takes_it(world: World) -> None:
    disclosure = disclosed(world, world.given())
    for who in (HOUSING, SURVIVOR, Principal.service("notifications"), Principal.anyone()):
        with pytest.raises(NotAllowed):
            world.take(disclosure, who=who)
    assert "DisclosureTaken" not in world.log()


@pytest.mark.rule("I03")
def test_the_time_to_hand_over_ends_with_the_release(world: World) -> None:
    grant = world.given(expires_at=world.now + 3 * HAND_OVER_WITHIN)
    disclosure = disclosed(world, grant)
    world.later(seconds=14)

    assert world.take(disclosure).hand_over_within == 1


@pytest.mark.rule("R09")
def test_a_repeat_is_answered_while_the_release_stands_and_the_time_lasts(world: World) -> None:
    grant, key = world.given(), uuid4()
    disclosure = disclosed(world, grant)
    first = world.take(disclosure, key)
    world.later(seconds=2)

    again = world.take(disclosure, key)

    assert again.taken_at == first.taken_at
    assert again.hand_over_within == HAND_OVER_WITHIN.total_seconds() - 2
    assert world.log(grant.grant_id).count("DisclosureTaken") == 1
    world.later(seconds=3)
    assert refused(world, disclosure, key) == "nothing_released"


@pytest.mark.rule("R09")
def test_a_repeat_after_the_end_of_the_release_is_refused(world: World) -> None:
    for end in ("revoked", "declined", "superseded", "expired", "erased"):
        grant, key = world.given(expires_at=world.now + 2 * HAND_OVER_WITHIN), uuid4()
        disclosure = disclosed(world, grant)
        world.later(seconds=8)
        world.take(disclosure, key)
        match end:
            case "revoked":
                world.revoke(grant)
            case "declined":
                world.decline(grant)
            case "superseded":
                world.given(supersedes=grant.grant_id)
            case "expired":
                world.later(seconds=2)
            case "erased":
                world.erase(world.need)

        assert refused(world, disclosure, key) == "nothing_released", end


def test_a_clock_that_was_put_back_gives_no_more_time(world: World) -> None:
    disclosure, key = disclosed(world, world.given()), uuid4()
    world.take(disclosure, key)
    world.later(hours=-1)

    assert world.take(disclosure, key).hand_over_within == HAND_OVER_WITHIN.total_seconds()


@pytest.mark.rule("R09")
@pytest.mark.rule("I03")
def test_nothing_is_taken_after_a_revocation_in_many_races(world: World, owner: World) -> None:
    grants = [world.given() for _ in range(RACES)]
    disclosures = {grant.grant_id: disclosed(world, grant) for grant in grants}

    def race(grant: GrantProposed) -> bool:
        start, disclosure = Barrier(2), disclosures[grant.grant_id]

        def take() -> bool:
            start.wait()
            try:
                owner.take(disclosure)
            except DisclosureNotGranted:
                return False
            return True

        with ThreadPoolExecutor(1) as other:
            taken = other.submit(take)
            start.wait()
            assert world.revoke(grant).state == "revoked"
            # The revocation is acknowledged: whoever comes from here on gets nothing.
            assert refused(owner, disclosure, uuid4()) == "nothing_released"
            return taken.result()

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(race, grants))

    streams = [world.log(grant.grant_id) for grant in grants]
    assert all(stream[-1] == "GrantRevoked" for stream in streams)
    assert ["DisclosureTaken" in stream for stream in streams] == taken


@pytest.mark.rule("R09")
def test_an_erasure_that_is_heard_meanwhile_is_decided_upon_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream of what was erased is another than the release's: the taking relies on it."""
    grant = world.given()
    disclosure = disclosed(world, grant)
    store, erased = world.app._log.store, []

    def meanwhile(decision: object) -> object:
        if not erased:
            erased.append(True)
            world.erase(world.need)
        return store(decision)  # type: ignore[arg-type]

    monkeypatch.setattr(world.app._log, "store", meanwhile)

    assert refused(world, disclosure) == "nothing_released"
    assert "DisclosureTaken" not in world.log(grant.grant_id)
