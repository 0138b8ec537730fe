"""What intake stores, answers and forgets."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import psycopg2.errors
import pytest

from shared.contracts import intake as asked
from shared.contracts.intake import ItemsErasedMessage
from shared.contracts.keyring import ErasureCompletedMessage, KeysDestroyedMessage
from shared.contracts.refusal import KeyUsedForAnother, NotAllowed, NotFound, Refused
from shared.identity.authorise import platform_policies
from shared.identity.principal import Principal
from tests.integration.intake.world import COORDINATOR, NEED, World
from tests.support.examples import COMMUNITY_AGENCY, IVO, NOOR, PROSECUTOR_OFFICE, ROSA, SAM


def lived(world: World) -> None:
    """A bit of everything."""
    world.accompanied()
    world.need()
    offer = world.say(asked.OfferOptions, ROSA, options=("counselling", "housing", "letter_bank"))
    world.say(asked.DeclineOption, option="letter_bank", offer_id=offer.offer_id)
    yes = world.say(asked.ChooseOption, ROSA, option="housing", offer_id=offer.offer_id)
    world.say(asked.ChooseOption, ROSA, option="counselling", offer_id=offer.offer_id)
    world.say(asked.ConfirmDecision, decision_id=yes.decision_id)
    world.say(asked.RequestErasure, ROSA, record_classes=("notes",))
    world.say(asked.PauseCase)
    world.say(asked.ReopenCase)
    world.say(asked.EndAdvocateAssignment)


@pytest.mark.rule("R74")
def test_somebody_begins_alone_and_comes_back_with_the_code(world: World) -> None:
    opened = world.do(Principal.anyone(), asked.OpenSession(possession_code=world.code.upper()))

    assert opened == asked.SessionOpened(case_id=world.case_id, participation_id=world.me)
    assert world.log() == ["InquiryOpened", "ParticipationBegun"]


def test_the_code_is_kept_nowhere(world: World) -> None:
    everything = "".join(
        str(world.rows(f"SELECT t::text FROM {table} t"))
        for table in ("events", "commands", "possession_codes", "timeline", "participations")
    )
    states = b"".join(bytes(s) for (s,) in world.rows("SELECT state FROM events"))

    assert world.code not in everything
    assert world.code.encode() not in states
    ((kept,),) = world.rows("SELECT code_index FROM possession_codes")
    assert bytes(kept) != hashlib.sha256(world.code.encode()).digest()


def test_wrong_and_unknown_codes_answer_alike_and_leave_nothing(world: World) -> None:
    words = world.code.split()
    answers = set()
    before = world.rows("SELECT count(*) FROM events")
    for code in (" ".join(reversed(words)), " ".join(words[:-1]), "never", "x" * 200, "-"):
        with pytest.raises(Refused) as refused:
            world.do(Principal.anyone(), asked.OpenSession(possession_code=code))
        answers.add(tuple(refused.value.as_data().items()))

    assert len(answers) == 1
    assert world.rows("SELECT count(*) FROM events") == before


def test_whoever_may_only_query_cannot_list_codes(world: World) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        world.app.read("SELECT * FROM possession_codes")


def test_a_repeat_shows_no_code_and_begins_nothing(world: World) -> None:
    key = uuid4()
    first = world.do(Principal.anyone(), asked.BeginInquiry(language="es"), key)
    before = world.rows("SELECT count(*) FROM events")

    again = world.do(Principal.anyone(), asked.BeginInquiry(language="es"), key)

    assert again == first.model_copy(update={"possession_code": None})
    assert world.rows("SELECT count(*) FROM events") == before


def test_repeating_any_command_stores_nothing(world: World) -> None:
    world.accompanied()
    need, offer = uuid4(), uuid4()
    state = asked.StateNeed(participation_id=world.me, words=NEED)
    options = asked.OfferOptions(participation_id=world.me, options=("counselling", "housing"))
    stated = world.do(world.survivor, state, need)
    offered = world.do(ROSA, options, offer)
    commands = [
        (
            COORDINATOR,
            asked.AssignAdvocate(
                participation_id=world.me,
                advocate_id=ROSA.id,
                base="community",
                agency_id=COMMUNITY_AGENCY,
            ),
        ),
        (world.survivor, asked.ChooseOption(participation_id=world.me, option="housing")),
        (world.survivor, asked.DeclineOption(participation_id=world.me, option="counselling")),
        (world.survivor, asked.MakeContact(participation_id=world.me)),
        (world.survivor, asked.PauseCase(participation_id=world.me)),
        (world.survivor, asked.CloseCase(participation_id=world.me)),
        (world.survivor, asked.ReopenCase(participation_id=world.me)),
        (
            world.survivor,
            asked.RequestErasure(participation_id=world.me, record_classes=("notes",)),
        ),
        (world.survivor, asked.EndAdvocateAssignment(participation_id=world.me)),
    ]
    answers = []
    for number, (who, command) in enumerate(commands, start=1):
        answers.append((who, command, UUID(int=number), world.do(who, command, UUID(int=number))))
    before, rows = world.rows("SELECT count(*) FROM events"), world.tables()

    assert world.do(world.survivor, state, need) == stated
    assert world.do(ROSA, options, offer) == offered
    for who, command, key, answer in answers:
        assert world.do(who, command, key) == answer

    assert world.rows("SELECT count(*) FROM events") == before
    assert world.tables() == rows


def test_the_key_of_one_command_serves_no_other(world: World) -> None:
    world.told()
    key = uuid4()
    housing = asked.ChooseOption(participation_id=world.me, option="housing")
    world.do(world.survivor, housing, key)
    before = world.rows("SELECT count(*) FROM events")

    for other in (
        housing.model_copy(update={"option": "counselling"}),
        asked.DeclineOption(participation_id=world.me, option="housing"),
    ):
        with pytest.raises(KeyUsedForAnother):
            world.do(world.survivor, other, key)

    assert world.rows("SELECT count(*) FROM events") == before


def test_other_words_under_the_key_of_the_first_are_refused_and_not_stored(world: World) -> None:
    world.told()
    key = uuid4()
    state = asked.StateNeed(participation_id=world.me, words="a quiet place")
    stated = world.do(world.survivor, state, key)
    before = world.rows("SELECT count(*) FROM events")

    with pytest.raises(KeyUsedForAnother):
        world.do(world.survivor, state.model_copy(update={"words": "somebody to call"}), key)

    assert world.do(world.survivor, state, key) == stated
    assert world.rows("SELECT count(*) FROM events") == before


def test_after_an_erasure_no_guess_at_the_words_can_be_tested(world: World) -> None:
    """The mark of the words goes with their key; a repeat gets its answer all the same."""
    world.told()
    key = uuid4()
    state = asked.StateNeed(participation_id=world.me, words="a quiet place")
    stated = world.do(world.survivor, state, key)
    world.keys.destroyed.add((world.me, "needs"))

    for guess in ("a quiet place", "somebody to call"):
        repeated = state.model_copy(update={"words": guess})
        assert world.do(world.survivor, repeated, key) == stated


def test_a_rebuild_gives_identical_rows(world: World) -> None:
    lived(world)
    before = world.tables()
    assert all(before.values())

    assert world.rebuild() == len(world.log())

    assert world.tables() == before
    assert world.do(Principal.anyone(), asked.OpenSession(possession_code=world.code))


@pytest.mark.rule("R22")
def test_a_need_is_refused_before_the_notice_and_nothing_is_stored(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.need()

    assert refused.value.code == "notice_not_given"
    assert world.log() == ["InquiryOpened", "ParticipationBegun"]


@pytest.mark.rule("R37")
def test_needs_are_kept_sealed_and_opened_for_a_read(world: World) -> None:
    world.told()
    need = world.need()

    (read,) = world.say(asked.GetNeeds).needs

    assert (read.need_id, read.words) == (need.item_id, NEED)
    states = b"".join(bytes(s) for (s,) in world.rows("SELECT state FROM events"))
    assert b"canary" not in states
    assert "canary" not in str(world.tables())
    assert "canary" not in str(world.rows("SELECT t::text FROM commands t"))


def test_erased_words_are_gone_and_their_place_stays(world: World) -> None:
    world.told()
    need = world.need()
    world.keys.destroyed.add((world.me, "needs"))

    (read,) = world.say(asked.GetNeeds).needs

    assert (read.need_id, read.words) == (need.item_id, None)


def test_the_way_of_a_case_is_told_step_by_step(world: World) -> None:
    def state() -> str:
        return str(world.say(asked.GetCase).state)

    seen = [state()]
    world.told()
    seen.append(state())
    world.need()
    seen.append(state())
    for request in (asked.PauseCase, asked.ReopenCase, asked.CloseCase, asked.ReopenCase):
        assert world.say(request).state == state()
        seen.append(state())

    assert seen == ["inquiry", "notice_given", "open", "paused", "open", "closed", "reopened"]
    published = [p.message for p in world.app.messages_after(0, 100)]
    assert [getattr(m, "state", m.type.split(".")[2]) for m in published] == [
        "inquiry_opened",
        "notice_given",
        "notice_given",
        "open",
        "paused",
        "open",
        "closed",
        "reopened",
    ]


@pytest.mark.rule("R21")
def test_the_base_of_the_advocate_is_shown(world: World) -> None:
    world.accompanied()

    view = world.say(asked.GetCase)

    assert (view.advocate_id, view.advocate_base) == (ROSA.id, "community")
    assert (view.notice_version, view.advocate_requested) == ("community-1", None)


@pytest.mark.rule("R71")
def test_a_yes_by_staff_waits_for_the_survivor_or_a_second_trained_person(world: World) -> None:
    world.accompanied()
    yes = world.say(asked.ChooseOption, ROSA, option="housing")
    assert yes.state == "awaiting_confirmation"

    for nobody in (ROSA, IVO):
        with pytest.raises(NotAllowed):
            world.say(asked.ConfirmDecision, nobody, decision_id=yes.decision_id)
    assert "OptionChosen" not in world.log()

    confirmed = world.say(asked.ConfirmDecision, NOOR, decision_id=yes.decision_id)
    assert confirmed.state == "in_effect"
    assert world.log()[-2:] == ["DecisionConfirmed", "OptionChosen"]


@pytest.mark.rule("R71")
def test_staff_whom_an_issuer_calls_a_survivor_are_staff_all_the_same(world: World) -> None:
    world.accompanied()
    forger = Principal.staff(ROSA.id, "harmed_party", COMMUNITY_AGENCY, base="community")

    yes = world.say(asked.ChooseOption, forger, option="housing")

    assert yes.state == "awaiting_confirmation"
    with pytest.raises(NotAllowed):
        world.say(asked.MakeContact, forger)


@pytest.mark.rule("R50")
def test_another_survivor_decides_and_reads_nothing_here(world: World) -> None:
    world.told()
    begun = world.do(Principal.anyone(), asked.BeginInquiry())
    other = Principal.survivor(begun.participation_id)

    for request in (asked.PauseCase, asked.GetCase, asked.GetTimeline, asked.GetNeeds):
        with pytest.raises(NotAllowed):
            world.say(request, other)


def test_a_participation_that_is_not_there_is_not_found(world: World) -> None:
    ghost = Principal.survivor(uuid4())

    with pytest.raises(NotFound):
        world.do(ghost, asked.PauseCase(participation_id=ghost.participation_id))
    with pytest.raises(NotFound):
        world.do(ghost, asked.GetCase(participation_id=ghost.participation_id))


def test_permission_is_asked_with_who_is_assigned_and_who_recorded(world: World) -> None:
    world.accompanied()
    yes = world.say(asked.ChooseOption, ROSA, option="housing")
    confirm = asked.ConfirmDecision(participation_id=world.me, decision_id=yes.decision_id)

    assert world.app.resource(confirm, world.ctx(NOOR)) == {
        "participation_id": str(world.me),
        "assigned": [str(ROSA.id)],
        "recorded_by": str(ROSA.id),
    }
    assert world.app.resource(asked.GetOptions(), world.ctx(NOOR))["participation_id"] == ""


@pytest.mark.rule("R28")
@pytest.mark.rule("R64")
def test_options_are_read_by_anyone_and_nothing_is_stored(world: World) -> None:
    before = world.rows("SELECT count(*) FROM events")

    spanish = world.do(Principal.anyone(), asked.GetOptions(language="es-MX"))

    assert spanish.language == "es"
    assert {o.key for o in spanish.options} >= {"counselling", "nothing_now"}
    assert world.rows("SELECT count(*) FROM events") == before


@pytest.mark.rule("R71")
def test_an_erasure_is_told_to_others_only_once_confirmed(world: World) -> None:
    world.accompanied()

    def told() -> list[str]:
        return [p.message.type.split(".")[2] for p in world.app.messages_after(0, 100)]

    waiting = world.say(asked.RequestErasure, ROSA, record_classes=("needs",))
    assert waiting.state == "awaiting_confirmation"
    assert "erasure_requested" not in told()

    world.say(asked.ConfirmDecision, decision_id=waiting.erasure_id)
    assert told()[-1] == "erasure_requested"


def test_an_erasure_names_exactly_what_became_unreadable(world: World) -> None:
    world.accompanied()
    first = world.say(asked.StateNeed, words="a quiet place").need_id
    second = world.say(asked.StateNeed, words="somebody to call").need_id

    world.say(asked.RequestErasure, record_classes=("needs", "contact"))
    world.say(asked.RequestErasure, record_classes=("needs",))

    [told] = [
        p.message
        for p in world.app.messages_after(0, 100)
        if isinstance(p.message, ItemsErasedMessage)
    ]
    assert set(told.item_ids) == {first, second}


def test_a_decision_may_be_entered_later_but_not_before_it_was_made(world: World) -> None:
    earlier = world.now - timedelta(days=2)
    world.say(asked.PauseCase, ROSA, how="phone", decided_at=earlier)
    entry = world.timeline()[-1]
    assert (entry.decided_at, entry.at) == (earlier, world.now), "nothing is dated back unseen"

    with pytest.raises(Refused) as refused:
        world.say(asked.ReopenCase, decided_at=world.now + timedelta(minutes=2))

    assert refused.value.code == "decided_in_the_future"
    assert world.timeline()[-1] == entry


@pytest.mark.rule("R09")
def test_a_no_that_a_fast_clock_dated_ahead_counts_from_now(world: World) -> None:
    world.say(asked.CloseCase, decided_at=world.now + timedelta(days=1))

    entry = world.timeline()[-1]
    assert entry.decided_at == entry.at == world.now


@pytest.mark.rule("R50")
@pytest.mark.parametrize("table", ["participations", "needs", "waiting", "timeline"])
def test_a_read_sees_the_rows_of_the_participation_it_names_and_no_others(
    world: World, table: str
) -> None:
    lived(world)
    other = world.do(Principal.anyone(), asked.BeginInquiry()).participation_id

    mine = world.app.read(f"SELECT DISTINCT participation_id FROM {table}", (), world.me)
    others = world.app.read(f"SELECT participation_id FROM {table} WHERE true", (), other)

    assert [row["participation_id"] for row in mine] == [world.me]
    assert {row["participation_id"] for row in others} <= {other}


@pytest.mark.rule("R22")
def test_a_notice_that_there_never_was_is_refused_and_nothing_is_stored(world: World) -> None:
    before = world.log()

    with pytest.raises(Refused) as no:
        world.say(asked.GiveConfidentialityNotice, base="alone", notice_version="alone-99")

    assert no.value.code == "unknown_notice"
    assert world.log() == before


@pytest.mark.rule("R21")
@pytest.mark.rule("R22")
@pytest.mark.parametrize(
    "changed", [{"base": "systems"}, {"base": None}, {"agency_id": PROSECUTOR_OFFICE}]
)
def test_an_advocate_under_another_base_or_agency_than_assigned_does_and_reads_nothing(
    world: World, changed: dict[str, Any]
) -> None:
    world.accompanied()
    before = world.log()
    passing = replace(ROSA, **changed)

    for request, fields in (
        (asked.StateNeed, {"words": NEED}),
        (asked.OfferOptions, {"options": ("housing", "counselling")}),
        (asked.ChooseOption, {"option": "housing"}),
        (asked.DeclineOption, {"option": "housing"}),
        (
            asked.GiveConfidentialityNotice,
            {"base": "community", "notice_version": "community-1"},
        ),
    ):
        with pytest.raises(NotAllowed) as refused:
            world.say(request, passing, **fields)
        assert refused.value.code == "not_as_assigned"

    assert world.log() == before
    query = asked.GetNeeds(participation_id=world.me)
    for who, may in ((passing, False), (ROSA, True)):
        record = world.app.resource(query, world.ctx(who))
        assert platform_policies().allow(who, "get_needs", record) is may


@pytest.mark.rule("R21")
def test_a_coordinator_assigns_advocates_of_their_own_agency_only(world: World) -> None:
    world.say(asked.RequestAdvocate, base="systems")

    with pytest.raises(NotAllowed) as refused:
        world.say(
            asked.AssignAdvocate,
            COORDINATOR,
            advocate_id=SAM.id,
            base="systems",
            agency_id=PROSECUTOR_OFFICE,
        )

    assert refused.value.code == "only_own_agency"
    assert "AdvocateAssigned" not in world.log()


@pytest.mark.rule("R21")
def test_a_coordinator_sees_open_requests_and_the_assignments_of_their_agency(
    world: World,
) -> None:
    elsewhere = replace(COORDINATOR, id=uuid4(), agency_id=PROSECUTOR_OFFICE)
    adrift = replace(COORDINATOR, id=uuid4(), agency_id=None)

    def seen_by() -> list[Principal]:
        seen = []
        for who in (COORDINATOR, elsewhere, adrift):
            try:
                world.say(asked.GetCase, who)
            except NotAllowed:
                continue
            seen.append(who)
        return seen

    assert seen_by() == []
    world.say(asked.RequestAdvocate, base="community")
    assert seen_by() == [COORDINATOR, elsewhere, adrift]
    world.accompanied()
    assert seen_by() == [COORDINATOR]
    world.rebuild()
    assert seen_by() == [COORDINATOR]
    world.say(asked.EndAdvocateAssignment)
    assert seen_by() == []


def test_erased_words_are_gone_from_the_moment_the_erasure_takes_effect(world: World) -> None:
    world.told()
    world.need()
    world.say(asked.RequestErasure, record_classes=("needs",))

    (read,) = world.say(asked.GetNeeds).needs

    assert read.words is None
    before = world.tables()
    world.rebuild()
    assert world.tables() == before


def test_needs_are_stated_again_once_no_process_holds_a_key_of_the_erasure(world: World) -> None:
    world.told()
    old = world.need()
    erasure = world.say(asked.RequestErasure, record_classes=("needs",)).erasure_id
    said = {
        "erasure_id": erasure,
        "participation_id": world.me,
        "record_classes": ("needs",),
        "at": world.now,
    }

    def refused() -> None:
        with pytest.raises(Refused) as no:
            world.need()
        assert no.value.code == "erasure_under_way"

    refused()
    del world.keys.keys[world.me, "needs"]
    world.hear(KeysDestroyedMessage.model_validate(said))
    refused()
    world.hear(ErasureCompletedMessage.model_validate(said))
    new = world.need()

    read = {need.need_id: need.words for need in world.say(asked.GetNeeds).needs}
    assert read == {old.item_id: None, new.item_id: NEED}


@pytest.mark.rule("R22")
def test_an_advocate_reads_no_word_before_their_notice(world: World) -> None:
    world.told()
    world.say(asked.StateNeed, words="a quiet place")
    world.say(asked.RequestAdvocate, base="community")
    assign = {"advocate_id": ROSA.id, "base": "community", "agency_id": COMMUNITY_AGENCY}
    world.say(asked.AssignAdvocate, COORDINATOR, **assign)

    with pytest.raises(Refused) as refused:
        world.say(asked.GetNeeds, ROSA)
    assert refused.value.code == "notice_not_given"

    world.say(asked.GiveConfidentialityNotice, ROSA, base="community", notice_version="community-1")
    [need] = world.say(asked.GetNeeds, ROSA).needs
    assert need.words == "a quiet place"


@pytest.mark.rule("R21")
@pytest.mark.rule("R23")
def test_the_justice_system_gives_nobody_a_community_advocate_and_sees_no_request_for_one(
    world: World,
) -> None:
    prosecution = replace(COORDINATOR, agency_id=PROSECUTOR_OFFICE, unit_kind="prosecution")
    world.say(asked.RequestAdvocate, base="community")
    assign = {"advocate_id": SAM.id, "base": "community", "agency_id": PROSECUTOR_OFFICE}

    for ask in (
        lambda: world.say(asked.AssignAdvocate, prosecution, **assign),
        lambda: world.say(asked.GetCase, prosecution),
    ):
        with pytest.raises(NotAllowed):
            ask()
    world.say(asked.RequestAdvocate, base="systems")
    assert world.say(asked.GetCase, prosecution).advocate_requested == "systems"


@pytest.mark.rule("R71")
@pytest.mark.parametrize("late", [False, True], ids=["now", "dated ahead"])
def test_a_stranger_who_would_confirm_learns_not_even_that_somebody_is_there(
    world: World, late: bool
) -> None:
    """Whatever is wrong beside: nothing else is looked at before who they are."""
    world.accompanied()
    yes = world.say(asked.ChooseOption, ROSA, option="housing")
    when = {"decided_at": world.now + timedelta(hours=5)} if late else {}
    answers = set()
    for whose, decision_id in (
        (world.me, yes.decision_id),
        (world.me, uuid4()),
        (uuid4(), uuid4()),
    ):
        request = asked.ConfirmDecision(participation_id=whose, decision_id=decision_id, **when)
        with pytest.raises(Refused) as refused:
            world.do(SAM, request)
        answers.add(str(refused.value.as_data()))

    assert len(answers) == 1
    assert "second_person_needed" in answers.pop()
