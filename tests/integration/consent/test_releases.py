from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.consent.domain.errors import (
    DisclosureNotGranted,
    ItemErased,
    NothingToSupersede,
    RecipientCannotConfirm,
)
from shared.accompaniment import following
from shared.accompaniment.refusals import (
    CaseAtRest,
    DecidedInTheFuture,
    NoticeNotGiven,
    SecondPersonNeeded,
    TrainingNeeded,
)
from shared.contracts.base import Message
from shared.contracts.consent import GetGrants, GiveGrant, RevokeGrant
from shared.contracts.items import ItemRef
from shared.contracts.refusal import NotAllowed, NotFound, Refused, Unavailable
from shared.contracts.registry import messages
from shared.identity.principal import Principal
from tests.integration.consent.world import DAY, HOUSING, World
from tests.support.examples import (
    DANA,
    HOUSING_AGENCY,
    IVO,
    MARIA,
    NOOR,
    OTHER_SURVIVOR,
    ROSA,
    SAM,
    SURVIVOR,
)


def accompanied(world: World) -> World:
    world.assign(ROSA)
    world.notice("community")
    return world


@pytest.mark.rule("R23")
def test_the_survivor_releases_one_item_and_the_agency_takes_it(world: World) -> None:
    grant = world.given()

    made = world.ask(grant.agency_reference)

    assert made.take_before == world.now + timedelta(seconds=60)
    confirmed = world.may_hand_over(made.disclosure_id)
    assert (confirmed.agency_id, confirmed.participation_id) == (HOUSING_AGENCY, MARIA)
    assert (world.view(grant).state, world.view(grant).disclosures) == ("given", 1)
    assert world.log(grant.grant_id) == [
        "GrantProposed",
        "GrantExplained",
        "GrantGiven",
        "DisclosureMade",
    ]


@pytest.mark.rule("R71")
@pytest.mark.rule("I16")
def test_a_yes_that_staff_record_opens_nothing_until_the_survivor_confirms(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)

    assert world.give(grant, ROSA).state == "awaiting_confirmation"
    with pytest.raises(DisclosureNotGranted):
        world.ask(grant.agency_reference)
    with pytest.raises(SecondPersonNeeded):
        world.confirm(grant, replace(ROSA, trained=True))
    assert world.confirm(grant).state == "given"
    world.ask(grant.agency_reference)


@pytest.mark.rule("R71")
def test_a_second_trained_person_need_not_be_the_survivors_advocate(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)
    world.give(grant, ROSA)

    with pytest.raises(NotAllowed):
        world.confirm(grant, IVO)
    assert world.confirm(grant, NOOR).state == "given"


@pytest.mark.rule("R71")
def test_an_untrained_second_advocate_of_the_survivor_cannot_confirm(world: World) -> None:
    accompanied(world)
    world.assign(IVO)
    grant = world.explained(ROSA)
    world.give(grant, ROSA)

    with pytest.raises(TrainingNeeded):
        world.confirm(grant, IVO)


@pytest.mark.rule("R71")
def test_a_trained_person_of_another_agency_cannot_confirm(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)
    world.give(grant, ROSA)
    world.notice("systems")

    for somebody in (SAM, replace(NOOR, agency_id=HOUSING_AGENCY), replace(NOOR, agency_id=None)):
        with pytest.raises(NotAllowed):
            world.confirm(grant, somebody)
    world.unassign(ROSA)
    with pytest.raises(NotAllowed):
        world.confirm(grant, NOOR)


@pytest.mark.rule("R71")
def test_nobody_of_the_recipient_agency_confirms_though_they_are_assigned(world: World) -> None:
    accompanied(world)
    receiver = replace(NOOR, agency_id=HOUSING_AGENCY)
    world.assign(receiver)
    grant = world.explained(ROSA)
    world.give(grant, ROSA)

    with pytest.raises(RecipientCannotConfirm):
        world.confirm(grant, receiver)
    with pytest.raises(DisclosureNotGranted):
        world.ask(grant.agency_reference)


