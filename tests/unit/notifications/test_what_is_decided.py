"""Commands and other services' news, and what follows from them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from services.notifications.domain.notice import Notice
from services.notifications.domain.preference import ContactPreference
from services.notifications.domain.refusals import NoSuchChannel
from services.notifications.effects import PAUSE
from services.notifications.reactions import REACTIONS
from shared.accompaniment.company import ALONE
from shared.accompaniment.refusals import NotAssigned, NoticeNotGiven
from shared.contracts.keyring import ConfirmForgotten, KeysDestroyedMessage
from shared.contracts.notifications import (
    SERVICE,
    ChooseTopic,
    ConfirmChannel,
    DeclareChannelUnsafe,
    DropTopic,
    StopEverything,
    VerifyPreference,
)
from shared.contracts.refusal import NotAllowed
from shared.identity.principal import Principal
from shared.sealing.sealed import Sealed
from tests.support.examples import MARIA, NOON, NOOR, ROSA, SAM, SURVIVOR, an_id
from tests.unit.notifications import news
from tests.unit.notifications.memory import Notifications

SHARING = ChooseTopic(participation_id=MARIA, topic="sharing")


@pytest.fixture
def notifications() -> Notifications:
    made = Notifications()
    made.hear(news.notice_given(ALONE), 1, "intake")
    return made


def served_by_rosa(notifications: Notifications) -> None:
    notifications.hear(news.assigned(), 2, "intake")
    notifications.hear(news.notice_given(), 3, "intake")


@pytest.mark.rule("R11")
@pytest.mark.rule("R26")
@pytest.mark.parametrize(
    "message", [news.grant_given(), news.grant_revoked(), news.disclosure_made()]
)
def test_of_a_topic_that_was_not_chosen_nothing_at_all_is_stored(
    notifications: Notifications, message: object
) -> None:
    """Not even that nothing was sent: that would be a record of what was withheld."""
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(ChooseTopic(participation_id=MARIA, topic="hearings"), SURVIVOR)
    before = notifications.types()

    notifications.hear(message, 7)  # type: ignore[arg-type]

    assert notifications.types() == before


@pytest.mark.rule("R26")
@pytest.mark.parametrize(
    "message", [news.grant_given(), news.grant_revoked(), news.disclosure_made()]
)
def test_of_a_chosen_topic_a_notice_is_queued(
    notifications: Notifications, message: object
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)

    notifications.hear(message, 7)  # type: ignore[arg-type]

    assert notifications.types()[-2:] == ["NoticeRequested", "NoticeQueued"]


def test_the_same_message_heard_twice_is_told_of_once(notifications: Notifications) -> None:
    notifications.command(SHARING, SURVIVOR)
    notifications.hear(news.grant_given(), 7)
    before = notifications.types()

    notifications.hear(news.grant_given(), 7)

    assert notifications.types() == before


def test_a_notice_carries_nothing_of_what_it_is_about(notifications: Notifications) -> None:
    notifications.command(SHARING, SURVIVOR)

    notifications.hear(news.disclosure_made(), 7)

    requested = next(e for e in notifications.log if isinstance(e, Notice.NoticeRequested))
    assert (requested.topic, requested.cause) == ("sharing", "consent/7")
    assert str(an_id("grant")) not in repr(requested)
    assert str(an_id("disclosure")) not in repr(requested)


@pytest.mark.rule("I04")
@pytest.mark.rule("R09")
@pytest.mark.parametrize("state", ["paused", "closed"])
def test_while_the_case_rests_nobody_is_contacted_and_that_is_on_record(
    notifications: Notifications, state: str
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)
    notifications.hear(news.case_is(state), 9, "intake")

    notifications.hear(news.grant_given(), 7)

    assert notifications.types()[-2:] == ["NoticeRequested", "NoticeSuppressed"]
    assert notifications.log[-1].reason == "at_rest"  # type: ignore[attr-defined]

    notifications.hear(news.case_is("reopened"), 10, "intake")
    notifications.hear(news.grant_revoked(), 8)

    assert notifications.types()[-2:] == ["NoticeRequested", "NoticeQueued"]


@pytest.mark.rule("I04")
@pytest.mark.rule("R09")
@pytest.mark.parametrize("state", ["paused", "closed"])
def test_what_was_queued_when_the_case_came_to_rest_is_not_sent(
    notifications: Notifications, state: str
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)
    notifications.hear(news.grant_given(), 7)
    notifications.hear(news.case_is(state), 9, "intake")

    notifications.run_due()

    assert notifications.relay.taken == []
    assert notifications.types()[-1] == "NoticeSuppressed"
    assert notifications.log[-1].reason == "at_rest"  # type: ignore[attr-defined]

    notifications.hear(news.case_is("open"), 10, "intake")
    notifications.run_due()
    assert notifications.relay.taken == [], "what was suppressed once is not revived"


@pytest.mark.rule("I04")
@pytest.mark.rule("R09")
def test_a_case_that_is_closed_while_the_relay_is_asked_is_seen_before_the_intent(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)
    notifications.hear(news.grant_given(), 7)
    closed = news.case_is("closed")
    notifications.relay.meanwhile = lambda: notifications.hear(closed, 9, "intake")

    notifications.run_due()

    assert notifications.relay.taken == []
    assert "NoticeSending" not in notifications.types()
    assert notifications.types()[-1] == "NoticeSuppressed"


@pytest.mark.rule("I04")
def test_a_notice_waits_until_it_can_be_known_whether_the_case_rests(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)
    notifications.hear(news.grant_given(), 7)
    notifications.caller.intake_away = True
    notifications.run_due()

    assert notifications.relay.taken == []
    assert notifications.types()[-1] == "NoticeQueued"

    notifications.caller.intake_away = False
    notifications.now += PAUSE
    notifications.run_due()
    assert len(notifications.relay.taken) == 1


@pytest.mark.rule("I04")
def test_a_notice_waits_while_something_that_intake_said_of_them_could_not_be_heard(
    notifications: Notifications, monkeypatch: pytest.MonkeyPatch
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)
    notifications.hear(news.grant_given(), 7)
    monkeypatch.setattr(notifications.app, "news_waits", lambda *_: True)

    notifications.run_due()

    assert notifications.relay.taken == []
    assert notifications.types()[-1] == "NoticeQueued"


@pytest.mark.rule("R47")
def test_what_leads_to_somebodys_door_is_sealed_for_the_contact_class_before_it_is_stored(
    notifications: Notifications,
) -> None:
    named = news.declare_safe(name_to_use="a friend")

    notifications.command(named, SURVIVOR)

    kept = next(
        e for e in notifications.log if isinstance(e, ContactPreference.ChannelDeclaredSafe)
    )
    for words in (kept.address, kept.name_to_use):
        assert isinstance(words, Sealed)
        assert (words.participation_id, words.record_class) == (MARIA, "contact")


@pytest.mark.rule("R26")
def test_a_dropped_topic_is_silent_from_then_on(notifications: Notifications) -> None:
    notifications.command(SHARING, SURVIVOR)
    notifications.command(DropTopic(participation_id=MARIA, topic="sharing"), SURVIVOR)
    before = notifications.types()

    notifications.hear(news.grant_given(), 7)

    assert notifications.types() == before


@pytest.mark.rule("R71")
def test_a_topic_that_staff_recorded_is_silent_until_it_is_confirmed(
    notifications: Notifications,
) -> None:
    served_by_rosa(notifications)

    assert notifications.command(SHARING, ROSA).state == "awaiting_confirmation"

    before = notifications.types()
    notifications.hear(news.grant_given(), 7)
    assert notifications.types() == before


def test_staff_record_nothing_unless_intake_assigned_them(notifications: Notifications) -> None:
    served_by_rosa(notifications)

    with pytest.raises(NotAssigned):
        notifications.command(news.declare_safe(), SAM)
    with pytest.raises(NotAssigned):
        notifications.command(StopEverything(participation_id=MARIA), SAM)


def test_after_the_assignment_ended_staff_record_nothing(notifications: Notifications) -> None:
    served_by_rosa(notifications)
    notifications.hear(news.assignment_ended(), 3, "intake")

    with pytest.raises(NotAssigned):
        notifications.command(news.declare_safe(), ROSA)


@pytest.mark.rule("R22")
def test_staff_record_no_yes_before_the_notice_of_their_own_base(
    notifications: Notifications,
) -> None:
    notifications.hear(news.assigned(), 1, "intake")
    notifications.hear(news.notice_given("systems"), 2, "intake")

    for command in (
        news.declare_safe(),
        SHARING,
        VerifyPreference(participation_id=MARIA, channel_id=an_id("any"), verified_on=NOON.date()),
    ):
        with pytest.raises(NoticeNotGiven):
            notifications.command(command, ROSA)


@pytest.mark.rule("R71")
def test_a_no_that_staff_record_waits_for_no_notice(notifications: Notifications) -> None:
    channel = notifications.command(news.declare_safe(), SURVIVOR).channel_id
    notifications.hear(news.assigned(), 2, "intake")

    done = notifications.command(
        DeclareChannelUnsafe(participation_id=MARIA, channel_id=channel), ROSA
    )

    assert done.state == "unsafe"


@pytest.mark.rule("R71")
def test_a_second_trained_person_who_is_not_assigned_may_confirm(
    notifications: Notifications,
) -> None:
    served_by_rosa(notifications)
    declared = notifications.command(news.declare_safe(), ROSA)
    assert declared.state == "awaiting_confirmation"

    confirmed = notifications.command(
        ConfirmChannel(participation_id=MARIA, channel_id=declared.channel_id), NOOR
    )

    assert confirmed.state == "safe"


@pytest.mark.rule("R71")
def test_a_trained_person_of_another_agency_cannot_make_a_way_safe(
    notifications: Notifications,
) -> None:
    served_by_rosa(notifications)
    declared = notifications.command(news.declare_safe(), ROSA)
    notifications.hear(news.notice_given("systems"), 3, "intake")
    confirm = ConfirmChannel(participation_id=MARIA, channel_id=declared.channel_id)
    before = notifications.types()

    for somebody in (SAM, replace(NOOR, agency_id=None)):
        with pytest.raises(NotAssigned):
            notifications.command(confirm, somebody)

    assert notifications.types() == before
    notifications.hear(news.assignment_ended(), 4, "intake")
    with pytest.raises(NotAssigned):
        notifications.command(confirm, NOOR)


@pytest.mark.rule("R22")
@pytest.mark.rule("R71")
def test_a_second_person_confirms_only_after_the_notice_of_their_base(
    notifications: Notifications,
) -> None:
    served_by_rosa(notifications)
    declared = notifications.command(news.declare_safe(), ROSA)

    with pytest.raises(NoticeNotGiven):
        notifications.command(
            ConfirmChannel(participation_id=MARIA, channel_id=declared.channel_id),
            replace(NOOR, base="systems"),
        )


@pytest.mark.rule("R21")
def test_an_advocate_who_comes_with_another_base_or_agency_records_nothing(
    notifications: Notifications,
) -> None:
    served_by_rosa(notifications)
    notifications.hear(news.notice_given("systems"), 3, "intake")

    for changed in (replace(ROSA, base="systems"), replace(ROSA, agency_id=SAM.agency_id)):
        for command in (news.declare_safe(), SHARING, StopEverything(participation_id=MARIA)):
            with pytest.raises(NotAssigned):
                notifications.command(command, changed)


def test_a_service_cannot_speak_for_a_person(notifications: Notifications) -> None:
    with pytest.raises(NotAllowed):
        notifications.command(SHARING, Principal.service("intake"))


def test_stopping_everything_is_one_step_and_its_repeat_stores_nothing(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.command(SHARING, SURVIVOR)

    assert notifications.command(StopEverything(participation_id=MARIA), SURVIVOR).state == (
        "stopped"
    )
    assert notifications.types()[-2:] == ["TopicDropped", "ChannelDeclaredUnsafe"]

    before = notifications.types()
    with capture_logs() as logs:
        notifications.command(StopEverything(participation_id=MARIA), SURVIVOR)
    assert notifications.types() == before
    assert [entry["event"] for entry in logs] == ["command.ignored"]


def test_stopping_before_anything_was_said_is_answered_alike(
    notifications: Notifications,
) -> None:
    before = notifications.types()

    done = notifications.command(StopEverything(participation_id=MARIA), SURVIVOR)

    assert (done.state, notifications.types()) == ("stopped", before)


def test_a_preference_that_does_not_exist_has_no_channels(notifications: Notifications) -> None:
    with pytest.raises(NoSuchChannel):
        notifications.command(
            ConfirmChannel(participation_id=MARIA, channel_id=an_id("any")), SURVIVOR
        )


def test_every_decision_names_who_recorded_it_and_the_notice_they_were_given(
    notifications: Notifications,
) -> None:
    served_by_rosa(notifications)

    notifications.command(news.declare_safe(how="phone", language="es"), ROSA)

    declared = next(
        e for e in notifications.log if isinstance(e, ContactPreference.ChannelDeclaredSafe)
    )
    decision = declared.decision
    assert (decision.decided_by, decision.on_behalf_of) == ("harmed_party", MARIA)
    assert (decision.recorded_by.actor_id, decision.recorded_by.base) == (ROSA.id, "community")
    assert (decision.how, decision.language) == ("phone", "es")
    assert decision.notice_version == "notice-1"


def test_voicemail_and_the_agencys_name_are_off_unless_said(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)

    declared = next(
        e for e in notifications.log if isinstance(e, ContactPreference.ChannelDeclaredSafe)
    )
    assert (declared.voicemail_ok, declared.say_agency) == (False, False)


def test_destroyed_keys_are_forgotten_and_every_way_of_contact_ends(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)

    notifications.hear(_destroyed("contact", "needs"), 4, "keyring")

    assert notifications.types()[-1] == "ContactErased"
    assert notifications.keys.forgotten == [(MARIA, ("contact", "needs"))]
    [(service, method, request)] = notifications.caller.asked
    assert (service, method) == ("keyring", "confirm_forgotten")
    assert request == ConfirmForgotten(
        erasure_id=an_id("erasure"), service="notifications", holder=notifications.keys.holder
    )


def test_keys_are_forgotten_also_while_the_keyring_is_away(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    notifications.caller.away = True

    notifications.hear(_destroyed("contact"), 4, "keyring")

    assert notifications.types()[-1] == "ContactErased"
    assert notifications.keys.forgotten == [(MARIA, ("contact",))]


def test_the_erasure_of_another_class_ends_no_way_of_contact(
    notifications: Notifications,
) -> None:
    notifications.command(news.declare_safe(), SURVIVOR)
    before = notifications.types()

    notifications.hear(_destroyed("needs"), 4, "keyring")

    assert notifications.types() == before
    assert notifications.keys.forgotten == [(MARIA, ("needs",))]


def test_every_message_that_is_followed_has_a_reaction_and_no_other() -> None:
    followed = {kind for kinds in SERVICE.follows.values() for kind in kinds}

    assert set(REACTIONS) == followed


def _destroyed(*classes: str) -> KeysDestroyedMessage:
    return KeysDestroyedMessage(
        erasure_id=an_id("erasure"), participation_id=MARIA, record_classes=classes, at=NOON
    )
