"""The journey of one survivor, step by step, checked as it goes.

Every step goes over HTTP, so it runs the same against the embedded and the
compose platform. A step that does not hold raises ``JourneyFailed``.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

import httpx

from infra.canaries import ways
from infra.demo import auditor, notices
from infra.demo.chapters import (
    erased_to_the_end,
    every_door,
    its_end,
    second_person,
    short_release,
)
from infra.demo.people import (
    JourneyFailed,
    Person,
    accepted,
    eventually,
    nothing_there,
    refused,
)
from infra.demo.voices import Voices
from shared.contracts.decision import Base


@dataclass(frozen=True)
class Words:
    """What the survivor says and gives: everything here is sealed, and must never be found."""

    need: str = "I want to sleep at night, and I want somebody to fix the lock on my door."
    other_need: str = "A quiet room."
    address: str = "safe-place@example.org"
    name: str = "Robin of the canal"


class Credentials(Protocol):
    """What the journey's staff and agencies hold; a survivor holds nothing at the start."""

    def staff(self, role: str, agency_id: UUID, base: Base | None, trained: bool) -> Staff:
        """A member of staff with a token of the development issuer."""

    def agency(self, number: int) -> Agency:
        """A registered agency and its API key: two in the community, and a parole agency."""


@dataclass(frozen=True)
class Staff:
    id: UUID
    agency_id: UUID
    token: str


@dataclass(frozen=True)
class Agency:
    id: UUID
    key: str
    unit_kind: str = "community"


