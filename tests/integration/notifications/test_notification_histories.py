"""500 random histories of two survivors, three staff, and the news of other services."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.topics import TopicChoice
from shared.contracts.base import Command
from shared.contracts.notifications import (
    ChooseTopic,
    ConfirmChannel,
    DeclareChannelUnsafe,
    DropTopic,
    StopEverything,
    VerifyPreference,
)
from shared.contracts.refusal import Refused
from shared.identity.principal import Principal
from tests.support.examples import (
    ADDRESS,
    COMMUNITY_AGENCY,
    DANA,
    IVO,
    MARIA,
    NOOR,
    ROSA,
    SAM,
    an_id,
)
from tests.unit.notifications import news
from tests.unit.notifications.judge import Judge, trained
from tests.unit.notifications.memory import MOODS, Crash, Notifications

STAFF = (ROSA, NOOR, IVO)
SENT: list[int] = []
"""How many messages each history sent, not counting its end."""
people = st.sampled_from((MARIA, MARIA, MARIA, DANA))
topics = st.sampled_from(("sharing", "hearings", "hearings"))
recorders = st.sampled_from((None, *STAFF))
confirmers = st.sampled_from((None, *STAFF, SAM))
known = st.integers(0, 5)
spellings = st.sampled_from(
    (ADDRESS, ADDRESS, ADDRESS.upper(), ADDRESS.replace("@", "+list@"), "my.other@example.org")
)


class Histories(RuleBasedStateMachine):
    """Anybody does anything at any time; the judge reads the log."""

    def __init__(self) -> None:
        super().__init__()
        self.notifications = Notifications()
        self.position = 0
        self.channels: dict[UUID, list[UUID]] = {MARIA: [], DANA: []}
        self.judged = 0
        self.erasures = 0
        self.unheard: list[tuple[str, Any]] = []
        self.judges = {
            person: Judge(trained(*STAFF, SAM), frozenset({COMMUNITY_AGENCY}))
            for person in (MARIA, DANA)
        }

    @initialize()
    def both_are_served_by_all_three(self) -> None:
        for person in (MARIA, DANA):
            for staff in STAFF:
                self._hear(news.assigned(staff, person), "intake")
            for base in ("systems", "community"):
                self._hear(news.notice_given(base, person), "intake")
            self._command(ChooseTopic(participation_id=person, topic="sharing"), None)
        # Most of what can go wrong begins with a way that staff wrote down.
        self.declare(MARIA, ROSA, 9, 0, "00:00", (0, 1, 2, 3, 4, 5, 6))
        self.declare(MARIA, None, 5, 0, "13:00", (0, 3))
        self.declare(DANA, None, 9, 0, "00:00", (0, 1, 2, 3, 4, 5, 6))

    @rule(
        person=people,
        by=recorders,
        days=st.integers(3, 9),
        ago=st.integers(0, 4),
        start=st.sampled_from(("00:00", "13:00")),
        weekdays=st.sampled_from(((0, 1, 2, 3, 4, 5, 6), (0, 3))),
        address=spellings,
    )
    def declare(
        self,
        person: UUID,
        by: Principal | None,
        days: int,
        ago: int,
        start: str,
        weekdays: tuple[int, ...],
        address: str = ADDRESS,
    ) -> None:
        hours = news.ALL_DAY.model_copy(update={"start": start, "weekdays": weekdays})
        answer = self._command(
            news.declare_safe(
                participation_id=person,
                address=address,
                hours=hours,
                verified_on=(self.notifications.now - timedelta(days=ago)).date(),
                stale_after_days=days,
            ),
            by,
        )
        if answer and answer.channel_id not in self.channels[person]:
            self.channels[person].append(answer.channel_id)

    @rule(person=people, by=confirmers, number=known)
    def confirm(self, person: UUID, by: Principal | None, number: int) -> None:
        self._repeatedly(
            ConfirmChannel(participation_id=person, channel_id=self._one(person, number)), by
        )

    @rule(person=people, by=recorders, number=known, ago=st.integers(0, 3))
    def verify(self, person: UUID, by: Principal | None, number: int, ago: int) -> None:
        self._repeatedly(
            VerifyPreference(
                participation_id=person,
                channel_id=self._one(person, number),
                verified_on=(self.notifications.now - timedelta(days=ago)).date(),
            ),
            by,
        )

    @rule(person=people, by=recorders, number=known)
    def declare_unsafe(self, person: UUID, by: Principal | None, number: int) -> None:
        self._repeatedly(
            DeclareChannelUnsafe(participation_id=person, channel_id=self._one(person, number)),
            by,
        )

    @rule(person=people, by=recorders, topic=topics)
    def choose(self, person: UUID, by: Principal | None, topic: Any) -> None:
        self._repeatedly(ChooseTopic(participation_id=person, topic=topic), by)

    @rule(person=people, by=recorders, topic=topics)
    def drop(self, person: UUID, by: Principal | None, topic: Any) -> None:
        """A no is never refused, and acts at once."""
        answer = self._repeatedly(DropTopic(participation_id=person, topic=topic), by)
        assert answer is not None
        choice = self.notifications.aggregate(TopicChoice.create_id(person))
        assert not (isinstance(choice, TopicChoice) and choice.wants(topic))

    @rule(person=people, by=recorders, rarely=st.integers(0, 4))
    def stop(self, person: UUID, by: Principal | None, rarely: int) -> None:
        """After it nothing is queued until the person says something new."""
        if rarely:
            return
        assert self._repeatedly(StopEverything(participation_id=person), by) is not None
        before = self.notifications.types()
        self._hear(news.grant_given(person))
        assert self.notifications.types() == before

    @rule(
        person=people,
        message=st.sampled_from((news.grant_given, news.grant_revoked, news.disclosure_made)),
    )
    def sharing_happens(self, person: UUID, message: Any) -> None:
        self._hear(message(person))
        before = self.notifications.types()
        self.notifications.hear(message(person), self.position)
        assert self.notifications.types() == before

    @rule(person=people, rarely=st.integers(0, 4), first=st.sampled_from(("intake", "keyring")))
    def erase(self, person: UUID, rarely: int, first: str) -> None:
        """They ask for it, the keys go; it is heard in whichever order, perhaps much later."""
        if rarely:
            return
        self.erasures += 1
        id = an_id(f"erasure {self.erasures}")
        heard = {
            "intake": news.erasure_requested(person, erasure_id=id),
            "keyring": news.keys_destroyed(person, erasure_id=id),
        }
        self._hear(heard.pop(first), first)
        self.unheard.extend(heard.items())

    @rule()
    def the_rest_of_an_erasure_is_heard(self) -> None:
        if self.unheard:
            producer, message = self.unheard.pop(0)
            self._hear(message, producer)

    @rule(hours=st.integers(-30, 100))
    def time_passes(self, hours: int) -> None:
        """Also backwards: no clock is trusted to be right."""
        self.notifications.now += timedelta(hours=hours)

    @rule(
        mood=st.sampled_from((*MOODS, *["well"] * 6)),
        person=people,
        no=st.sampled_from((None, "drop", "stop")),
    )
    def what_is_due_is_done(self, mood: str, person: UUID, no: str | None) -> None:
        """By a relay in any mood; and while it was asked, somebody may say no."""
        relay = self.notifications.relay
        relay.mood = mood
        if no == "drop":
            relay.meanwhile = lambda: self.drop(person, None, "sharing")
        if no == "stop":
            relay.meanwhile = lambda: self.stop(person, None, 0)
        try:
            self.notifications.run_due()
        except Crash:
            self.notifications.restart()
        relay.meanwhile = lambda: None

    @invariant()
    def no_message_was_handed_over_twice(self) -> None:
        taken = self.notifications.relay.taken
        assert len(taken) == len(set(taken))

    @invariant()
    def whatever_happened_the_next_notice_breaks_no_rule(self) -> None:
        for person in (MARIA, DANA):
            self._hear(news.disclosure_made(person))
        news_since, self.judged = self.notifications.log[self.judged :], len(self.notifications.log)
        for person, judge in self.judges.items():
            judge.judge(_of(person, news_since))

    def teardown(self) -> None:
        """In the end, with a relay that works, everything that waits ends, and nothing twice."""
        SENT.append(len(self.notifications.relay.taken))
        self.notifications.relay.mood = "well"
        for days in (0, 0, 10, 10, 10):
            self.notifications.now += timedelta(days=days, minutes=10)
            self.notifications.run_due()
        assert self.notifications.due == {}
        self.no_message_was_handed_over_twice()
        for person in (MARIA, DANA):
            found = self.notifications.aggregate(ContactPreference.create_id(person))
            assert found is None or isinstance(found, ContactPreference)
            assert list(found.channels if found else ()) == self.channels[person]

    def _one(self, person: UUID, number: int) -> UUID:
        mine = self.channels[person]
        return mine[number % len(mine)] if mine else an_id("no channel")

    def _command(self, command: Any, by: Principal | None) -> Any:
        who = by or Principal.survivor(command.participation_id)
        with contextlib.suppress(Refused):
            return self.notifications.command(command, who)
        return None

    def _repeatedly(self, command: Command, by: Principal | None) -> Any:
        """The second time stores nothing, whatever the first time did."""
        answer = self._command(command, by)
        before = self.notifications.types()
        self._command(command, by)
        assert self.notifications.types() == before
        return answer

    def _hear(self, message: Any, producer: str = "consent") -> None:
        self.position += 1
        self.notifications.hear(message, self.position, producer)


def _of(person: UUID, history: list[Any]) -> list[Any]:
    streams = {ContactPreference.create_id(person), TopicChoice.create_id(person)}
    return [
        event
        for event in history
        if event.originator_id in streams
        or (getattr(event, "topic", None) and vars(event).get("participation_id") == person)
    ]


TestHistories = pytest.mark.rule("I09")(
    pytest.mark.rule("R11")(pytest.mark.rule("R26")(pytest.mark.rule("R71")(Histories.TestCase)))
)
TestHistories.settings = settings(
    max_examples=500,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_histories_sent_something() -> None:
    """Runs after them: a history in which nothing is ever sent would prove nothing."""
    assert sum(count > 0 for count in SENT) > len(SENT) / 10 > 0
