"""The chapter of the notices: one arrives, and after the survivor's no nothing does."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from infra.compose import command
from infra.demo.mailbox import Received
from infra.demo.people import JourneyFailed, eventually
from services.notifications.data import telling

if TYPE_CHECKING:
    from infra.demo.journey import Journey

Mail = Callable[[], list[Received]]
WAITING = ("requested", "queued", "sending")


def of_compose() -> list[Received]:
    """What came into the mailbox of the compose platform."""
    listed = subprocess.run(
        [*command(), "exec", "-T", "mailbox", "python", "mailbox.py", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        raise JourneyFailed(f"the mailbox cannot be read: {listed.stderr.strip()[:300]}")
    return [Received.from_json(line) for line in listed.stdout.splitlines()]


async def play(journey: Journey) -> None:
    """A neutral notice in the mailbox; a no; the next notice suppressed, and nothing sent."""
    say = journey.voices.say
    received = await _arrived(journey)
    _check_neutral(journey, received)
    message = received.message
    say("survivor", f"gets an e-mail from {message['From']}: “{message['Subject']}”")
    say("survivor", "“" + " ".join(received.text.split()) + "”")

    preference = await journey.survivor.read(f"{journey.participation}/contact-preference")
    [channel] = [c for c in preference["channels"] if c["state"] == "safe"]
    await journey.survivor.must(f"{journey.participation}/channels/{channel['channel_id']}/unsafe")
    before = len(await _mail(journey))
    say("survivor", "says that this e-mail is not safe any more")

    grant = await journey.propose(journey.survivor, journey.other_need, "portal")
    path = f"{journey.participation}/grants/{grant['grant_id']}"
    await journey.survivor.must(f"{path}/yes")
    await journey.survivor.must(f"{path}/revocation")

    async def settled() -> list[dict[str, Any]] | None:
        found = await _notices(journey)
        done = not any(n["state"] in WAITING for n in found)
        return found if done and found[-1]["state"] == "suppressed" else None

    found = await eventually("the next notice is suppressed, and none waits", settled, 60)
    if found[-1]["reason"] != "unsafe":
        raise JourneyFailed(f"the notice was suppressed as {found[-1]['reason']}")
    if {n["topic"] for n in found} != {"sharing"}:
        raise JourneyFailed("there is a notice on a topic that nobody chose")
    after = await _mail(journey)
    if len(after) != before:
        raise JourneyFailed("a message arrived after the survivor's no")
    sent = sum(n["state"] == "sent" for n in found)
    if sent != len(after):
        raise JourneyFailed(f"{sent} notices are on record as sent, {len(after)} arrived")
    suppressed = sum(n["state"] == "suppressed" for n in found)
    journey.voices.log(
        f"{sent} neutral notices sent, on the one topic that was chosen",
        f"{suppressed} suppressed: unsafe. Nothing was sent",
    )


async def _arrived(journey: Journey) -> Received:
    async def look() -> Received | None:
        return next(iter(await _mail(journey)), None)

    return await eventually("a neutral notice is in the mailbox", look)


async def _mail(journey: Journey) -> list[Received]:
    """What came to the survivor since the journey began."""
    every = await asyncio.to_thread(journey.mail)
    return [r for r in every[journey.mail_before :] if r.recipients == (journey.words.address,)]


async def _notices(journey: Journey) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await journey.survivor.read(f"{journey.participation}/notices"))[
        "notices"
    ]
    return found


def _check_neutral(journey: Journey, received: Received) -> None:
    """Whoever reads it over a shoulder learns nothing but that it is there."""
    own = journey.words
    everything = f"{received.sender} {received.data.decode()} {received.text}"
    rest = everything.replace(own.address, "").replace(own.name, "").lower()
    told = telling(rest)
    if told or journey.participation.rsplit("/", 1)[-1] in rest:
        raise JourneyFailed(f"the notice tells: {told}")
    if own.name not in received.text:
        raise JourneyFailed("the notice does not use the name that the survivor gave")
