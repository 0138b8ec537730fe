"""The survivor's own timeline, with every service there is: each decision once, and by whom."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts import consent, intake, notifications
from shared.contracts.items import ItemRef
from shared.identity.principal import Principal
from tests.integration.audit.story import ALWAYS, COORDINATOR, HOUSING, NEED, Story
from tests.support.eventually import eventually
from tests.support.examples import COMMUNITY_AGENCY, HOUSING_AGENCY, NOOR, ROSA
from tests.support.postgres import embedded_server

PERSON, ADVOCATE, SECOND = "the survivor", "Rosa", "Noor"
LOGS = ("consent", "intake", "notifications")
ADDRESS = "canary@example.org"


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    run = uuid4().hex[:8]
    with embedded_server() as server:
        made = Story(server, lambda service: f"sayso_{service}_{run}")
        yield made
        made.platform.stop()


@pytest.fixture(scope="module")
def life(story: Story) -> Life:
    lived = Life(story)
    lived.live()
    return lived


class Life:
    """What a survivor decides, by themselves and through their advocate; and what came of it."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.me: UUID = story.ask(
            "intake", intake.BeginInquiry(), Principal.anyone()
        ).participation_id
        self.person = Principal.survivor(self.me)
        self.names = {self.me: PERSON, ROSA.id: ADVOCATE, NOOR.id: SECOND}

    def say(self, service: str, command: Any, who: Principal | None = None, **fields: Any) -> Any:
        """The survivor says it, or ``who`` records it."""
        asked = command(participation_id=self.me, **fields)
        return self.story.ask(service, asked, who or self.person)

    def live(self) -> None:
        """Everything, in order; then the followers are at rest."""
        self.say("intake", intake.RequestAdvocate, base="community")
        assign: dict[str, Any] = {"base": "community", "agency_id": COMMUNITY_AGENCY}
        self.say("intake", intake.AssignAdvocate, COORDINATOR, advocate_id=ROSA.id, **assign)
        notice = {"base": "community", "notice_version": "community-1"}
        self.say("intake", intake.GiveConfidentialityNotice, ROSA, **notice)
        self.story.rest()
        self.contact()
        self.releases()
        self.stops()
        self.story.rest()

    def contact(self) -> None:
        today = self.story.clock().date()
        way: dict[str, Any] = {"channel": "email", "address": ADDRESS, "hours": ALWAYS}
        way["verified_on"] = today - timedelta(days=2)
        declare, verify = notifications.DeclareChannelSafe, notifications.VerifyPreference
        own = self.say("notifications", declare, **way).channel_id
        other = way | {"address": f"other-{ADDRESS}"}
        told = self.say("notifications", declare, ROSA, **other).channel_id
        self.say("notifications", notifications.ConfirmChannel, NOOR, channel_id=told)
        self.say("notifications", verify, channel_id=own, verified_on=today)
        self.say("notifications", verify, ROSA, channel_id=told, verified_on=today)
        self.say("notifications", notifications.ConfirmChannel, channel_id=told)
        self.say("notifications", notifications.DeclareChannelUnsafe, ROSA, channel_id=own)
        self.say("notifications", notifications.ChooseTopic, topic="sharing")
        self.say("notifications", notifications.ChooseTopic, ROSA, topic="hearings")
        self.say("notifications", notifications.ConfirmTopic, NOOR, topic="hearings")
        self.say("notifications", notifications.DropTopic, ROSA, topic="hearings")
        self.own, self.told = own, told

    def releases(self) -> None:
        stated = self.say("intake", intake.StateNeed, words=NEED)
        self.item = ItemRef(service="intake", kind="need", item_id=stated.need_id)
        first = self.proposed(ROSA)
        self.say("consent", consent.GiveGrant, ROSA, grant_id=first.grant_id)
        self.say("consent", consent.ConfirmGrant, NOOR, grant_id=first.grant_id)
        ask = consent.RequestDisclosure(
            agency_reference=first.agency_reference, item=self.item, purpose="housing"
        )
        made = self.story.ask("consent", ask, HOUSING)
        fetch = intake.FetchItem(disclosure_id=made.disclosure_id, item=self.item)
        assert self.story.ask("intake", fetch, HOUSING).content == NEED
        second = self.proposed(self.person, supersedes=first.grant_id)
        self.say("consent", consent.GiveGrant, grant_id=second.grant_id)
        self.say("consent", consent.RevokeGrant, ROSA, grant_id=second.grant_id)
        never = self.proposed(ROSA)
        self.say("consent", consent.DeclineGrant, grant_id=never.grant_id)
        self.grants = (first.grant_id, second.grant_id, never.grant_id)

    def proposed(self, who: Principal, **more: Any) -> Any:
        grant = self.say(
            "consent",
            consent.ProposeGrant,
            who,
            recipient_agency_id=HOUSING_AGENCY,
            items=(self.item,),
            purpose="housing",
            expires_at=self.story.clock() + timedelta(days=14),
            **more,
        )
        said = {"grant_id": grant.grant_id, "explanation_version": "release-1"}
        self.say("consent", consent.ExplainGrant, who, **said)
        return grant

    def stops(self) -> None:
        self.say("notifications", notifications.StopEverything, ROSA)
        notices = notifications.GetNotices(participation_id=self.me)

        def ended() -> bool:
            found = self.story.ask("notifications", notices, self.person).notices
            return bool(found) and all(n.state == "suppressed" for n in found)

        eventually(ended, within=30)

    def timeline(self) -> tuple[intake.TimelineEntry, ...]:
        """As the survivor reads it."""
        request = intake.GetTimeline(participation_id=self.me)
        entries: tuple[intake.TimelineEntry, ...] = self.story.ask(
            "intake", request, self.person
        ).entries
        return entries

    def of(self, about: UUID | None, subject: str = "") -> list[tuple[str, str | None]]:
        """What the timeline says about one thing, in order: what, and who recorded it."""
        wanted = None if about is None else str(about)
        return [
            (e.what, None if e.recorded_by_id is None else self.names[e.recorded_by_id])
            for e in self.timeline()
            if e.about == wanted and e.what.startswith(subject)
        ]

    def decided(self) -> Iterator[tuple[str, UUID]]:
        """Every stored event that carries a decision: whose log, and who recorded it."""
        for service in LOGS:
            stored = self.story.platform.services[service].app.committer.query(
                "SELECT topic, state FROM events ORDER BY position"
            )
            for topic, state in stored:
                decision = json.loads(bytes(state)).get("decision")
                # A case moves in one step with its participation, whose event is the entry.
                if decision is not None and not topic.rpartition(":")[2].startswith("Case."):
                    by = decision["_data_"]["recorded_by"]["_data_"]
                    yield service, UUID(by["actor_id"]["_data_"])