@pytest.mark.rule("R22")
@pytest.mark.rule("R71")
def test_a_second_person_confirms_only_after_the_notice_of_their_base(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)
    world.give(grant, ROSA)

    with pytest.raises(NoticeNotGiven):
        world.confirm(grant, replace(NOOR, base="systems"))


@pytest.mark.rule("R21")
def test_an_advocate_who_comes_with_another_base_or_agency_does_nothing(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)
    world.notice("systems")
    asked = GetGrants(participation_id=MARIA)

    for changed in (replace(ROSA, base="systems"), replace(ROSA, agency_id=HOUSING_AGENCY)):
        for ask in (world.give, world.revoke):
            with pytest.raises(NotAllowed):
                ask(grant, changed)
        assert world.app.resource(asked, world.ctx(changed))["assigned"] == []


@pytest.mark.rule("R09")
def test_nobody_comes_to_hear_a_yes_while_news_of_the_participation_waits(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)
    world.give(grant, ROSA)

    world.park(MARIA)

    with pytest.raises(NotAllowed):
        world.confirm(grant, NOOR)
    with pytest.raises(Unavailable):
        world.confirm(grant)
    assert world.decline(grant, ROSA).state == "declined"


@pytest.mark.rule("R09")
@pytest.mark.parametrize("why", ["something is on its way", "intake is away"])
def test_staff_record_no_yes_while_it_is_not_known_whether_they_were_let_go(
    world: World, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The survivor may have dismissed them, and that has not arrived here: nobody is let in.

    Or somebody else came to help, whose notice comes first: the survivor's yes waits too (R22).
    """
    monkeypatch.setattr(following, "PATIENCE", 0.2)
    accompanied(world)
    grant, mine, ended = world.explained(ROSA), world.explained(), world.given()
    world.give(grant, ROSA)
    asked = GetGrants(participation_id=MARIA)
    world.intake.away = why == "intake is away"
    world.intake.on_its_way = [MARIA]

    for act in (
        lambda: world.give(grant, ROSA),
        lambda: world.confirm(grant, NOOR),
        lambda: world.app.resource(asked, world.ctx(ROSA)),
        lambda: world.give(mine),
    ):
        with pytest.raises(Unavailable):
            act()
    assert world.decline(mine).state == "declined"
    assert world.revoke(ended).state == "revoked"
    assert world.decline(grant, ROSA).state == "declined"


def test_news_of_others_holds_nobody_up(world: World) -> None:
    accompanied(world)
    world.intake.on_its_way = [DANA]

    world.explained(ROSA)


def test_nobody_is_assigned_while_news_of_the_participation_waits(world: World) -> None:
    accompanied(world)
    asked = GetGrants(participation_id=MARIA)

    world.park(MARIA)

    assert world.app.resource(asked, world.ctx(ROSA))["assigned"] == []
    no = RevokeGrant(participation_id=MARIA, grant_id=uuid4())
    assert world.app.resource(no, world.ctx(ROSA))["assigned"] == [str(ROSA.id)]


@pytest.mark.rule("R09")
@pytest.mark.rule("I04")
def test_after_the_survivor_closed_their_case_staff_propose_and_record_nothing(
    world: World,
) -> None:
    accompanied(world)
    explained, given = world.explained(ROSA), world.given()
    world.case("closed")

    for ask in (
        lambda: world.propose(ROSA, participation_id=MARIA),
        lambda: world.give(explained, ROSA),
        lambda: world.confirm(explained, NOOR),
    ):
        with pytest.raises(CaseAtRest):
            ask()
    assert world.revoke(given, ROSA).state == "revoked"
    assert world.give(explained).state == "given"
    world.case("reopened")
    world.explained(ROSA)


@pytest.mark.rule("R23")
def test_what_the_survivor_has_erased_is_disclosed_no_more(world: World) -> None:
    grant = world.given()
    made = world.ask(grant.agency_reference)
    world.erase(world.other_need)
    world.may_hand_over(made.disclosure_id)

    world.erase(world.need, world.other_need)

    with pytest.raises(DisclosureNotGranted):
        world.may_hand_over(made.disclosure_id)
    with pytest.raises(DisclosureNotGranted):
        world.ask(grant.agency_reference)
    assert world.log(grant.grant_id)[-1] == "DisclosureMade"
    assert world.revoke(grant).state == "revoked"


@pytest.mark.rule("R23")
def test_what_was_erased_is_not_released_anew(world: World) -> None:
    world.erase(world.need)

    with pytest.raises(ItemErased):
        world.given()
    world.given(items=(world.other_need,))


@pytest.mark.rule("R23")
def test_a_disclosure_that_an_erasure_overtook_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grant was read before the erasure was heard, and is decided again."""
    grant = world.given()
    store = world.app._store
    meanwhile = [lambda: world.erase(world.need)]

    def overtaken(*decided: Any, **beside: Any) -> Any:
        if meanwhile:
            meanwhile.pop()()
        return store(*decided, **beside)

    monkeypatch.setattr(world.app, "_store", overtaken)
    with pytest.raises(DisclosureNotGranted):
        world.ask(grant.agency_reference)

    assert world.log()[-2:] == ["ItemsErased", "DisclosureRefused"]


@pytest.mark.rule("R09")
@pytest.mark.rule("I03")
@pytest.mark.parametrize("end", ["revoked", "erased", "past its period"])
def test_a_request_sent_again_under_its_key_is_asked_again(world: World, end: str) -> None:
    """The first answer leaned on a permission: it is told again only while that lives."""
    grant, key = world.given(expires_at=world.now + DAY), uuid4()
    request = world.request(grant.agency_reference)
    first = world.do(HOUSING, request, key)
    before = world.count()
    assert world.do(HOUSING, request, key) == first
    assert world.count() == before

    if end == "revoked":
        world.revoke(grant)
    elif end == "erased":
        world.erase(world.need)
    else:
        world.later(days=1)

    for _ in range(2):
        before = world.count()
        with pytest.raises(DisclosureNotGranted):
            world.do(HOUSING, request, key)
        assert world.count() == before + 1
        assert world.log()[-1] == "DisclosureRefused"


@pytest.mark.rule("R22")
def test_nothing_is_collected_before_the_notice_of_that_base(world: World) -> None:
    world.assign(SAM)
    world.notice("community")

    with pytest.raises(NoticeNotGiven):
        world.propose(SAM)
    world.notice("systems")
    assert world.propose(SAM).state == "proposed"


@pytest.mark.rule("R71")
@pytest.mark.rule("R09")
@pytest.mark.parametrize("end", [World.decline, World.revoke])
def test_a_no_waits_for_no_notice(world: World, end: Callable[..., Any]) -> None:
    grant = world.given()
    world.assign(ROSA)

    assert end(world, grant, ROSA).state == "revoked"
    with pytest.raises(DisclosureNotGranted):
        world.ask(grant.agency_reference)


def test_only_the_survivors_own_advocate_records_for_them(world: World) -> None:
    accompanied(world)
    grant = world.explained(ROSA)
    world.unassign(ROSA)

    for somebody in (ROSA, NOOR, OTHER_SURVIVOR, Principal.agency(HOUSING_AGENCY)):
        with pytest.raises(NotAllowed):
            world.give(grant, somebody)
        with pytest.raises(NotAllowed):
            world.revoke(grant, somebody)


def test_the_service_tells_cedar_whom_the_survivor_has(world: World) -> None:
    asked = GetGrants(participation_id=MARIA)
    assert world.app.resource(asked, world.ctx(ROSA))["assigned"] == []

    world.assign(ROSA)
    assert world.app.resource(asked, world.ctx(ROSA)) == {
        "participation_id": str(MARIA),
        "assigned": [str(ROSA.id)],
    }
    world.unassign(ROSA)
    assert world.app.resource(asked, world.ctx(ROSA))["assigned"] == []


def test_anothers_grant_is_not_there(world: World) -> None:
    grant = world.explained()
    theirs = OTHER_SURVIVOR.participation_id
    assert theirs is not None

    with pytest.raises(NotFound):
        world.do(OTHER_SURVIVOR, RevokeGrant(participation_id=theirs, grant_id=grant.grant_id))
    answer = world.app.run(GetGrants(participation_id=theirs), world.ctx(OTHER_SURVIVOR))
    assert answer.grants == ()  # type: ignore[attr-defined]


@pytest.mark.rule("I03")
def test_the_clock_ends_a_grant_and_the_scheduler_puts_it_on_record(world: World) -> None:
    grant = world.given()
    [row] = world.app.due_rows(world.now + 15 * DAY)

    world.later(days=14)
    with pytest.raises(DisclosureNotGranted):
        world.ask(grant.agency_reference)
    assert "GrantExpired" not in world.log()
    assert world.view(grant).state == "expired"

    world.app.due(row, world.ctx(Principal.system("consent")))
    world.app.due(row, world.ctx(Principal.system("consent")))
    assert world.log(grant.grant_id)[-2:] == ["GrantGiven", "GrantExpired"]
    assert world.app.due_rows(world.now + DAY) == []


def test_a_row_that_falls_due_on_a_clock_put_back_later_waits_again(world: World) -> None:
    grant = world.given()
    [row] = world.app.due_rows(world.now + 15 * DAY)

    world.app.due(row, world.ctx(Principal.system("consent")))

    assert world.view(grant).state == "given"
    assert world.app.due_rows(world.now + 15 * DAY) == [row]


def test_an_ended_grant_falls_due_no_more(world: World) -> None:
    world.revoke(world.given())

    assert world.app.due_rows(world.now + 15 * DAY) == []


def test_a_new_release_takes_the_place_of_the_old_one_when_it_is_given(world: World) -> None:
    old = world.given()
    new = world.explained(supersedes=old.grant_id, items=(world.other_need,))
    world.ask(old.agency_reference)

    world.give(new)

    assert (world.view(old).state, world.view(new).state) == ("superseded", "given")
    with pytest.raises(DisclosureNotGranted):
        world.ask(old.agency_reference)
    world.ask(new.agency_reference, item=world.other_need)


def test_what_does_not_exist_is_not_superseded(world: World) -> None:
    with pytest.raises(NothingToSupersede):
        world.propose(supersedes=uuid4())


@pytest.mark.rule("R09")
def test_an_old_release_that_ended_meanwhile_stays_ended(world: World) -> None:
    old = world.given()
    new = world.explained(supersedes=old.grant_id)
    world.revoke(old)

    world.give(new)

    assert (world.view(old).state, world.view(new).state) == ("revoked", "given")


@pytest.mark.rule("R09")
def test_what_was_not_taken_before_the_revocation_stays(world: World) -> None:
    grant = world.given()
    made = world.ask(grant.agency_reference)
    world.revoke(grant)

    with pytest.raises(DisclosureNotGranted):
        world.may_hand_over(made.disclosure_id)


def test_only_the_service_that_owns_the_item_is_answered_and_only_in_its_minute(
    world: World,
) -> None:
    made = world.ask(world.given().agency_reference)

    for somebody in (Principal.service("notifications"), Principal.agency(HOUSING_AGENCY), ROSA):
        with pytest.raises(NotAllowed):
            world.may_hand_over(made.disclosure_id, somebody)
    for changed in (
        {"agency_id": uuid4()},
        {"item": world.other_need},
        {"disclosure_id": uuid4()},
    ):
        with pytest.raises(DisclosureNotGranted):
            world.may_hand_over(**({"disclosure_id": made.disclosure_id} | changed))
    world.later(seconds=60)
    with pytest.raises(DisclosureNotGranted):
        world.may_hand_over(made.disclosure_id)


def test_a_decision_made_earlier_keeps_its_time_and_none_is_made_tomorrow(world: World) -> None:
    grant = world.explained()

    def give(at: Any) -> GiveGrant:
        return GiveGrant(participation_id=MARIA, grant_id=grant.grant_id, decided_at=at)

    with pytest.raises(DecidedInTheFuture):
        world.do(SURVIVOR, give(world.now + DAY))
    world.do(SURVIVOR, give(world.now - DAY))
    event = world.app.aggregate(grant.grant_id)
    assert event is not None
    [state] = world.rows(
        "SELECT state FROM events WHERE originator_id = %s AND topic LIKE %s",
        str(grant.grant_id),
        "%GrantGiven",
    )
    assert (world.now - DAY).isoformat() in bytes(state[0]).decode()


def test_a_repeat_is_answered_alike_and_stores_nothing(world: World) -> None:
    grant = world.given()
    world.later(seconds=31)
    before = world.count()

    for again in (world.give, world.confirm):
        assert again(grant).state == "given"
    assert world.count() == before
    world.revoke(grant)
    after = world.count()
    for again in (world.revoke, world.decline):
        assert again(grant).state == "revoked"
    assert world.count() == after == before + 1


def test_a_repeated_key_gets_the_first_answer(world: World) -> None:
    grant, key = world.given(), uuid4()
    end = RevokeGrant(participation_id=MARIA, grant_id=grant.grant_id)

    first = world.do(SURVIVOR, end, key)
    before = world.count()

    assert world.do(SURVIVOR, end, key) == first
    assert world.count() == before


def test_a_repeated_message_of_intake_changes_nothing(world: World) -> None:
    accompanied(world)
    before = world.count()

    accompanied(world)

    assert world.count() == before


@pytest.mark.rule("I14")
def test_what_is_published_is_released_and_made_of_ids(world: World) -> None:
    accompanied(world)
    first = world.explained(ROSA)
    world.give(first, ROSA)
    world.confirm(first)
    world.take(world.ask(first.agency_reference).disclosure_id)
    second = world.explained(supersedes=first.grant_id)
    world.give(second)
    world.revoke(second)
    world.decline(world.explained())
    world.given(expires_at=world.now + DAY)
    world.later(days=2)
    for row in world.app.due_rows(world.now):
        world.app.due(row, world.ctx(Principal.system("consent")))
    for _ in range(2):
        with pytest.raises(Refused):
            world.ask(uuid4())

    published = world.app.messages_after(0, 1000)

    told = [p.message for p in published]
    assert {m.type for m in told} == {t for t in messages() if t.startswith("consent.")}
    for message in told:
        assert isinstance(message, messages()[message.type])
        assert _words(message) <= {"harmed_party", "advocate", "intake", "need"}
    assert [p.previous for p in published] == [0, *(p.position for p in published[:-1])]


def _words(message: Message) -> set[str]:
    return {value for value in vars(message).values() if isinstance(value, str)}


@pytest.mark.rule("R31")
def test_a_release_of_what_is_not_there_is_refused_and_nothing_is_stored(world: World) -> None:
    before = world.count()
    unknown = ItemRef(service="intake", kind="need", item_id=uuid4())
    world.intake.not_there.add(unknown.item_id)

    for item in (
        unknown,
        ItemRef(service="letter_bank", kind="letter", item_id=world.need.item_id),
    ):
        with pytest.raises(Refused) as refused:
            world.propose(items=(world.need, item))
        assert refused.value.code == "unknown_item"
    assert world.count() == before


def test_a_release_waits_for_whoever_keeps_the_items_and_its_end_does_not(world: World) -> None:
    grant = world.given()
    world.intake.away = True

    with pytest.raises(Unavailable):
        world.propose()
    assert world.revoke(grant).state == "revoked"
