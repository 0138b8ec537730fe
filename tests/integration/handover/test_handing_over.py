"""Words, with the real consent and the real keyring: nothing leaves after a no."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.intake.domain import Handover
from shared.contracts import consent, intake
from shared.contracts.base import Request
from shared.contracts.consent import HAND_OVER_WITHIN
from shared.contracts.items import ItemRef
from shared.contracts.refusal import Refused, Unavailable
from shared.identity.principal import Principal
from tests.integration.audit.story import HOUSING, Story
from tests.support.examples import an_id
from tests.support.postgres import embedded_server

WORDS = "I want to sleep at night, says the canary."
LEGAL = Principal.agency(an_id("legal help"))
NOTHING = "nothing_to_hand_over"

Meanwhile = Callable[[], object]


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    run = uuid4().hex[:8]
    with embedded_server() as server:
        made = Story(server, lambda service: f"sayso_{service}_{run}")
        yield made
        made.platform.stop()


class Release:
    """One agency's release of one need, and what was disclosed under it."""

    def __init__(self, life: Life, agency: Principal = HOUSING, **more: Any) -> None:
        self.life, self.agency = life, agency
        proposed = life.say(
            "consent",
            consent.ProposeGrant,
            recipient_agency_id=agency.agency_id,
            items=(life.item,),
            purpose="housing",
            **({"expires_at": life.story.clock() + timedelta(days=14)} | more),
        )
        self.grant_id, self.reference = proposed.grant_id, proposed.agency_reference
        self.say(consent.ExplainGrant, explanation_version="release-1")
        self.say(consent.GiveGrant)
        ask = consent.RequestDisclosure(
            agency_reference=self.reference, item=life.item, purpose="housing"
        )
        self.disclosure_id: UUID = life.story.ask("consent", ask, agency).disclosure_id

    def say(self, command: Any, **fields: Any) -> Any:
        return self.life.say("consent", command, grant_id=self.grant_id, **fields)

    def fetch(self, key: UUID | None = None) -> str | None:
        """What the agency is given, or the code of its refusal."""
        command = intake.FetchItem(disclosure_id=self.disclosure_id, item=self.life.item)
        caller = self.life.story.gateway
        try:
            content: str | None = caller.call(
                "intake", command.method(), command, self.agency, key or uuid4()
            ).content
        except Refused as refused:
            return refused.code
        return content

    def stream(self) -> list[str]:
        """What the release's own stream says since the yes."""
        return self.life.events("consent", self.grant_id)[3:]

    def handed_over(self) -> int:
        """How often the log of intake says so."""
        [[count]] = self.life.app("intake").committer.query(
            "SELECT count(*) FROM events WHERE topic LIKE '%%.ItemHandedOver'"
            " AND convert_from(state, 'UTF8') LIKE %s",
            (f"%{self.disclosure_id.hex}%",),
        )
        return int(count)


class Life:
    """A survivor who has stated a need."""

    def __init__(self, story: Story) -> None:
        self.story = story
        begun = story.ask("intake", intake.BeginInquiry(), Principal.anyone())
        self.me: UUID = begun.participation_id
        self.person = Principal.survivor(self.me)
        notice = {"base": "alone", "notice_version": "alone-1"}
        self.say("intake", intake.GiveConfidentialityNotice, **notice)
        self.state()

    def state(self) -> None:
        stated = self.say("intake", intake.StateNeed, words=WORDS)
        self.item = ItemRef(service="intake", kind="need", item_id=stated.need_id)

    def say(self, service: str, command: Any, **fields: Any) -> Any:
        asked = command(participation_id=self.me, **fields)
        return self.story.ask(service, asked, self.person)

    def app(self, service: str) -> Any:
        return self.story.platform.services[service].app

    def events(self, service: str, stream: UUID) -> list[str]:
        rows = self.app(service).committer.query(
            "SELECT topic FROM events WHERE originator_id = %s ORDER BY originator_version",
            (str(stream),),
        )
        return [topic.rsplit(".", 1)[1] for (topic,) in rows]

    @contextmanager
    def edge(self, **changed: Any) -> Iterator[None]:
        """Intake with another edge of its own, for a while."""
        app = self.app("intake")
        before = app.edge
        app.edge = replace(before, **changed)
        try:
            yield
        finally:
            app.edge = before

    @contextmanager
    def while_the_key_is_fetched(self, meanwhile: Meanwhile) -> Iterator[None]:
        """The keyring is asked, and takes its time."""
        keys = self.app("intake").edge.keys
        keys.forget(self.me, ("needs",))
        caller, line = keys._caller, Line(keys._caller, {"data_key_by_id": (meanwhile, None)})
        keys._caller = line
        try:
            yield
        finally:
            keys._caller = caller
        assert line.met == 1

    @contextmanager
    def when_taken(self, meanwhile: Meanwhile) -> Iterator[None]:
        """Consent has put the taking on record, and its answer is on its way."""
        line = Line(self.app("intake").edge.caller, {"take_disclosure": (None, meanwhile)})
        with self.edge(caller=line):
            yield
        assert line.met >= 1


