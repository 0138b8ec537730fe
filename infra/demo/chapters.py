"""Parts of the journey that stand for themselves: a second person, an end in time, other doors.

Each is given the journey that it is a part of, and raises ``JourneyFailed``
where a step does not hold.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from infra.demo.people import JourneyFailed, Person, eventually, nothing_there, refused
from services.gateway.examples import example
from services.gateway.routes import ANYONE, ROUTES, Row

if TYPE_CHECKING:
    from infra.demo.journey import Journey

SHORT = timedelta(seconds=4)
"""How long a release lasts whose end is waited for: given early, looked at late."""


async def second_person(journey: Journey) -> None:
    """A yes that staff recorded takes effect once a second trained person hears it (R71)."""
    say = journey.voices.say
    grant = await journey.propose(journey.advocate, journey.other_need, "in_person")
    path = f"{journey.participation}/grants/{grant['grant_id']}"
    given = await journey.advocate.must(f"{path}/yes", how="in_person")
    if given["state"] != "awaiting_confirmation":
        raise JourneyFailed("a yes recorded by staff took effect by itself")
    ask = journey.ask(grant["agency_reference"], item=journey.other_need)
    for who, person in (
        ("whoever wrote it down", journey.advocate),
        ("an untrained colleague", journey.colleague(trained=False)),
        ("a trained stranger", journey.stranger()),
    ):
        answer = await person.do(f"{path}/confirmation", how="in_person")
        if answer.is_success:
            raise JourneyFailed(f"{who} could confirm a yes that staff recorded")
        refused(answer)
        await journey.nothing_for(journey.agency, ask, "a yes that nobody confirmed")
    say(
        "advocate",
        "writes down another yes; an untrained colleague, a stranger and they themselves may "
        "not confirm it",
    )
    heard = await journey.colleague(trained=True).must(f"{path}/confirmation", how="in_person")
    if heard["state"] != "given":
        raise JourneyFailed(f"a yes heard by a second trained person is {heard['state']}")
    made = await journey.agency.must("/v1/agency/disclosures", **ask)
    say("advocate", "has a trained colleague hear it from the survivor: now it counts")
    await journey.survivor.must(f"{path}/revocation")
    taken = await journey.agency.do(
        f"/v1/agency/disclosures/{made['disclosure_id']}/item", item=journey.other_need
    )
    refused(taken)
    say("survivor", "ends that one before anything was taken: nothing can be taken any more")


async def short_release(journey: Journey) -> dict[str, Any]:
    """A release that ends by itself in a moment, given, and a disclosure not taken yet."""
    ends = datetime.now(UTC) + SHORT
    grant = await journey.propose(journey.survivor, journey.other_need, "portal", ends)
    path = f"{journey.participation}/grants/{grant['grant_id']}"
    await journey.survivor.must(f"{path}/yes")
    ask = journey.ask(grant["agency_reference"], item=journey.other_need)
    made = await journey.agency.must("/v1/agency/disclosures", **ask)
    return {**grant, "ends": ends, "ask": ask, "disclosure_id": made["disclosure_id"]}


async def its_end(journey: Journey, grant: dict[str, Any]) -> None:
    """Once its time is over, nothing is given: neither asked for anew nor taken late."""

    async def ended() -> bool | None:
        grants = (await journey.survivor.read(f"{journey.participation}/grants"))["grants"]
        return any(g["grant_id"] == grant["grant_id"] and g["state"] == "expired" for g in grants)

    await eventually("a release's time is over", ended)
    if datetime.now(UTC) < grant["ends"] - timedelta(seconds=1):
        raise JourneyFailed("a release ended before its time")
    await journey.nothing_for(journey.agency, grant["ask"], "a release whose time is over")
    refused(
        await journey.agency.do(
            f"/v1/agency/disclosures/{grant['disclosure_id']}/item", item=journey.other_need
        )
    )
    journey.voices.say(
        "agency",
        "asks under a release whose time is over, and tries to take what was granted "
        "before: nothing there",
    )


async def every_door(person: Person, **known: str) -> int:
    """A parole agency's key tries every way in that is not open to anyone; how many there are.

    With the ids of what is really there, so that nothing but who asks is wrong.
    """
    doors = [row for row in ROUTES if row.who != ANYONE]
    for row in doors:
        there = nothing_there(await _try(person, row, known))
        if "agency" in row.who and there != nothing_there(await _try(person, row, {})):
            raise JourneyFailed(f"a parole agency is told at {row.path} whether something is there")
    if person.seen:
        raise JourneyFailed("a parole agency saw something")
    return len(doors)


async def _try(person: Person, row: Row, known: dict[str, str]) -> Any:
    shown = example(row.request)
    ids = {name: known.get(name, str(uuid4())) for name in row.fields if name != "topic"}
    path = row.path.format(**{"topic": "sharing"} | ids)
    if row.verb == "GET":
        return await person.get(path)
    body = {name: value for name, value in shown.items() if name not in row.fields}
    if "agency_reference" in body:
        body["agency_reference"] = known.get("agency_reference", str(uuid4()))
    return await person.do(path, **body)


async def erased_to_the_end(journey: Journey) -> None:
    """An erasure that completes, and what can be read afterwards: nothing."""
    say, people = journey.voices.say, journey.participation
    grant = await journey.propose(journey.survivor, journey.other_need, "portal")
    await journey.survivor.must(f"{people}/grants/{grant['grant_id']}/yes")
    ask = journey.ask(grant["agency_reference"], item=journey.other_need)
    made = await journey.agency.must("/v1/agency/disclosures", **ask)

    await journey.survivor.must(f"{people}/erasures", record_classes=["needs", "contact"])
    say("survivor", "has what they said, and how to reach them, erased")

    async def complete() -> bool | None:
        entries = await journey.timeline()
        return any(e["what"].endswith("erasure_completed") for e in entries) or None

    await eventually("the timeline says that the erasure is complete", complete, 90)
    for who, reader in (("survivor", journey.survivor), ("advocate", journey.advocate)):
        needs = (await reader.read(f"{people}/needs"))["needs"]
        if not needs or any(need["words"] is not None for need in needs):
            raise JourneyFailed(f"the {who} can still read erased needs")
    preference = await journey.survivor.read(f"{people}/contact-preference")
    found = [w for w in (journey.words.address, journey.words.name) if w in str(preference)]
    if found:
        raise JourneyFailed("the contact preference is still readable")
    taken = await journey.agency.do(
        f"/v1/agency/disclosures/{made['disclosure_id']}/item", item=journey.other_need
    )
    refused(taken)
    if journey.words.other_need in taken.text:
        raise JourneyFailed("an erased need was handed over")
    say("agency", "tries to take what was granted before: nothing there")
    say("survivor", "reads their needs and contact again: no word is readable, to anybody")
