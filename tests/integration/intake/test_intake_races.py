"""Two people decide at the same moment: nothing is lost, and a no always wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from services.intake.domain import Participation
from services.intake.domain.refusals import NothingToConfirm
from shared.contracts import intake as asked
from shared.contracts.base import Request
from shared.contracts.refusal import ChangedMeanwhile, Refused
from shared.identity.principal import Principal
from tests.integration.intake.world import World
from tests.support.examples import NOOR, ROSA


def together(world: World, *what: tuple[Principal, Request]) -> list[Any]:
    """All at once; what each is answered, or how it is refused."""
    ready = Barrier(len(what))

    def one(who: Principal, request: Request) -> Any:
        ready.wait(10)
        try:
            return world.do(who, request)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(len(what)) as pool:
        return [f.result(30) for f in [pool.submit(one, *asked_for) for asked_for in what]]


@pytest.mark.rule("R09")
@pytest.mark.rule("R48")
def test_a_no_is_never_lost_against_a_yes(world: World) -> None:
    """Whoever comes second is told; the no of the survivor is stored whatever happens."""
    world.accompanied()
    told = 0
    for option in ("housing", "counselling", "legal_help", "compensation", "healing_circle") * 2:
        chosen, declined = together(
            world,
            (ROSA, asked.ChooseOption(participation_id=world.me, option=option)),
            (world.survivor, asked.DeclineOption(participation_id=world.me, option=option)),
        )

        assert declined.state == "in_effect"
        if isinstance(chosen, Refused):
            assert chosen.code in ("changed_meanwhile", "declined_before")
            told += isinstance(chosen, ChangedMeanwhile)
        participation = world.app.aggregate(world.me)
        assert isinstance(participation, Participation)
        assert participation.waiting == {}
        assert option not in participation.chosen
        world.say(asked.MakeContact)
    assert told + world.log().count("ChoiceRecorded") > 0


@pytest.mark.rule("R71")
def test_a_denial_wins_over_a_confirmation(world: World) -> None:
    world.accompanied()
    for _ in range(8):
        yes = world.say(asked.ChooseOption, ROSA, option="housing").decision_id
        fields = {"participation_id": world.me, "decision_id": yes}

        confirmed, denied = together(
            world,
            (NOOR, asked.ConfirmDecision(**fields)),
            (world.survivor, asked.DenyDecision(**fields)),
        )

        assert denied.state == "lapsed"
        assert not isinstance(confirmed, Refused) or confirmed.code in (
            ChangedMeanwhile.code,
            NothingToConfirm.code,
        )
        participation = world.app.aggregate(world.me)
        assert isinstance(participation, Participation)
        assert participation.chosen == {}


@pytest.mark.rule("R09")
def test_a_close_is_never_lost(world: World) -> None:
    for _ in range(5):
        world.say(asked.GiveConfidentialityNotice, base="alone", notice_version="alone-1")
        need = asked.StateNeed(participation_id=world.me, words="Quiet.")
        *_, closed = together(
            world,
            (world.survivor, need),
            (world.survivor, need),
            (world.survivor, asked.CloseCase(participation_id=world.me)),
        )

        assert closed.state == "closed"
        assert world.say(asked.GetCase).state == "closed"
        world.say(asked.ReopenCase)