class Line:
    """A caller on whose way something happens before or after a call."""

    def __init__(
        self, caller: Any, happens: dict[str, tuple[Meanwhile | None, Meanwhile | None]]
    ) -> None:
        self._caller, self._happens = caller, happens
        self.met = 0

    def call(self, service: str, method: str, request: Request, *rest: Any, **more: Any) -> Any:
        before, after = self._happens.get(method, (None, None))
        self.met += method in self._happens
        if before is not None:
            before()
        answer = self._caller.call(service, method, request, *rest, **more)
        if after is not None:
            after()
        return answer


@pytest.fixture
def life(story: Story) -> Life:
    return Life(story)


def ends(release: Release) -> dict[str, Meanwhile]:
    """Every way in which a release stops to hold, each acknowledged when it returns."""
    life = release.life

    def erased() -> None:
        life.say("intake", intake.RequestErasure, record_classes=("needs",))

    def heard_by_consent() -> None:
        erased()
        life.story.rest()

    def superseded() -> None:
        Release(life, supersedes=release.grant_id)

    return {
        "revoked": lambda: release.say(consent.RevokeGrant),
        "declined": lambda: release.say(consent.DeclineGrant),
        "superseded": superseded,
        "expired": lambda: life.story.clock.later(days=14),
        "too late": lambda: life.story.clock.later(seconds=60),
        "erased": erased,
        "erased, and consent has heard": heard_by_consent,
    }


ENDS = (
    "revoked",
    "declined",
    "superseded",
    "expired",
    "too late",
    "erased",
    "erased, and consent has heard",
)


@pytest.mark.rule("R09")
@pytest.mark.rule("I03")
@pytest.mark.parametrize("end", ENDS)
def test_an_end_while_the_key_is_fetched_is_an_end(life: Life, end: str) -> None:
    release = Release(life)

    with life.while_the_key_is_fetched(ends(release)[end]):
        given = release.fetch()

    assert given == NOTHING
    assert release.handed_over() == 0
    assert "DisclosureTaken" not in release.stream() or end == "erased"


def test_without_an_end_the_key_may_take_its_time(life: Life) -> None:
    release = Release(life)
    with life.while_the_key_is_fetched(lambda: None):
        assert release.fetch() == WORDS


@pytest.mark.rule("R09")
def test_a_revocation_after_the_taking_comes_second_on_every_record(life: Life) -> None:
    release = Release(life)

    with life.when_taken(lambda: release.say(consent.RevokeGrant)):
        assert release.fetch() == WORDS

    assert release.stream() == ["DisclosureMade", "DisclosureTaken", "GrantRevoked"]
    life.story.rest()
    told = life.say("intake", intake.GetTimeline).entries
    whats = [e.what for e in told if e.about == str(release.grant_id)]
    assert whats[-3:] == ["disclosure_made", "disclosure_taken", "grant_revoked"]


@pytest.mark.rule("R09")
def test_an_erasure_after_the_taking_is_stored_before_the_hand_over_and_counts(life: Life) -> None:
    release = Release(life)

    with life.when_taken(ends(release)["erased"]):
        assert release.fetch() == NOTHING
    assert release.handed_over() == 0