def test_every_decision_about_contact_is_an_entry_with_who_recorded_it(life: Life) -> None:
    assert life.of(life.own) == [
        ("channel_declared_safe", PERSON),
        ("channel_verified", PERSON),
        ("channel_declared_unsafe", ADVOCATE),
    ]
    assert life.of(life.told) == [
        ("channel_recorded", ADVOCATE),
        ("channel_confirmed", SECOND),
        ("channel_verification_recorded", ADVOCATE),
        ("channel_confirmed", PERSON),
        ("channel_declared_unsafe", ADVOCATE),
    ]
    assert life.of(None, "topic_") == [
        ("topic_chosen", PERSON),
        ("topic_recorded", ADVOCATE),
        ("topic_confirmed", SECOND),
        ("topic_dropped", ADVOCATE),
        ("topic_dropped", ADVOCATE),
    ]


def test_every_decision_about_a_release_is_an_entry_with_who_recorded_it(life: Life) -> None:
    first, second, never = life.grants
    assert life.of(first) == [
        ("grant_proposed", ADVOCATE),
        ("grant_explained", ADVOCATE),
        ("grant_yes_recorded", ADVOCATE),
        ("grant_given", SECOND),
        ("disclosure_made", None),
        ("disclosure_taken", None),
        ("grant_superseded", PERSON),
    ]
    assert life.of(second) == [
        ("grant_proposed", PERSON),
        ("grant_explained", PERSON),
        ("grant_given", PERSON),
        ("grant_revoked", ADVOCATE),
    ]
    assert life.of(never) == [
        ("grant_proposed", ADVOCATE),
        ("grant_explained", ADVOCATE),
        ("grant_declined", PERSON),
    ]


def test_a_disclosure_names_the_item_and_the_agency(life: Life) -> None:
    shared = [e for e in life.timeline() if e.item is not None]
    assert {e.what for e in shared} == {
        "disclosure_made",
        "disclosure_taken",
        "item_handed_over",
    }
    assert {e.item for e in shared} == {life.item}
    assert {e.shared_with for e in shared} == {HOUSING_AGENCY}


def test_nothing_that_was_decided_is_missing_and_nothing_is_there_twice(life: Life) -> None:
    decided = Counter(life.decided())
    # A coordinator's assignment and an agency's hand-over are entries too, and nobody's decision.
    shown = Counter(
        (e.source, e.recorded_by_id) for e in life.timeline() if e.recorded_by_id in life.names
    )
    assert shown == decided
    assert {service for service, _ in decided} == set(LOGS)
    assert {who for _, who in decided} == set(life.names)


def test_entries_are_numbered_and_in_the_order_of_their_streams(life: Life) -> None:
    entries = life.timeline()
    assert [e.number for e in entries] == list(range(1, len(entries) + 1))
    for _, found in groupby(sorted(entries, key=lambda e: e.about or ""), key=lambda e: e.about):
        at = [e.at for e in found if e.source != "intake"]
        assert at == sorted(at)


def test_no_topic_or_address_is_in_it(life: Life) -> None:
    shown = "".join(e.model_dump_json() for e in life.timeline())
    assert not [word for word in ("sharing", "hearings", ADDRESS, NEED) if word in shown]
