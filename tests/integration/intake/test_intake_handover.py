"""One item, once, for one disclosure; and everything else answers alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import intake as asked
from shared.contracts.items import ConfirmItems, ItemRef
from shared.contracts.refusal import NotFound, Refused
from shared.identity.principal import Principal
from tests.integration.intake.world import HOUSING, NEED, World
from tests.support.examples import HOUSING_AGENCY, ROSA


def fetch(world: World, disclosure: UUID, item: ItemRef, who: Principal = HOUSING) -> Any:
    return world.do(who, asked.FetchItem(disclosure_id=disclosure, item=item))


def test_the_agency_gets_the_words_once(world: World) -> None:
    world.told()
    item = world.need()
    disclosure = world.disclosure(item)

    given = fetch(world, disclosure, item)

    assert given.content == NEED
    assert world.log()[-1] == "ItemHandedOver"
    with pytest.raises(Refused):
        fetch(world, disclosure, item)
    last = world.timeline()[-1]
    assert (last.what, last.shared_with) == ("item_handed_over", HOUSING_AGENCY)
    assert last.about == str(item.item_id)


def test_a_repeat_of_the_same_command_hands_nothing_over_again(world: World) -> None:
    world.told()
    item = world.need()
    command = asked.FetchItem(disclosure_id=world.disclosure(item), item=item)
    key = uuid4()
    world.do(HOUSING, command, key)

    assert world.do(HOUSING, command, key).content is None
    assert "canary" not in str(world.rows("SELECT t::text FROM commands t"))
    assert world.log().count("ItemHandedOver") == 1

    world.others.disclosures.clear()
    with pytest.raises(Refused) as refused:
        world.do(HOUSING, command, key)
    assert refused.value.code == "nothing_to_hand_over"


def test_many_ask_at_once_and_one_gets_it(world: World) -> None:
    world.told()
    item = world.need()
    disclosure = world.disclosure(item)

    def one(_: int) -> str:
        try:
            return str(fetch(world, disclosure, item).content)
        except Refused as refused:
            return refused.code

    with ThreadPoolExecutor(8) as pool:
        got = sorted(pool.map(one, range(16)))

    assert got == [NEED] + 15 * ["nothing_to_hand_over"]
    assert world.log().count("ItemHandedOver") == 1


@pytest.mark.rule("R23")
@pytest.mark.rule("R31")
def test_whatever_is_wrong_the_answer_is_the_same_and_nothing_is_stored(world: World) -> None:
    world.told()
    item, other = world.need(), world.need()
    begun = world.do(Principal.anyone(), asked.BeginInquiry())
    used = world.disclosure(item)
    fetch(world, used, item)
    late = world.disclosure(item, take_before=world.now - timedelta(microseconds=1))
    foreign = world.disclosure(item, agency_id=uuid4())
    somebody_elses = world.disclosure(item, participation_id=begun.participation_id)
    good = world.disclosure(item)
    letter = ItemRef(service="letter_bank", kind="letter", item_id=item.item_id)
    offer = ItemRef(service="intake", kind="offer", item_id=item.item_id)
    before = world.rows("SELECT count(*) FROM events")

    answers = set()
    for disclosure, wanted in (
        (uuid4(), item),
        (used, item),
        (late, item),
        (foreign, item),
        (somebody_elses, item),
        (good, other),
        (good, letter),
        (good, offer),
        (good, ItemRef(service="intake", kind="need", item_id=uuid4())),
    ):
        with pytest.raises(Refused) as refused:
            fetch(world, disclosure, wanted)
        answers.add(tuple(refused.value.as_data().items()))

    assert len(answers) == 1
    assert world.rows("SELECT count(*) FROM events") == before
    assert fetch(world, good, item).content == NEED


def test_what_is_erased_is_not_handed_over(world: World) -> None:
    world.told()
    item = world.need()
    disclosure = world.disclosure(item)
    world.say(asked.RequestErasure, record_classes=("needs",))

    with pytest.raises(Refused) as refused:
        fetch(world, disclosure, item)

    assert refused.value.code == "nothing_to_hand_over"


def test_while_consent_is_away_nothing_is_handed_over_or_lost(world: World) -> None:
    world.told()
    item = world.need()
    disclosure = world.disclosure(item)
    world.others.away = True

    with pytest.raises(Refused) as refused:
        fetch(world, disclosure, item)
    assert refused.value.because == "unavailable"

    world.others.away = False
    assert fetch(world, disclosure, item).content == NEED


def test_nobody_but_an_agency_fetches(world: World) -> None:
    world.told()
    item = world.need()
    disclosure = world.disclosure(item)

    for who in (ROSA, world.survivor, Principal.anyone()):
        with pytest.raises(Refused) as refused:
            fetch(world, disclosure, item, who)
        assert refused.value.code == "not_allowed"


@pytest.mark.rule("R31")
def test_whether_items_are_there_is_said_of_this_participation_alone(world: World) -> None:
    world.told()
    item, erased = world.need(), world.need()
    begun = world.do(Principal.anyone(), asked.BeginInquiry())
    consent = Principal.service("consent")

    def there(*items: ItemRef, whose: UUID = world.me) -> bool:
        question = ConfirmItems(participation_id=whose, items=items)
        try:
            return bool(world.do(consent, question).items == items)
        except NotFound:
            return False

    assert there(item)
    assert there(item, erased)
    assert not there(item, whose=begun.participation_id)
    assert not there(item, whose=uuid4())
    assert not there(item, ItemRef(service="intake", kind="need", item_id=uuid4()))
    assert not there(ItemRef(service="intake", kind="offer", item_id=item.item_id))
    world.say(asked.RequestErasure, record_classes=("needs",))
    assert not there(erased)
