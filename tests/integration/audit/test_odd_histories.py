"""Whole families of broken histories: something moved to every place, junk in every field."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from services.audit.checks.invariants import Finding, Unreadable, judge
from shared.contracts.consent import HAND_OVER_WITHIN
from tests.integration.audit.books import Books, Row
from tests.integration.audit.plants import not_taken, recorded_by_staff, waiting_choice
from tests.integration.audit.plants.planting import uuid_of


def broken(books: Books) -> set[str]:
    return {f.invariant for f in judge(books.renumber().history()) if isinstance(f, Finding)}


@pytest.mark.rule("I03")
def test_a_disclosure_is_found_wherever_it_stands_after_the_revocation(played: Books) -> None:
    rows = played.rows["consent"]
    revoked = rows.index(played.first("GrantRevoked"))
    for after in range(revoked, len(rows)):
        books = played.copied()
        end = books.first("GrantRevoked")
        made = books.again(books.in_stream(end, "DisclosureMade"))
        made.state["disclosure_id"] = not_taken(books).state["disclosure_id"]
        books.put(made, after=[r for r in books.rows["consent"] if r is not made][after])
        assert broken(books) == {"I03"}, after


@pytest.mark.rule("I03")
def test_a_disclosure_is_found_wherever_it_stands_before_the_yes(played: Books) -> None:
    rows = played.rows["consent"]
    given = rows.index(played.in_stream(not_taken(played), "GrantGiven"))
    for before in range(given + 1):
        books = played.copied()
        made = not_taken(books)
        books.put(made, before=books.rows["consent"][before])
        # Before even the proposal it is also the first event of the stream.
        assert "I03" in broken(books), before


@pytest.mark.rule("I03")
@pytest.mark.rule("R09")
def test_a_taking_is_found_wherever_it_stands_after_the_end_and_nowhere_else(
    played: Books,
) -> None:
    """By its place in the stream alone: all that is planted is stored at the same instant."""
    rows = played.rows["consent"]
    revoked = played.first("GrantRevoked")
    first = rows.index(played.in_stream(revoked, "DisclosureMade"))
    for after in range(first, len(rows)):
        books = played.copied()
        end = books.first("GrantRevoked")
        taken = books.in_stream(end, "DisclosureTaken")
        others = [r for r in books.rows["consent"] if r is not taken]
        books.put(taken, after=others[min(after, len(others) - 1)])
        late = books.rows["consent"].index(taken) > books.rows["consent"].index(end)
        assert broken(books) == ({"I03"} if late else set()), after


@pytest.mark.rule("I03")
def test_a_hand_over_in_the_last_moment_of_its_time_is_none_too_late(played: Books) -> None:
    books = played.copied()
    taken = books.first("DisclosureTaken")
    handed = books.first("ItemHandedOver", disclosure_id=uuid_of(taken, "disclosure_id"))
    handed.at(taken.stored_at + HAND_OVER_WITHIN)
    assert broken(books) == set()


@pytest.mark.rule("I16")
def test_a_confirmation_counts_from_nowhere_but_between_the_record_and_the_effect(
    played: Books,
) -> None:
    written, _, chosen = waiting_choice(played)
    rows = played.rows["intake"]
    first, last = rows.index(written), rows.index(chosen)
    for place in range(len(rows)):
        books = played.copied()
        _, confirmed, effect = waiting_choice(books)
        others = [r for r in books.rows["intake"] if r is not confirmed]
        books.put(confirmed, after=others[min(place, len(others) - 1)])
        in_time = first <= place < last - 1
        if others[min(place, len(others) - 1)] is not effect:
            assert ("I16" in broken(books)) is not in_time, place


@pytest.mark.rule("I16")
@pytest.mark.rule("I13")
def test_every_yes_that_is_handed_to_another_recorder_is_found(played: Books) -> None:
    """A yes of the person's own, swapped for one that staff recorded, was confirmed by nobody."""
    yeses = [r for r in played.all("OptionChosen") if r.state["programme_type"] != "nothing_now"]
    yeses += played.all("GrantGiven")
    tried = 0
    for number, yes in enumerate(yeses):
        if yes.state["decision"]["_data_"]["on_behalf_of"] is not None:
            continue
        books = played.copied()
        same = books.rows[yes.service][played.rows[yes.service].index(yes)]
        if same.state.get("confirmation") == "by_survivor":
            same.by(books.in_stream(same, "YesRecorded"))
            assert broken(books) == {"I16"}, number
        else:
            person = same.state["decision"]["_data_"]["participation_id"]
            same.by(recorded_by_staff(books, "NeedStated"))
            same.state["decision"]["_data_"] |= {
                "participation_id": person,
                "on_behalf_of": person,
                "options_version": "2026-11.1",
            }
            assert "I16" in broken(books), number
        tried += 1
    assert tried >= 5


@pytest.mark.rule("I09")
def test_no_notice_outlives_the_topic_or_the_way_wherever_they_end(played: Books) -> None:
    rows = played.rows["notifications"]
    begun = rows.index(played.first("TopicChosen", topic="sharing"))
    for place in range(begun + 1, len(rows)):
        for ending in ("TopicDropped", "ContactErased"):
            books = played.copied()
            end = next(r for r in books.rows["notifications"] if _ends(r, ending))
            later = books.rows["notifications"][place:]
            notices = [r for r in later if r.name == "NoticeQueued"]
            if end not in later:
                continue
            books.put(end, before=later[0]) if later[0] is not end else None
            found = [f for f in judge(books.renumber().history()) if isinstance(f, Finding)]
            assert {f.position for f in found} == {r.position for r in notices}, (place, ending)


def _ends(row: Row, name: str) -> bool:
    return row.name == name and row.state.get("topic", "sharing") == "sharing"


@pytest.mark.parametrize("seed", range(40))
def test_junk_in_any_field_breaks_nothing_off_and_is_judged_alike_from_memory_and_log(
    seed: int, played: Books
) -> None:
    books, dice = played.copied(), random.Random(seed)
    junk = [None, 0, -1, True, "", "x", [], {}, {"_type_": "uuid_hex", "_data_": "no"}]
    junk += [{"_type_": "datetime_iso", "_data_": "0001-01-01T00:00:00"}, [["a"]], 1e308]
    for row in dice.sample(books.all(), 40):
        name = dice.choice(sorted(row.state))
        row.state[name] = dice.choice(junk)
        if isinstance(row.state.get("decision"), dict):
            header = row.state["decision"].get("_data_")
            if isinstance(header, dict):
                header[dice.choice(sorted(header))] = dice.choice(junk)
    books.rows["consent"][5].topic = dice.choice(["", "x", "a:b", "a:b.c.d", "::"])
    history = books.history()
    found = sorted(judge(history), key=repr)
    assert found == sorted(judge(history, most=1), key=repr)
    assert any(isinstance(f, Unreadable) for f in found)


def test_years_of_time_between_two_entries_change_nothing(played: Books) -> None:
    books = played.copied()
    for row in books.rows["keyring"]:
        row.at(row.stored_at + timedelta(days=3650))
    assert broken(books) == set()
