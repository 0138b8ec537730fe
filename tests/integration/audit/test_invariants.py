"""What the invariants find: nothing in a healthy history, and in a broken one what is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from services.audit.checks.history import History, opened
from services.audit.checks.invariants import CHECKED, NOT_YET, Finding, Unreadable, judge
from shared.command_line import Reading
from shared.contracts.registry import services
from tests.integration.audit.books import Books, Row
from tests.integration.audit.plants import PLANTS, Plant, a_notice, cases


def findings(history: History, most: int = 1_000) -> list[Finding]:
    found = list(judge(history, most=most))
    assert not [f for f in found if isinstance(f, Unreadable)]
    return [f for f in found if isinstance(f, Finding)]


def places(found: list[Finding]) -> set[tuple[str, int]]:
    return {(f.service, f.position) for f in found}


def at(rows: list[Row]) -> set[tuple[str, int]]:
    return {(row.service, row.position) for row in rows}


def test_a_history_that_the_services_made_breaks_nothing(
    healthy: Books, reading: Callable[[Books], Reading]
) -> None:
    with opened(reading(healthy)) as history:
        assert findings(history) == []
        assert sum(history.lasts.values()) == len(healthy.all()) > 100


def test_the_history_holds_every_event_that_the_invariants_are_about(healthy: Books) -> None:
    """Else they would hold of nothing."""
    held = {row.name for row in healthy.all()}
    assert {
        "DisclosureMade",
        "DisclosureTaken",
        "ItemHandedOver",
        "GrantGiven",
        "GrantRevoked",
        "GrantSuperseded",
        "GrantExpired",
        "YesRecorded",
        "OptionOffered",
        "OptionChosen",
        "OptionDeclined",
        "ChoiceRecorded",
        "DecisionConfirmed",
        "DecisionDenied",
        "DecisionLapsed",
        "ContactMade",
        "ErasureRecorded",
        "ErasureRequested",
        "InvolvementChanged",
        "NoticeQueued",
        "ChannelConfirmed",
        "TopicConfirmed",
        "TopicDropped",
    } <= held


@pytest.mark.parametrize(("code", "plant"), cases())
def test_what_is_planted_below_the_services_is_found_there_and_breaks_nothing_else(
    code: str,
    plant: Plant,
    healthy: Books,
    reading: Callable[[Books], Reading],
) -> None:
    rows = plant(healthy)
    healthy.renumber()
    with opened(reading(healthy)) as history:
        found = findings(history)
    assert {f.invariant for f in found} == {code}, found
    assert places(found) == at(rows), found


def test_every_invariant_that_is_judged_has_histories_that_break_it() -> None:
    planted = {code for code, _, _ in PLANTS} | {"I15"}
    assert planted == {invariant.code for invariant in CHECKED}


def test_each_of_the_sixteen_is_judged_or_said_to_be_not_yet() -> None:
    codes = [i.code for i in CHECKED] + [i.code for i in NOT_YET]
    assert sorted(codes) == [f"I{number:02}" for number in range(1, 17)]


@pytest.mark.parametrize("waits", NOT_YET, ids=lambda waits: waits.code)
def test_an_invariant_is_not_yet_judged_only_while_a_service_of_it_is_missing(
    waits: object,
) -> None:
    missing = set(waits.services) - set(services())  # type: ignore[attr-defined]
    assert missing, "its services are there: write the invariant"


# -- I15: what the owner of a database can do to the rows ----------------------------------------


@pytest.mark.rule("I15")
def test_any_single_row_that_is_taken_out_of_a_log_is_missed(healthy: Books) -> None:
    for service in ("consent", "intake", "notifications"):
        for index in range(len(healthy.rows[service]) - 1):
            books = healthy.copied()
            [gone] = [books.rows[service].pop(index)]
            found = [f for f in findings(books.history()) if f.invariant == "I15"]
            assert (service, gone.position + 1) in places(found)


@pytest.mark.rule("I15")
def test_a_row_taken_out_in_postgresql_is_missed_by_nothing_but_the_density(
    healthy: Books, reading: Callable[[Books], Reading]
) -> None:
    refused = healthy.first("DisclosureRefused")
    after = healthy.rows["consent"][refused.position]
    healthy.drop(refused)
    with opened(reading(healthy)) as history:
        [found] = findings(history)
    assert (found.invariant, found.position) == ("I15", after.position)
    assert f"positions {refused.position} to {refused.position} are missing" in found.sentence


@pytest.mark.rule("I15")
def test_a_row_taken_out_is_missed_when_the_positions_were_closed_up_behind_it(
    healthy: Books,
) -> None:
    stated = healthy.first("NeedStated")
    versions = {id(row): row.version for row in healthy.all()}
    healthy.drop(stated)
    healthy.renumber()
    for row in healthy.all():
        row.version = versions[id(row)]
    found = findings(healthy.history())
    assert {f.invariant for f in found} == {"I15"}
    assert "of its stream" in found[0].sentence


@pytest.mark.rule("I15")
def test_a_published_event_that_was_made_private_is_missed(healthy: Books) -> None:
    revoked = healthy.first("GrantRevoked")
    revoked.previous = None
    [found] = findings(healthy.history())
    assert found.invariant == "I15"
    assert found.position > revoked.position


# -- healthy histories that look odd -------------------------------------------------------------


@pytest.mark.rule("I05")
def test_a_page_that_the_survivor_opens_may_show_what_they_declined(healthy: Books) -> None:
    declined = healthy.first("OptionDeclined", programme_type="letter_bank")
    offer = healthy.first("OptionOffered", programme_type="letter_bank")
    healthy.again(offer, after=declined).at(declined.stored_at).by(declined)
    assert findings(healthy.renumber().history()) == []


@pytest.mark.rule("I04")
def test_a_no_is_recorded_also_of_whoever_closed_their_case(healthy: Books) -> None:
    staff = healthy.first("ErasureRecorded")
    row = healthy.again(healthy.first("OptionDeclined", programme_type="letter_bank")).by(staff)
    end = healthy.rows["intake"][-1].stored_at
    row.at(end).said(recorded_at=end)
    assert findings(healthy.renumber().history()) == []


@pytest.mark.rule("I04")
def test_a_notice_that_was_under_way_when_the_case_was_closed_is_no_breach(healthy: Books) -> None:
    """Before the closing was heard, and within the moments that two clocks cannot tell apart."""
    notice = healthy.again(a_notice(healthy), new_stream=True)
    intent = healthy.again(notice)
    intent.topic = notice.topic.replace("NoticeQueued", "NoticeSending")
    dropped = healthy.first("TopicDropped", topic="sharing")
    closed = healthy.find("InvolvementChanged", involvement="closed")[-1]
    at = dropped.stored_at - timedelta(microseconds=1)
    for row in (notice, intent):
        healthy.put(row.at(at, "at", "send_from"), before=dropped)
    intent.set(tries=1, until=at + timedelta(seconds=3))
    for row in healthy.rows["intake"][healthy.rows["intake"].index(closed) - 1 :]:
        row.later(seconds=-5)
    assert [f for f in findings(healthy.renumber().history()) if f.invariant == "I04"] == []


@pytest.mark.rule("I03")
def test_a_hand_over_is_matched_whatever_the_clocks_of_the_two_services_say(
    healthy: Books,
) -> None:
    for row in healthy.rows["intake"]:
        row.later(hours=-5)
    found = findings(healthy.renumber().history())
    assert [f for f in found if f.invariant == "I03"] == []


# -- the history itself --------------------------------------------------------------------------


def test_an_effect_comes_after_its_cause_whatever_the_clocks_say(healthy: Books) -> None:
    for row in healthy.rows["intake"]:
        row.later(days=400)
    order = [(e.service, e.position) for e in healthy.renumber().history().entries()]
    for row in healthy.all():
        if row.cause is not None:
            cause = (row.cause.service, row.cause.position)
            assert order.index(cause) < order.index((row.service, row.position))


def test_a_clock_that_was_set_back_does_not_change_the_order_of_a_log(healthy: Books) -> None:
    for row in healthy.rows["consent"][10:]:
        row.later(days=-365)
    mine = [e.position for e in healthy.history().entries() if e.service == "consent"]
    assert mine == sorted(mine)


def test_what_was_stored_while_the_audit_began_is_read_and_not_judged(healthy: Books) -> None:
    made = healthy.first("DisclosureMade")
    handed = healthy.first("ItemHandedOver")
    books = healthy.copied()
    books.drop(books.first("DisclosureMade"), books.first("DisclosureTaken"))
    broken = books.renumber().history()
    broken.judged["intake"] = handed.position - 1
    assert made.service == "consent"
    assert findings(broken) == []


def test_causes_that_lead_in_a_circle_end(healthy: Books) -> None:
    chosen = healthy.first("OptionChosen")
    noted = healthy.first("Noted")
    noted.caused_by(noted)
    chosen.caused_by(noted)
    [found] = findings(healthy.renumber().history())
    assert found.invariant == "I13"
    assert healthy.first("ParticipationBegun").stored_at + timedelta(0)


def test_a_row_that_cannot_be_read_is_said_and_the_others_are_judged(
    healthy: Books, reading: Callable[[Books], Reading]
) -> None:
    _, _, plant = PLANTS[0]
    rows = plant(healthy)
    healthy.renumber()
    noted = healthy.first("Noted")
    noted.state = ["no event"]  # type: ignore[assignment]
    with opened(reading(healthy)) as history:
        found = list(judge(history))
    assert [f.entry.place for f in found if isinstance(f, Unreadable)] == [
        f"intake/{noted.position}"
    ]
    assert places([f for f in found if isinstance(f, Finding)]) == at(rows)
