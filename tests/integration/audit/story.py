"""A healthy history, made through the real applications: every kind of decision they know.

One platform of four services in this process, with a clock that the story moves. What
each of its people does is allowed; the history that it leaves breaks no invariant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.contracts import consent as at_consent
from shared.contracts import intake as at_intake
from shared.contracts import notifications as at_notifications
from shared.contracts.base import Request
from shared.contracts.items import ItemRef
from shared.contracts.refusal import Refused
from shared.eventstore.embedded import EmbeddedServer
from shared.identity.principal import Principal
from shared.messaging.embedded import Platform
from tests.support.eventually import eventually
from tests.support.examples import COMMUNITY_AGENCY, HOUSING_AGENCY, NOON, NOOR, ROSA, an_id

COORDINATOR = Principal.staff(
    an_id("coordinator"), "coordinator", COMMUNITY_AGENCY, unit_kind="community"
)
HOUSING = Principal.agency(HOUSING_AGENCY)
NOBODY_LISTENS = {
    "SAYSO_SMTP_HOST": "127.0.0.1",
    "SAYSO_SMTP_PORT": "1",
    "SAYSO_SMTP_SECURITY": "none",
    "SAYSO_MAIL_FROM": "notes@mail.example.org",
}
"""A relay that is away: notices are queued, and wait."""
ALWAYS = at_notifications.Hours(
    weekdays=(0, 1, 2, 3, 4, 5, 6), start="00:00", end="23:59", time_zone="America/Chicago"
)
NEED = "the lock on my door, canary"
HEARD = "Rosa wrote down what I said, canary"


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            return self.now

    def later(self, **by: float) -> None:
        with self._lock:
            self.now += timedelta(**by)


class Story:
    """Plays the parts of a survivor who is helped, and of one who is alone."""

    def __init__(self, server: EmbeddedServer, database: Callable[[str], str]) -> None:
        self.clock = Clock()
        self.platform = Platform(
            server,
            b"s" * 32,
            clock=self.clock,
            database=database,
            look_every=0.02,
            settings=NOBODY_LISTENS,
        ).start()
        self.gateway = self.platform.caller("gateway")

    def play(self) -> None:
        """Everything, in order; then the followers are at rest."""
        maria, person = self._helped()
        self._needs_and_contact(maria, person)
        self._options(maria, person)
        self._releases(maria, person)
        self._alone()
        self._ends(maria, person)
        self.rest()

    def rest(self) -> None:
        """Wait until every follower has read everything, and nothing is due."""

        def settled() -> bool:
            for service in self.platform.services.values():
                for producer in service.contract.follows:
                    if producer not in self.platform.services:
                        continue
                    last = self._one(
                        producer,
                        "SELECT coalesce(max(position), 0) FROM events WHERE previous IS NOT NULL",
                    )
                    read = self._one(
                        service.name,
                        "SELECT coalesce((SELECT position FROM inbox WHERE producer = %s), 0)",
                        producer,
                    )
                    if read < last:
                        return False
                if self._one(service.name, "SELECT count(*) FROM parked"):
                    raise RuntimeError(f"something is parked at {service.name}")
            return True

        eventually(settled, within=60)

    def _one(self, service: str, sql: str, *params: Any) -> int:
        [[found]] = self.platform.services[service].app.committer.query(sql, params)
        return int(found)

    def ask(self, service: str, request: Request, who: Principal) -> Any:
        """One second later somebody asks; what the service answers."""
        self.clock.later(seconds=1)
        return self.gateway.call(service, request.method(), request, who, uuid4())

    def _begin(self) -> tuple[UUID, Principal]:
        begun = self.ask("intake", at_intake.BeginInquiry(), Principal.anyone())
        return begun.participation_id, Principal.survivor(begun.participation_id)

    # -- the parts ----------------------------------------------------------------------------

    def _helped(self) -> tuple[UUID, Principal]:
        maria, person = self._begin()
        whose: dict[str, Any] = {"participation_id": maria}
        self.ask("intake", at_intake.RequestAdvocate(**whose, base="community"), person)
        assign = at_intake.AssignAdvocate(
            **whose, advocate_id=ROSA.id, base="community", agency_id=COMMUNITY_AGENCY
        )
        self.ask("intake", assign, COORDINATOR)
        notice = at_intake.GiveConfidentialityNotice(
            **whose, base="community", notice_version="community-1", how="in_person"
        )
        self.ask("intake", notice, ROSA)
        self.rest()
        return maria, person

    def _needs_and_contact(self, maria: UUID, person: Principal) -> None:
        whose: dict[str, Any] = {"participation_id": maria}
        stated = self.ask("intake", at_intake.StateNeed(**whose, words=NEED), person)
        self.ask("intake", at_intake.StateNeed(**whose, words=HEARD, how="in_person"), ROSA)
        self.need = ItemRef(service="intake", kind="need", item_id=stated.need_id)
        channel = at_notifications.DeclareChannelSafe(
            **whose,
            channel="email",
            address="canary@example.org",
            hours=ALWAYS,
            verified_on=self.clock().date(),
        )
        own = self.ask("notifications", channel, person)
        other = channel.model_copy(update={"address": "other.canary@example.org"})
        heard = self.ask("notifications", other, ROSA)
        third = channel.model_copy(update={"address": "third.canary@example.org"})
        for _ in range(2):
            self.ask("notifications", third, ROSA)
        confirm = at_notifications.ConfirmChannel(**whose, channel_id=heard.channel_id)
        assert self.ask("notifications", confirm, NOOR).state == "safe"
        self.clock.later(days=3)
        verified = at_notifications.VerifyPreference(
            **whose, channel_id=heard.channel_id, verified_on=self.clock().date()
        )
        self.ask("notifications", verified, ROSA)
        self.ask("notifications", confirm, person)
        self.channels = (own.channel_id, heard.channel_id)
        self.ask("notifications", at_notifications.ChooseTopic(**whose, topic="sharing"), person)
        hearings = at_notifications.ChooseTopic(**whose, topic="hearings")
        self.ask("notifications", hearings, ROSA)
        self.ask("notifications", hearings, person)
        self.ask("notifications", at_notifications.DropTopic(**whose, topic="hearings"), ROSA)

    def _options(self, maria: UUID, person: Principal) -> None:
        whose: dict[str, Any] = {"participation_id": maria}

        def offered(*keys: str) -> UUID:
            offer = at_intake.OfferOptions(**whose, options=keys, how="in_person")
            offer_id: UUID = self.ask("intake", offer, ROSA).offer_id
            return offer_id

        def chosen(option: str, offer_id: UUID | None, who: Principal) -> Any:
            choice = at_intake.ChooseOption(**whose, option=option, offer_id=offer_id)
            return self.ask("intake", choice, who)

        first = offered("counselling", "letter_bank", "housing", "nothing_now")
        chosen("housing", first, person)
        decline = at_intake.DeclineOption(**whose, option="letter_bank", offer_id=first)
        self.ask("intake", decline, person)
        self.ask("intake", at_intake.MakeContact(**whose), person)
        again = offered("letter_bank", "counselling", "legal_help", "nothing_now")
        written = chosen("counselling", again, ROSA)
        heard = at_intake.ConfirmDecision(**whose, decision_id=written.decision_id)
        assert self.ask("intake", heard, NOOR).state == "in_effect"
        never_said = chosen("legal_help", again, ROSA)
        deny = at_intake.DenyDecision(**whose, decision_id=never_said.decision_id)
        self.ask("intake", deny, person)
        chosen("legal_help", again, ROSA)
        decline = at_intake.DeclineOption(
            **whose, option="legal_help", offer_id=again, how="in_person"
        )
        self.ask("intake", decline, ROSA)
        chosen("nothing_now", again, ROSA)

    def _releases(self, maria: UUID, person: Principal) -> None:
        heard = self._release(maria, ROSA)
        yes: dict[str, Any] = {"participation_id": maria, "grant_id": heard.grant_id}
        self.ask("consent", at_consent.GiveGrant(**yes, how="in_person"), ROSA)
        assert self.ask("consent", at_consent.ConfirmGrant(**yes), NOOR).state == "given"
        self._disclosed(heard.agency_reference)
        self.ask("consent", at_consent.RevokeGrant(**yes, how="phone"), ROSA)
        self._refused(heard.agency_reference)

        own = self._release(maria, person)
        self._given(maria, own.grant_id, person)
        self._disclosed(own.agency_reference)
        later = self._release(maria, person, supersedes=own.grant_id)
        self._given(maria, later.grant_id, person)
        self._refused(own.agency_reference)
        self._disclosed(later.agency_reference, taken=False)

        never = self._release(maria, ROSA)
        yes = {"participation_id": maria, "grant_id": never.grant_id}
        self.ask("consent", at_consent.GiveGrant(**yes, how="in_person"), ROSA)
        self.ask("consent", at_consent.DeclineGrant(**yes), person)
        self._confirmed_by_survivor(maria, person)
        self.rest()
        self.clock.later(days=15)
        eventually(
            lambda: self._one(
                "consent", "SELECT count(*) FROM events WHERE topic LIKE '%%GrantExpired'"
            ),
            within=60,
        )

    def _confirmed_by_survivor(self, maria: UUID, person: Principal) -> None:
        written = self._release(maria, ROSA)
        yes: dict[str, Any] = {"participation_id": maria, "grant_id": written.grant_id}
        self.ask("consent", at_consent.GiveGrant(**yes, how="in_person"), ROSA)
        assert self.ask("consent", at_consent.ConfirmGrant(**yes), person).state == "given"

    def _release(self, maria: UUID, who: Principal, **more: Any) -> Any:
        grant = self.ask(
            "consent",
            at_consent.ProposeGrant(
                participation_id=maria,
                recipient_agency_id=HOUSING_AGENCY,
                items=(self.need,),
                purpose="housing",
                expires_at=self.clock() + timedelta(days=14),
                **more,
            ),
            who,
        )
        explain = at_consent.ExplainGrant(
            participation_id=maria, grant_id=grant.grant_id, explanation_version="release-1"
        )
        self.ask("consent", explain, who)
        return grant

    def _given(self, maria: UUID, grant_id: UUID, person: Principal) -> None:
        give = at_consent.GiveGrant(participation_id=maria, grant_id=grant_id)
        assert self.ask("consent", give, person).state == "given"

    def _disclosed(self, reference: UUID, *, taken: bool = True) -> None:
        asked = at_consent.RequestDisclosure(
            agency_reference=reference, item=self.need, purpose="housing"
        )
        made = self.ask("consent", asked, HOUSING)
        if taken:
            fetch = at_intake.FetchItem(disclosure_id=made.disclosure_id, item=self.need)
            assert self.ask("intake", fetch, HOUSING).content == NEED

    def _refused(self, reference: UUID) -> None:
        try:
            self._disclosed(reference)
        except Refused:
            return
        raise AssertionError("an ended release disclosed something")

    def _alone(self) -> None:
        dana, person = self._begin()
        whose: dict[str, Any] = {"participation_id": dana}
        notice = at_intake.GiveConfidentialityNotice(
            **whose, base="alone", notice_version="alone-1"
        )
        self.ask("intake", notice, person)
        self.ask("intake", at_intake.ChooseOption(**whose, option="counselling"), person)
        self.ask("intake", at_intake.PauseCase(**whose), person)
        self.ask("intake", at_intake.ReopenCase(**whose), person)
        self.ask("intake", at_intake.CloseCase(**whose), person)
        self.ask("intake", at_intake.DeclineOption(**whose, option="counselling"), person)
        self.ask("intake", at_intake.ReopenCase(**whose), person)
        self.ask("intake", at_intake.StateNeed(**whose, words="a canary of Dana's"), person)
        self.ask("intake", at_intake.CloseCase(**whose), person)

    def _ends(self, maria: UUID, person: Principal) -> None:
        whose: dict[str, Any] = {"participation_id": maria}
        self.ask("notifications", at_notifications.StopEverything(**whose), person)
        self._erased_by_staff_confirmed_by(person, maria, "contact")
        self.ask("intake", at_intake.CloseCase(**whose), person)
        self._erased_by_staff_confirmed_by(NOOR, maria, "needs")
        self.ask("intake", at_intake.EndAdvocateAssignment(**whose), ROSA)
        self.rest()
        self.clock.later(seconds=61)
        eventually(
            lambda: (
                self._one(
                    "keyring", "SELECT count(*) FROM events WHERE topic LIKE '%%ErasureCompleted'"
                )
                == 2
            ),
            within=60,
        )

    def _erased_by_staff_confirmed_by(self, who: Principal, maria: UUID, record_class: str) -> None:
        wish = at_intake.RequestErasure(participation_id=maria, record_classes=(record_class,))
        written = self.ask("intake", wish, ROSA)
        heard = at_intake.ConfirmDecision(participation_id=maria, decision_id=written.erasure_id)
        self.ask("intake", heard, who)
