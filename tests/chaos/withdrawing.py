"""A release is given, withdrawn, asked for and taken at once, by everybody at the same moment.

Two processes of consent decide. The answers must be those of some order in which
nobody overlapped; in the log no disclosure and no taking stands behind a withdrawal, and
nothing was handed over that was not taken there.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.contracts import consent, intake, notifications
from shared.contracts.base import Command
from shared.contracts.items import ItemRef
from shared.contracts.refusal import Refused
from shared.eventstore.edge import utc_now
from shared.identity.principal import Principal
from tests.chaos.acknowledged import Acknowledged, now
from tests.chaos.checker import Connect
from tests.chaos.linearizable import Operation, is_linearizable
from tests.chaos.lives import AGENCY, Asked
from tests.chaos.people import Asking, command_id, wordings
from tests.chaos.platform import COMES_BACK, Platform
from tests.support.eventually import eventually

AT_ONCE = 4
"""So many histories go on side by side."""
AT_FIRST = 0.01
"""Seconds that an answer takes, until it is known how long it takes on this machine."""
ASKERS = 3
HOUSING = Principal.agency(AGENCY)
NOTHING = "nothing_to_hand_over"


def spec(state: str, name: str) -> tuple[str, str]:
    """What a release answers, one question after another.

    ``state`` is how it stands, then what was handed over under it: ``given|…``.
    ``fetch|…`` is of one disclosure.
    """
    stands, *taken = state.split("|")
    if name == "give":
        return ("grant_ended", state) if stands == "ended" else ("given", f"given{_and(taken)}")
    if name == "withdraw":
        return "ended", f"ended{_and(taken)}"
    if name == "ask":
        return ("granted" if stands == "given" else "nothing_released"), state
    _, disclosure = name.split("|")
    if stands != "given" or disclosure in taken:
        return NOTHING, state
    return "handed over", f"given{_and(sorted((*taken, disclosure)))}"


def _and(taken: Sequence[str]) -> str:
    return "".join(f"|{disclosure}" for disclosure in taken)


@dataclass(frozen=True)
class Release:
    """A release that was explained, and nobody has answered yet."""

    name: str
    survivor: Principal
    grant_id: UUID
    reference: UUID
    item: ItemRef


class Withdrawing:
    """Histories under the names that a seed gives them."""

    def __init__(self, platform: Platform, told: Acknowledged) -> None:
        caller = platform.processes.caller(patience=5.0)
        self._asking = Asking(caller, told)
        self._usual = AT_FIRST
        self._granted = 0
        self._handed_over = 0
        self._wordings = eventually(lambda: wordings(caller), within=60)

    def played(self, name: str, histories: int) -> list[str]:
        """What is wrong with them; empty where nothing is."""
        me, item = self._survivor(name)

        def one(number: int) -> str | None:
            release = self._release(f"{name}/{number}", me, item)
            history = self._history(release, random.Random(release.name))
            if is_linearizable(history, "explained", spec):
                return None
            return f"reordered: no order of {release.name} gives {history}"

        with ThreadPoolExecutor(AT_ONCE) as pool:
            findings = [wrong for wrong in pool.map(one, range(histories)) if wrong]
        for what, often in (("granted", self._granted), ("handed over", self._handed_over)):
            if not often:
                findings.append(f"nothing was {what} in {histories} histories: they show nothing")
        return findings

    def _survivor(self, name: str) -> tuple[Principal, ItemRef]:
        begun = self._must(name, 0, Asked("intake", intake.BeginInquiry(), Principal.anyone()))
        me = Principal.survivor(begun.participation_id)
        whose = begun.participation_id
        notice = intake.GiveConfidentialityNotice(
            participation_id=whose, base="alone", notice_version=self._wordings.notice
        )
        self._must(name, 1, Asked("intake", notice, me))
        # As everybody here: whatever is shared must lead to a notice.
        topic = notifications.ChooseTopic(participation_id=whose, topic="sharing")
        self._must(name, 3, Asked("notifications", topic, me))
        need = intake.StateNeed(participation_id=whose, words="a door that locks")
        stated = self._must(name, 2, Asked("intake", need, me))
        return me, ItemRef(service="intake", kind="need", item_id=stated.need_id)

    def _release(self, name: str, me: Principal, item: ItemRef) -> Release:
        assert me.participation_id is not None
        proposal = consent.ProposeGrant(
            participation_id=me.participation_id,
            recipient_agency_id=AGENCY,
            items=(item,),
            purpose="housing",
            expires_at=utc_now() + timedelta(days=30),
        )
        made = self._must(name, 0, Asked("consent", proposal, me))
        explained = consent.ExplainGrant(
            participation_id=me.participation_id,
            grant_id=made.grant_id,
            explanation_version=self._wordings.explanation,
        )
        self._must(name, 1, Asked("consent", explained, me))
        return Release(name, me, made.grant_id, made.agency_reference, item)

    def _history(self, release: Release, rng: random.Random) -> list[Operation]:
        named = {
            "participation_id": release.survivor.participation_id,
            "grant_id": release.grant_id,
        }
        ask = consent.RequestDisclosure(
            agency_reference=release.reference, item=release.item, purpose="housing"
        )
        end = rng.choice((consent.RevokeGrant, consent.DeclineGrant))
        acts: list[tuple[str, Command, Principal]] = [
            ("give", consent.GiveGrant(**named), release.survivor),
            ("withdraw", end(**named), release.survivor),
            *[("ask", ask, HOUSING)] * ASKERS,
        ]
        # Most often the yes comes first, and all the rest about when it is answered.
        delays = [rng.random() * self._usual * (0.5 if name == "give" else 3) for name, *_ in acts]
        together = threading.Barrier(len(acts))

        granted: list[UUID] = []

        def asked_for(number: int, under: int) -> list[Operation]:
            done, made = self._ask(ask, release, number)
            if made is None:
                return [done]
            granted.append(made)
            threading.Event().wait(delays[number] * 0.3)
            return [done, *self._fetch(release, made, under)]

        def act(number: int) -> list[Operation]:
            name, command, who = acts[number]
            together.wait()
            threading.Event().wait(delays[number])
            if name == "ask":
                return asked_for(number, len(acts) + number)
            done = [self._decide(name, Asked("consent", command, who), release, number)]
            if name == "withdraw":  # who was told so tries once more: nothing may come of it
                for late, made in enumerate(list(granted), 3 * len(acts)):
                    done += self._fetch(release, made, late)
                done += asked_for(2 * len(acts), 2 * len(acts) + 1)
            return done

        delays.extend([0.0] * (len(acts) + 1))
        with ThreadPoolExecutor(len(acts)) as pool:
            return [one for done in pool.map(act, range(len(acts))) for one in done]

    def _decide(self, name: str, asked: Asked, release: Release, number: int) -> Operation:
        began = now()
        try:
            self._asking.must(asked, command_id(release.name, 10 + number))
        except Refused as refused:
            return Operation(name, began, now(), refused.code)
        return self._timed(name, began, {"give": "given", "withdraw": "ended"}[name])

    def _ask(
        self, ask: consent.RequestDisclosure, release: Release, number: int
    ) -> tuple[Operation, UUID | None]:
        began = now()
        try:
            # It may be answered with the first disclosure, which is no new event.
            answer, _ = self._asking.answered(
                Asked("consent", ask, HOUSING), command_id(release.name, 10 + number)
            )
        except Refused as refused:
            return Operation("ask", began, now(), refused.code), None
        self._granted += 1
        return self._timed("ask", began, "granted"), answer.disclosure_id

    def _fetch(self, release: Release, made: UUID, number: int) -> list[Operation]:
        """A hand-over. A refusal is none: whoever comes too late for it gets nothing either."""
        fetch = intake.FetchItem(disclosure_id=made, item=release.item)
        began = now()
        try:
            self._asking.must(
                Asked("intake", fetch, HOUSING), command_id(release.name, 10 + number)
            )
        except Refused as refused:
            if refused.code != NOTHING:
                raise
            return []
        self._handed_over += 1
        return [Operation(f"fetch|{made}", began, now(), "handed over")]

    def _timed(self, name: str, began: float, said: str) -> Operation:
        ended = now()
        self._usual = 0.9 * self._usual + 0.1 * (ended - began)
        return Operation(name, began, ended, said)

    def _must(self, name: str, step: int, asked: Asked) -> Any:
        return self._asking.must(asked, command_id(name, step))


@contextmanager
def two_deciding(platform: Platform, name: str) -> Iterator[None]:
    """Another process of the same service beside the first."""
    other = platform.processes.start(name)
    eventually(other.ready, within=COMES_BACK)
    try:
        yield
    finally:
        other.end()


def disclosed_late(connect: Connect) -> list[str]:
    """Disclosures, and their taking, that stand behind an end of their release in its stream."""
    with closing(connect("consent")) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT made.position FROM events made JOIN events ended"
            " ON ended.originator_id = made.originator_id"
            " AND ended.originator_version < made.originator_version"
            " WHERE (made.topic LIKE '%.DisclosureMade' OR made.topic LIKE '%.DisclosureTaken')"
            " AND (ended.topic LIKE '%.GrantRevoked' OR ended.topic LIKE '%.GrantDeclined')"
        )
        return [f"reordered: consent/{row[0]} is disclosed after the end" for row in cursor]


def handed_over_untaken(connect: Connect) -> list[str]:
    """Hand-overs that their release did not put on record first."""
    taken = {disclosure for _, disclosure in _disclosures(connect, "consent", "DisclosureTaken")}
    return [
        f"reordered: intake/{position} was handed over, and its release does not say so"
        for position, disclosure in _disclosures(connect, "intake", "ItemHandedOver")
        if disclosure not in taken
    ]


def _disclosures(connect: Connect, service: str, name: str) -> list[tuple[int, str]]:
    with closing(connect(service)) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT position, convert_from(state, 'UTF8')::json #>> '{disclosure_id,_data_}'"
            " FROM events WHERE right(topic, %s) = %s ORDER BY position",
            (len(name) + 1, f".{name}"),
        )
        return [(int(position), str(disclosure)) for position, disclosure in cursor]