class Journey:
    """Plays all eleven parts; ``race`` is the number of concurrent request/revoke pairs."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        voices: Voices,
        race: int = 200,
        words: Words | None = None,
        *,
        mail: notices.Mail,
        auditing: auditor.Auditing,
    ) -> None:
        """``mail`` says what came into the mailbox of the platform's relay.

        ``auditing`` is how an auditor's commands run beside the platform.
        """
        self.auditing = auditing
        self.mail = mail
        self.mail_before = 0
        self.words = words or Words()
        self.http = httpx.AsyncClient(
            base_url=base_url,
            timeout=30,
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32),
        )
        self.voices = voices
        self.credentials = credentials
        self.staff_tokens: set[str] = set()
        self.agency_keys: set[str] = set()
        self.race_pairs = race
        home, other, parole_agency = (credentials.agency(number) for number in range(3))
        self.agency_id = home.id
        self.agency = self._person(key=home.key)
        self.other_agency = self._person(key=other.key)
        self.parole_agency = self._person(key=parole_agency.key)
        self.advocate_staff = credentials.staff("advocate", uuid4(), "community", trained=True)
        self.advocate = self._person(token=self.advocate_staff.token)
        self.coordinator = self._person(
            token=credentials.staff(
                "coordinator", self.advocate_staff.agency_id, None, trained=True
            ).token
        )
        self.parole = self._person(
            token=credentials.staff("supervision_officer", uuid4(), "systems", trained=True).token
        )
        self.anyone = self._person()
        self.survivor = self._person()
        self.participation = ""
        self.survivor_code = ""
        self.survivor_token = ""
        self.shown = 0

    def _person(self, *, token: str | None = None, key: str | None = None) -> Person:
        headers: dict[str, str] = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
            self.staff_tokens.add(token)
        if key is not None:
            headers["X-API-Key"] = key
            self.agency_keys.add(key)
        return Person(self.http, headers)

    def confidential(self) -> dict[str, set[str]]:
        """What may lie readable nowhere on the platform, however it is written, by its name."""
        return {
            "a need": {self.words.need, self.words.other_need},
            "a contact": {self.words.address},
            "a name": {self.words.name},
            "the possession code": ways(self.survivor_code),
            "a session token": {self.survivor_token},
            "a staff token": self.staff_tokens,
            "an agency's key": self.agency_keys,
        }

    def colleague(self, *, trained: bool) -> Person:
        """Another advocate of the agency whose advocate the survivor has."""
        agency_id = self.advocate_staff.agency_id
        return self._person(
            token=self.credentials.staff("advocate", agency_id, "community", trained).token
        )

    def stranger(self) -> Person:
        """A trained advocate of an agency that the survivor has nothing to do with."""
        return self._person(
            token=self.credentials.staff("advocate", uuid4(), "community", trained=True).token
        )

    async def play(self) -> None:
        """All of it, in order."""
        self.voices.open()
        self.mail_before = len(await asyncio.to_thread(self.mail))
        try:
            await self._begins_alone()
            await self._notice_first()
            await self._needs_and_contact()
            await self._options()
            await self._forged_and_confirmed()
            await self._released_once()
            await self._revokes()
            await self._others_react()
            await self._own_timeline()
            await self._erases()
            await self._audited()
        finally:
            await self.http.aclose()

    # -- 1 ------------------------------------------------------------------------------------

    async def _begins_alone(self) -> None:
        say = self.voices.say
        self.voices.chapter("1  A survivor begins alone")
        await self.anyone.read("/v1/crisis-help")
        await self.anyone.read("/v1/rights?language=en")
        options = await self.anyone.read("/v1/options?language=en")
        say(
            "survivor",
            f"reads crisis help, rights and {len(options['options'])} options; nothing is stored",
        )
        key = uuid4()
        begun = accepted(await self.anyone.do("/v1/inquiries", key, language="en"))
        code = begun["possession_code"]
        if not code:
            raise JourneyFailed("no possession code was shown")
        again = accepted(await self.anyone.do("/v1/inquiries", key, language="en"))
        if again["participation_id"] != begun["participation_id"] or again["possession_code"]:
            raise JourneyFailed("a repeat began a second inquiry or showed the code again")
        say("survivor", "begins without name, contact or advocate, and gets a code, shown once")
        # A code that fails is answered half a second late: meanwhile the journey goes on.
        guess = self.anyone.do("/v1/sessions", possession_code="never-was-a-code")
        self.guessed = asyncio.create_task(guess)
        session = await self.anyone.must("/v1/sessions", possession_code=code)
        self.survivor_code, self.survivor_token = code, session["session_token"]
        self.survivor.headers["Authorization"] = f"Bearer {self.survivor_token}"
        self.participation = f"/v1/participations/{begun['participation_id']}"
        await self._log()
        await self._parole_tries()

    # -- 2 ------------------------------------------------------------------------------------

    async def _notice_first(self) -> None:
        say = self.voices.say
        self.voices.chapter("2  The notice comes before any content")
        await self.survivor.must(f"{self.participation}/advocate-requests", base="community")
        say("survivor", "asks for a community advocate")
        await self.coordinator.must(
            f"{self.participation}/advocate",
            advocate_id=str(self.advocate_staff.id),
            base="community",
            agency_id=str(self.advocate_staff.agency_id),
        )
        early = await self.advocate.do(
            f"{self.participation}/needs", words=self.words.need, how="in_person"
        )
        refused(early, "notice_not_given")
        say("advocate", "is assigned; writing down a need is refused: no notice was given yet")
        for path, own in (
            ("needs", {"words": self.words.need}),
            ("topics", {"topic": "sharing"}),
        ):
            refused(
                await self.survivor.do(f"{self.participation}/{path}", **own), "notice_not_given"
            )
        say("survivor", "is asked to say nothing yet either, to no service")
        notice = await self.anyone.read("/v1/notices/community?language=en")
        await self.advocate.must(
            f"{self.participation}/confidentiality-notices",
            base="community",
            notice_version=notice["notice_version"],
            how="in_person",
        )
        say("advocate", "explains what stays confidential")
        await self._log()

    # -- 3 ------------------------------------------------------------------------------------

    async def _needs_and_contact(self) -> None:
        say = self.voices.say
        self.voices.chapter("3  Needs, safe contact, topics")
        need = await self.advocate.must(
            f"{self.participation}/needs", words=self.words.need, how="in_person"
        )
        self.need = {"service": "intake", "kind": "need", "item_id": need["need_id"]}
        other = await self.survivor.must(f"{self.participation}/needs", words=self.words.other_need)
        self.other_need = {"service": "intake", "kind": "need", "item_id": other["need_id"]}
        say("survivor", f"“{self.words.need}”")
        await self.survivor.must(
            f"{self.participation}/channels",
            channel="email",
            address=self.words.address,
            name_to_use=self.words.name,
            hours={
                "weekdays": [0, 1, 2, 3, 4, 5, 6],
                "start": "00:00",
                "end": "23:59",
                "time_zone": "UTC",
            },
            verified_on=datetime.now(UTC).date().isoformat(),
            stale_after_days=90,
        )
        await self.survivor.must(f"{self.participation}/topics", topic="sharing")
        say("survivor", "says which e-mail is safe, and asks to hear about sharing only")
        await self._log()
        await self._parole_tries()

    # -- 4 ------------------------------------------------------------------------------------

    async def _options(self) -> None:
        say = self.voices.say
        self.voices.chapter("4  Real options")
        lone = await self.advocate.do(
            f"{self.participation}/option-offers", options=["counselling"], how="in_person"
        )
        refused(lone)
        offer = await self.advocate.must(
            f"{self.participation}/option-offers",
            options=["counselling", "letter_bank", "housing", "nothing_now"],
            how="in_person",
        )
        say(
            "advocate",
            "may not offer one thing only; offers counselling, letter bank, "
            "housing, or nothing now",
        )
        await self.survivor.must(
            f"{self.participation}/option-choices", option="housing", offer_id=offer["offer_id"]
        )
        await self.survivor.must(
            f"{self.participation}/option-declines",
            option="letter_bank",
            offer_id=offer["offer_id"],
        )
        say("survivor", "chooses housing, declines the letter bank")
        again = ["letter_bank", "counselling", "legal_help", "nothing_now"]
        refused(
            await self.advocate.do(
                f"{self.participation}/option-offers", options=again, how="in_person"
            )
        )
        say("advocate", "may not offer the letter bank again")
        await self.survivor.must(f"{self.participation}/contacts")
        await self.advocate.must(
            f"{self.participation}/option-offers", options=again, how="in_person"
        )
        say("survivor", "asks about options unasked; now it may be shown again")
        refused(await self.guessed)
        await self._log()

    # -- 5 ------------------------------------------------------------------------------------

    async def propose(
        self, person: Person, item: dict[str, Any], how: str, until: datetime | None = None
    ) -> dict[str, Any]:
        """A release to the agency, explained: for two weeks, or ``until`` then."""
        grant = await person.must(
            f"{self.participation}/grants",
            recipient_agency_id=str(self.agency_id),
            items=[item],
            purpose="housing",
            expires_at=(until or datetime.now(UTC) + timedelta(days=14)).isoformat(),
            how=how,
        )
        explained = await self.anyone.read("/v1/release-explanation?language=en")
        await person.must(
            f"{self.participation}/grants/{grant['grant_id']}/explanation",
            explanation_version=explained["explanation_version"],
            how=how,
        )
        return grant

    def ask(self, reference: str, **changed: Any) -> dict[str, Any]:
        """What the agency sends for a disclosure of the need."""
        return {
            "agency_reference": reference,
            "item": self.need,
            "purpose": "housing",
        } | changed

    async def _forged_and_confirmed(self) -> None:
        say = self.voices.say
        self.voices.chapter("5  A yes that staff recorded waits for the survivor")

        async def assigned() -> dict[str, Any] | None:
            answer = await self.advocate.get(f"{self.participation}/grants")
            return {"ok": True} if answer.is_success else None

        await eventually("consent knows the advocate", assigned)
        self.short = await short_release(self)

        async def forge() -> dict[str, Any] | None:
            grant = await self.propose(self.advocate, self.need, "in_person")
            answer = await self.advocate.do(
                f"{self.participation}/grants/{grant['grant_id']}/yes", how="in_person"
            )
            return grant | accepted(answer)

        forged = await forge()
        if not forged or forged["state"] != "awaiting_confirmation":
            raise JourneyFailed("a yes recorded by staff took effect by itself")
        refused(
            await self.advocate.do(
                f"{self.participation}/grants/{forged['grant_id']}/confirmation", how="in_person"
            )
        )
        self.nothing = nothing_there(
            await self.agency.do("/v1/agency/disclosures", **self.ask(forged["agency_reference"]))
        )
        say("advocate", "writes down a yes that nobody said, and cannot confirm it alone")
        say("agency", "asks: there is nothing there")
        await self.survivor.must(f"{self.participation}/grants/{forged['grant_id']}/decline")
        say("survivor", "sees it, says no: it is over at once")
        real = await self.propose(self.advocate, self.need, "in_person")
        await self.advocate.must(
            f"{self.participation}/grants/{real['grant_id']}/yes", how="in_person"
        )
        given = await self.survivor.must(
            f"{self.participation}/grants/{real['grant_id']}/confirmation"
        )
        if given["state"] != "given":
            raise JourneyFailed(f"the confirmed grant is {given['state']}")
        self.grant = real
        say(
            "survivor",
            "confirms another release: one item, one agency, for housing, 14 days",
        )
        await second_person(self)
        await self._log()

    # -- 6 ------------------------------------------------------------------------------------

    async def nothing_for(self, person: Person, body: dict[str, Any], what: str) -> None:
        """Whoever asks with this is answered as if nothing had ever been there."""
        answer = await person.do("/v1/agency/disclosures", **body)
        if nothing_there(answer) != self.nothing:
            raise JourneyFailed(f"{what} answers differently: {answer.text[:300]}")

    async def _released_once(self) -> None:
        say = self.voices.say
        self.voices.chapter("6  One agency, one item, once")
        reference = self.grant["agency_reference"]
        await self.nothing_for(self.other_agency, self.ask(reference), "another agency")
        await self.nothing_for(
            self.agency, self.ask(reference, item=self.other_need), "another item"
        )
        await self.nothing_for(
            self.agency, self.ask(reference, purpose="compensation"), "another purpose"
        )
        await self.nothing_for(self.agency, self.ask(str(uuid4())), "an unknown reference")
        made = await self.agency.must("/v1/agency/disclosures", **self.ask(reference))
        self.doors = await every_door(
            self.parole_agency,
            participation_id=self.participation.rsplit("/", 1)[1],
            grant_id=self.grant["grant_id"],
            agency_reference=reference,
            disclosure_id=made["disclosure_id"],
        )
        item = f"/v1/agency/disclosures/{made['disclosure_id']}/item"
        taken = await self.agency.must(item, item=self.need)
        if taken["content"] != self.words.need:
            raise JourneyFailed("the agency did not get the item that was released")
        say("agency", f"asks and reads: “{taken['content']}”")
        refused(await self.agency.do(item, item=self.need))
        say(
            "agency",
            "asks a second time: nothing there. Another agency, another item, "
            "another purpose: the same answer",
        )
        await self._log()
        await self._parole_tries()

    # -- 7 ------------------------------------------------------------------------------------

    async def _revokes(self) -> None:
        say = self.voices.say
        self.voices.chapter("7  The survivor ends it")
        await self.survivor.must(f"{self.participation}/grants/{self.grant['grant_id']}/revocation")
        await self.nothing_for(
            self.agency, self.ask(self.grant["agency_reference"]), "an ended one"
        )
        say("survivor", "revokes; no reason is asked")
        say("agency", "asks: as if nothing had ever been there")
        if self.race_pairs:
            await self._race()
        await self._log(only_last=3)

    async def _race(self) -> None:
        slots = asyncio.Semaphore(16)

        async def one() -> bool:
            async with slots:
                grant = await self.propose(self.survivor, self.other_need, "portal")
                path = f"{self.participation}/grants/{grant['grant_id']}"
                await self.survivor.must(f"{path}/yes")
                body = self.ask(grant["agency_reference"], item=self.other_need)
                asked, revoked = await asyncio.gather(
                    self.agency.do("/v1/agency/disclosures", **body),
                    self.survivor.do(f"{path}/revocation"),
                )
                accepted(revoked)
                await self.nothing_for(self.agency, body, "a request after the acknowledgement")
                if not asked.is_success and nothing_there(asked) != self.nothing:
                    raise JourneyFailed(f"the race answered {asked.text[:300]}")
                return asked.is_success

        got = await asyncio.gather(*(one() for _ in range(self.race_pairs)))
        self.voices.say(
            "the log",
            f"{self.race_pairs} requests raced {self.race_pairs} revocations: {sum(got)} came "
            "before, none was granted after",
        )

        async def all_known() -> list[dict[str, Any]] | None:
            entries: list[dict[str, Any]] = await self.timeline()
            ended = {e["about"] for e in entries if e["what"].endswith("revoked")}
            return entries if len(ended) >= self.race_pairs + 2 else None

        entries = await eventually("the timeline shows every revocation", all_known, 150)
        revoked: set[str] = set()
        for entry in entries:
            if entry["what"].endswith("revoked"):
                revoked.add(entry["about"])
            if entry["what"].endswith("disclosure_made") and entry["about"] in revoked:
                raise JourneyFailed("a disclosure follows its revocation")
        self.shown = len(entries)

    # -- 8 ------------------------------------------------------------------------------------

    async def _others_react(self) -> None:
        self.voices.chapter("8  A notice that is safe to send, and one that is not")
        await notices.play(self)

    # -- 9 ------------------------------------------------------------------------------------

    async def _own_timeline(self) -> None:
        self.voices.chapter("9  What ends by itself, and their own timeline")
        await its_end(self, self.short)
        entries = await self.timeline()
        kinds = {entry["what"] for entry in entries}
        shared = [e for e in entries if e["shared_with"] == str(self.agency_id)]
        if not shared:
            raise JourneyFailed("the timeline does not say what was shared with whom")
        recorders = {e["recorded_by_role"] for e in entries if e["recorded_by_role"]}
        self.voices.say(
            "survivor",
            f"reads {len(entries)} entries of {len(kinds)} kinds, recorded by "
            f"{', '.join(sorted(recorders))}; every disclosure names the agency",
        )
        await self._parole_tries()
        if self.parole.seen:
            raise JourneyFailed("the parole officer saw something")
        self.voices.chapter(
            f"The parole officer asked {self.parole.asked} times, a parole agency's key tried "
            f"{self.doors} doors; that column is empty."
        )

    # -- 10 -----------------------------------------------------------------------------------

    async def _erases(self) -> None:
        self.voices.chapter("10  The words are rendered unreadable")
        await erased_to_the_end(self)
        self.voices.log("that something was said, and when, stays; what it was, nobody can read")

    # -- 11 -----------------------------------------------------------------------------------

    async def _audited(self) -> None:
        self.voices.chapter("11  An auditor believes nobody, and sees no name")
        await auditor.play(self, self.auditing)

    # -- throughout ---------------------------------------------------------------------------

    async def _parole_tries(self) -> None:
        for path in ("", "/needs", "/grants", "/timeline", "/notices", "/contact-preference"):
            refused(await self.parole.get(f"{self.participation}{path}"))

    async def timeline(self) -> list[dict[str, Any]]:
        """The survivor's own."""
        timeline = await self.survivor.read(f"{self.participation}/timeline")
        entries: list[dict[str, Any]] = timeline["entries"]
        return entries

    async def _log(self, only_last: int | None = None) -> None:
        async def news() -> list[dict[str, Any]] | None:
            entries = (await self.timeline())[self.shown :]
            return entries or None

        try:
            entries = await eventually("the log has something new", news, 5)
        except JourneyFailed:
            return
        self.shown += len(entries)
        if only_last:
            # After a race the notices of all its releases are on their way; they come in 8.
            entries = [e for e in entries if not e["what"].startswith("notice_")][-only_last:]
        for entry in entries:
            role = entry["recorded_by_role"]
            self.voices.log(
                f"{entry['number']:>3} {entry['what']}" + (f" · {role}" if role else "")
            )
