"""The survivor's own timeline: everything, in order, and who wrote it down."""

from __future__ import annotations

from contextlib import closing
from uuid import uuid4

import psycopg2
import pytest

from shared.contracts import intake as asked
from shared.contracts.consent import DisclosureMadeMessage, GrantExpiredMessage, GrantRevokedMessage
from shared.contracts.keyring import ErasureCompletedMessage, KeysDestroyedMessage
from shared.contracts.notifications import (
    ChannelDeclaredUnsafeMessage,
    NoticeSuppressedMessage,
    TopicDroppedMessage,
)
from shared.eventstore.application import AlreadyDone
from shared.identity.principal import Principal
from tests.integration.intake.world import World
from tests.support.examples import HOUSING_AGENCY, ROSA

GRANT = uuid4()


def made(world: World) -> DisclosureMadeMessage:
    return DisclosureMadeMessage(
        grant_id=GRANT,
        participation_id=world.me,
        disclosure_id=uuid4(),
        recipient_agency_id=HOUSING_AGENCY,
        item_service="intake",
        item_kind="need",
        item_id=uuid4(),
        at=world.now,
    )


def revoked(world: World) -> GrantRevokedMessage:
    return GrantRevokedMessage(
        grant_id=GRANT,
        participation_id=world.me,
        recipient_agency_id=HOUSING_AGENCY,
        recorded_by_id=world.me,
        recorded_by_role="harmed_party",
        at=world.now,
    )


def test_every_decision_is_an_entry_with_who_recorded_it(world: World) -> None:
    world.accompanied()
    world.say(asked.ChooseOption, ROSA, option="housing")
    world.say(asked.DeclineOption, option="housing")

    entries = world.timeline()

    assert [(e.number, e.what, e.recorded_by_role) for e in entries] == [
        (1, "participation_begun", None),
        (2, "advocate_requested", "harmed_party"),
        (3, "advocate_assigned", "coordinator"),
        (4, "confidentiality_notice_given", "advocate"),
        (5, "choice_recorded", "advocate"),
        (6, "decision_lapsed", None),
        (7, "option_declined", "harmed_party"),
    ]
    assert entries[4].recorded_by_id == ROSA.id
    assert entries[4].decided_by == "harmed_party"


def test_what_others_say_is_in_it_with_whom_something_was_shared(world: World) -> None:
    world.hear(made(world))
    world.hear(revoked(world))
    world.hear(
        GrantExpiredMessage(
            grant_id=GRANT,
            participation_id=world.me,
            recipient_agency_id=HOUSING_AGENCY,
            at=world.now,
        )
    )
    world.hear(
        NoticeSuppressedMessage(
            notice_id=uuid4(),
            participation_id=world.me,
            topic="sharing",
            reason="stale",
            at=world.now,
        )
    )

    entries = world.timeline()[1:]

    assert [(e.what, e.source) for e in entries] == [
        ("disclosure_made", "consent"),
        ("grant_revoked", "consent"),
        ("grant_expired", "consent"),
        ("notice_suppressed", "notifications"),
    ]
    assert {e.shared_with for e in entries[:3]} == {HOUSING_AGENCY}
    assert [e.item for e in entries[1:]] == [None] * 3
    assert entries[0].about == entries[1].about == str(GRANT)
    assert entries[1].recorded_by_role == "harmed_party"


def test_a_disclosure_names_the_item_that_was_shared_and_a_hand_over_the_same(world: World) -> None:
    world.told()
    item = world.need()
    disclosed = made(world).model_copy(update={"item_id": item.item_id})
    world.hear(disclosed)
    fetch = asked.FetchItem(disclosure_id=world.disclosure(item), item=item)
    world.do(Principal.agency(HOUSING_AGENCY), fetch)

    shown = [(e.what, e.item) for e in world.timeline() if e.shared_with == HOUSING_AGENCY]

    assert shown == [("disclosure_made", item), ("item_handed_over", item)]


def test_who_stopped_a_way_of_contact_or_a_topic_is_in_it(world: World) -> None:
    by_rosa = {
        "participation_id": world.me,
        "recorded_by_id": ROSA.id,
        "recorded_by_role": "advocate",
        "at": world.now,
    }
    channel_id = uuid4()
    world.hear(ChannelDeclaredUnsafeMessage(**by_rosa, channel_id=channel_id))
    world.hear(TopicDroppedMessage(**by_rosa))

    entries = world.timeline()[1:]

    assert [(e.what, e.about, e.recorded_by_id, e.recorded_by_role) for e in entries] == [
        ("channel_declared_unsafe", str(channel_id), ROSA.id, "advocate"),
        ("topic_dropped", None, ROSA.id, "advocate"),
    ]


def test_an_entry_stored_before_items_were_named_shows_none_after_a_rebuild(world: World) -> None:
    world.hear(made(world))
    owner = world.stores.dsn("intake", "superuser")
    with closing(psycopg2.connect(owner)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE events SET state = convert_to((convert_from(state, 'UTF8')::jsonb"
            " - 'item' - 'class_version')::text, 'UTF8') WHERE topic LIKE '%Note.Noted'"
        )
        assert cursor.rowcount == 1

    world.rebuild()

    [entry] = [e for e in world.timeline() if e.what == "disclosure_made"]
    assert (entry.about, entry.shared_with, entry.item) == (str(GRANT), HOUSING_AGENCY, None)


def test_a_message_heard_twice_is_one_entry(world: World) -> None:
    message = made(world)
    ctx = world.ctx(Principal.system("intake"), causation="consent/7", message=("consent", 7))
    world.app.react(message, ctx)

    with pytest.raises(AlreadyDone):
        world.app.react(message, ctx)

    assert [e.what for e in world.timeline()].count("disclosure_made") == 1


def test_what_is_said_of_somebody_unknown_leaves_nothing(world: World) -> None:
    before = world.rows("SELECT count(*) FROM events")

    world.hear(made(world).model_copy(update={"participation_id": uuid4()}))

    assert world.rows("SELECT count(*) FROM events") == before


def test_destroyed_keys_are_dropped_and_confirmed(world: World) -> None:
    erasure = uuid4()
    fields = {
        "erasure_id": erasure,
        "participation_id": world.me,
        "record_classes": ("needs",),
        "at": world.now,
    }

    world.hear(KeysDestroyedMessage(**fields))
    world.hear(ErasureCompletedMessage(**fields))

    assert world.keys.forgotten == [(world.me, ("needs",))]
    (confirmed,) = world.others.confirmed
    assert (confirmed.erasure_id, confirmed.service) == (erasure, "intake")
    assert confirmed.holder == world.keys.holder
    assert [e.what for e in world.timeline()][1:] == [
        "erasure_keys_destroyed",
        "erasure_completed",
    ]


def test_while_the_keyring_is_away_keys_are_dropped_all_the_same(world: World) -> None:
    world.others.away = True

    world.hear(
        KeysDestroyedMessage(
            erasure_id=uuid4(), participation_id=world.me, record_classes=("needs",), at=world.now
        )
    )

    assert world.keys.forgotten == [(world.me, ("needs",))]
    assert world.timeline()[-1].what == "erasure_keys_destroyed"


def test_a_rebuild_gives_the_same_timeline(world: World) -> None:
    world.accompanied()
    world.hear(made(world))
    world.say(asked.PauseCase)
    world.hear(revoked(world))
    before = world.timeline()

    world.rebuild()

    assert world.timeline() == before