@pytest.mark.rule("R09")
@pytest.mark.parametrize("late", [4.9, 5.0])
def test_words_leave_in_the_time_that_consent_gave_or_not_at_all(life: Life, late: float) -> None:
    """However long consent's answer was on its way."""
    release, now = Release(life), [100.0]

    def slow() -> None:
        now[0] += late

    with life.edge(monotonic=lambda: now[0]), life.when_taken(slow):
        given = release.fetch()

    assert given == (WORDS if late < HAND_OVER_WITHIN.total_seconds() else NOTHING)
    assert release.handed_over() == (given == WORDS)


@pytest.mark.rule("R09")
def test_words_whose_storing_took_too_long_do_not_leave(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hand-over is on record then: rather one too many than one too few."""
    release, now = Release(life), [100.0]
    store = life.app("intake")._store

    def slowly(work: Any, **more: Any) -> Any:
        stored = store(work, **more)
        if any(isinstance(saved, Handover) for saved in work.saved):
            now[0] += HAND_OVER_WITHIN.total_seconds()
        return stored

    monkeypatch.setattr(life.app("intake"), "_store", slowly)
    with life.edge(monotonic=lambda: now[0]):
        assert release.fetch() == NOTHING
    assert release.handed_over() == 1


@pytest.mark.rule("I03")
def test_nothing_is_handed_over_where_the_own_clock_would_date_it_too_late(life: Life) -> None:
    """Consent's clock stands five seconds behind intake's."""
    release, clock = Release(life), life.story.clock
    taken = life.app("consent").take_disclosure

    def earlier(command: Any, work: Any) -> Any:
        behind = clock() - HAND_OVER_WITHIN - timedelta(microseconds=1)
        return taken(command, work).model_copy(update={"taken_at": behind})

    life.app("consent").take_disclosure = earlier
    try:
        assert release.fetch() == NOTHING
    finally:
        del life.app("consent").take_disclosure
    assert release.handed_over() == 0


def lost() -> None:
    raise Unavailable()


def test_an_answer_of_consent_that_was_lost_is_asked_for_again_under_the_same_key(
    life: Life,
) -> None:
    release, key = Release(life), uuid4()
    with life.when_taken(lost):
        assert release.fetch(key) == "unavailable"

    assert release.fetch(uuid4()) == NOTHING  # another request is another taking
    assert release.fetch(key) == WORDS
    assert release.fetch(key) is None
    assert release.stream() == ["DisclosureMade", "DisclosureTaken"]
    assert release.handed_over() == 1


@pytest.mark.rule("R09")
@pytest.mark.parametrize("end", [e for e in ENDS if e != "expired"])
def test_a_repeat_after_an_end_gets_nothing(life: Life, end: str) -> None:
    """Neither one whose first answer was lost on its way to intake, nor one that was answered."""
    release, key = Release(life), uuid4()
    with life.when_taken(lost):
        assert release.fetch(key) == "unavailable"
    ends(release)[end]()

    assert release.fetch(key) == NOTHING
    assert release.handed_over() == 0


@pytest.mark.rule("R09")
def test_a_repeat_of_what_was_handed_over_is_asked_again_and_shows_no_words(life: Life) -> None:
    release, key = Release(life), uuid4()
    assert release.fetch(key) == WORDS
    assert release.fetch(key) is None

    release.say(consent.RevokeGrant)

    assert release.fetch(key) == NOTHING


@pytest.mark.rule("R23")
def test_the_end_of_one_agencys_release_is_none_of_anothers(life: Life) -> None:
    housing, legal = Release(life), Release(life, LEGAL)

    with life.while_the_key_is_fetched(lambda: housing.say(consent.RevokeGrant)):
        assert housing.fetch() == NOTHING

    assert legal.fetch() == WORDS
    assert housing.stream() == ["DisclosureMade", "GrantRevoked"]
    assert legal.stream() == ["DisclosureMade", "DisclosureTaken"]
