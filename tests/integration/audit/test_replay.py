"""What a replay shows: everything as it stood at a moment, and nothing that is sealed."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent

from services.audit.checks.codes import NOT_SHOWN
from services.audit.checks.pseudonyms import FILE, Pseudonyms
from services.audit.checks.replay import Moment, Standing, moment, named, standings
from services.audit.cli.replay import COMMAND
from shared.command_line import HELD, WRONG_USE, Reading, main
from shared.eventstore.mapper import SealingMapper
from shared.eventstore.rebuild import application_of
from shared.eventstore.values import EventTranscoder
from shared.progress import Progress
from tests.integration.audit.books import Books, Row
from tests.integration.audit.conftest import Sayso
from tests.integration.audit.lives import Lives
from tests.integration.audit.plants import maria, recorded_by_staff
from tests.integration.audit.story import HEARD, NEED

NOTHING_THERE = 10
KEY = b"k" * 32
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[45][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}")
STATES = {"Grant": "state", "Case": "state", "Participation": "involvement"}
STATES |= {"Notice": "state", "Erasure": "state"}


@pytest.fixture
def names(tmp_path: Path) -> Pseudonyms:
    """The pseudonyms of the auditor whose key lies beside the other secrets."""
    (tmp_path / FILE).write_bytes(KEY)
    return Pseudonyms(KEY)


def as_it_stood(books: Books, when: Moment | None = None) -> dict[Any, Standing]:
    history = books.history()
    found = standings(history, when or moment(history, None), Progress())
    return {(s.first.service, s.first.stream): s for s in found}


def replayed(sayso: Sayso, books: Books, *words: str) -> list[dict[str, Any]]:
    status, printed = sayso(books, "audit", "replay", "--json", *words)
    assert status == HELD
    return [json.loads(line) for line in printed.splitlines()]


def of_kind(said: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in said if line["kind"] == kind]


def test_a_stream_has_the_state_that_its_service_s_own_code_gives_it_after_every_event(
    healthy: Books,
) -> None:
    compared = 0
    for service, rows in healthy.rows.items():
        app = application_of(service)
        nobody: Any = None
        mapper = SealingMapper(EventTranscoder(app.values), service, nobody, lambda _: b"")
        aggregates: dict[Any, Any] = {}
        for row in rows:
            _, stream, version, topic, state, _ = row.plain()
            event = mapper.to_domain_event(StoredEvent(stream, version, topic, state))
            aggregates[stream] = event.mutate(aggregates.get(stream))
            kind = type(aggregates[stream]).__name__
            if kind not in STATES:
                continue
            when = Moment({service: row.position}, None)
            mine = as_it_stood(Books({service: rows[: row.position]}), when)
            assert mine[service, row.stream].state == getattr(aggregates[stream], STATES[kind]), (
                row.topic
            )
            compared += 1
    assert compared > 60


def test_a_place_holds_what_comes_before_it_and_itself(healthy: Books) -> None:
    revoked = healthy.first("GrantRevoked")
    before = moment(healthy.history(), ("consent", revoked.position - 1))
    after = moment(healthy.history(), ("consent", revoked.position))
    key = ("consent", revoked.stream)
    assert as_it_stood(healthy, before)[key].state == "given"
    assert as_it_stood(healthy, after)[key].state == "revoked"
    assert after.upto["intake"] < healthy.rows["intake"][-1].position


def test_a_time_holds_what_was_stored_by_then_and_a_date_all_of_that_day(healthy: Books) -> None:
    begun = healthy.rows["intake"][0]
    history = healthy.history()
    assert moment(history, begun.stored_at).upto["intake"] >= 1
    just_before = begun.stored_at - timedelta(microseconds=1)
    assert set(moment(history, just_before).upto.values()) == {0}
    day = [r for r in healthy.rows["intake"] if r.stored_at.date() == begun.stored_at.date()]
    assert moment(history, named(begun.stored_at.date().isoformat())).upto["intake"] == len(day)
    abroad = begun.stored_at.astimezone(timezone(timedelta(hours=-5)))
    assert named(abroad.isoformat()) == begun.stored_at


def test_a_period_is_over_by_the_clock_also_before_that_is_on_record(healthy: Books) -> None:
    expired = healthy.first("GrantExpired")
    at = expired.stored_at - timedelta(hours=1)
    when = moment(healthy.history(), at)
    standing = as_it_stood(healthy, when)["consent", expired.stream]
    assert (standing.state, standing.state_at(when.at)) == ("given", "period_over")


def test_counts_are_of_every_stream_by_kind_and_state(healthy: Books, sayso: Sayso) -> None:
    said = replayed(sayso, healthy, "--counts")
    counted = {
        (c["service"], c["aggregate"], c["state"]): c["count"] for c in of_kind(said, "count")
    }
    assert counted["consent", "Grant", "revoked"] == len(healthy.all("GrantRevoked"))
    assert counted["consent", "Refusal", "refused"] == len(healthy.all("DisclosureRefused"))
    assert counted["intake", "Case", "closed"] == 2
    assert sum(counted.values()) == len({(r.service, r.stream) for r in healthy.all()})
    assert not of_kind(said, "stream")


def test_decisions_say_who_decided_who_recorded_it_how_and_upon_which_wording(
    healthy: Books, sayso: Sayso, names: Pseudonyms
) -> None:
    decisions = of_kind(replayed(sayso, healthy, "--decisions"), "decision")
    assert len(decisions) == len([r for r in healthy.all() if "decision" in r.state])
    chosen = next(d for d in decisions if d["event"] == "OptionChosen")
    assert chosen["decided_by"] == "harmed_party"
    assert chosen["recorded_by"]["actor"] == names.of(maria(healthy))
    assert chosen["wording"] == {
        "notice_version": "community-1",
        "options_version": "2026-11.1",
    }
    assert chosen["what"]["option"] == "housing"
    explained = next(d for d in decisions if d["event"] == "GrantExplained")
    assert explained["wording"]["explanation_version"] == "release-1"
    written = next(d for d in decisions if d["event"] == "ChoiceRecorded")
    assert (written["recorded_by"]["role"], written["on_behalf"]) == ("advocate", True)


def test_one_stream_is_found_by_its_pseudonym_and_shown_with_every_entry_and_no_word(
    healthy: Books, sayso: Sayso, names: Pseudonyms
) -> None:
    way = healthy.first("ChannelDeclaredSafe")
    said = replayed(sayso, healthy, "--stream", names.of(way.stream))
    [stream] = of_kind(said, "stream")
    entries = of_kind(said, "entry")
    assert stream["state"] == "erased"
    assert [e["position"] for e in entries] == [
        r.position for r in healthy.rows["notifications"] if r.stream == way.stream
    ]
    declared = next(e for e in entries if e["event"] == "ChannelDeclaredSafe")
    assert declared["fields"]["address"] == "sealed (contact)"
    assert replayed(sayso, healthy, "--stream", str(way.stream)) == said


def test_one_participation_is_shown_across_services_and_nobody_else(
    healthy: Books, sayso: Sayso, names: Pseudonyms
) -> None:
    dana = healthy.all("ParticipationBegun")[-1].stream
    said = replayed(sayso, healthy, "--participation", names.of(maria(healthy)))
    assert {s["service"] for s in of_kind(said, "stream")} == set(healthy.rows)
    assert {s["participation"] for s in of_kind(said, "stream")} == {names.of(maria(healthy))}
    assert names.of(dana) not in json.dumps(said)
    places = [(e["service"], e["position"]) for e in of_kind(said, "entry")]
    order = [(e.service, e.position) for e in healthy.history().entries()]
    assert places == [place for place in order if place in set(places)]


def test_one_service_alone_is_shown_where_one_is_named(healthy: Books, sayso: Sayso) -> None:
    said = replayed(sayso, healthy, "--service", "keyring")
    assert {s["service"] for s in of_kind(said, "stream")} == {"keyring"}


@pytest.mark.parametrize(
    "which", [(), ("--decisions",), ("--counts",), ("--participation",), ("--at", "2026-06-05")]
)
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_no_id_and_no_word_is_shown_in_any_form(
    which: tuple[str, ...], form: tuple[str, ...], healthy: Books, sayso: Sayso, names: Pseudonyms
) -> None:
    given = (*which, names.of(maria(healthy))) if which == ("--participation",) else which
    status, printed = sayso(healthy, "audit", "replay", *given, *form)
    assert status == HELD
    assert len(printed.splitlines()) > 5
    assert not _UUID.search(printed)
    for word in (NEED, HEARD, "canary"):
        assert word not in printed


TOLD = {
    "purpose": "she lives with her sister",
    "delivery_method": "Maria.Garcia-555-0100",
    "policy_version": "12-Oak-Street",
    "items": [["her-sister", "Garcia", {"_type_": "uuid_hex", "_data_": "Garcia"}]],
    "recipient_agency_id": {"_type_": "uuid_hex", "_data_": "555-0100"},
    "expires_at": {"_type_": "date_iso", "_data_": "Garcia"},
    "agency_reference": {"_type_": "Garcia", "_data_": "Garcia"},
    "supersedes": {"_type_": "sealed", "_data_": {"c": "canary@example.org lives at Oak Street"}},
    "starts_at": {"Garcia": "Oak", "sister": ["Oak"]},
    "sister": True,
    "reason": "he_beats_me",
    "law": "smith",
    "kind": "he_beats_me",
    "option": "oak_street",
    "Maria Garcia": 1,
}
"""Words in every place of an event."""


@pytest.mark.rule("R47")
@pytest.mark.parametrize("which", ["--stream", "--participation", "--decisions", None])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_words_that_should_have_been_sealed_are_not_passed_on(
    which: str | None, form: tuple[str, ...], healthy: Books, sayso: Sayso
) -> None:
    row = recorded_by_staff(healthy, "GrantProposed")
    row.state |= TOLD
    row.said(language="Garcia", how="her sister", options_version="555-0100", notice_version="Oak")
    row.said(role="Maria.Garcia")
    row.state["decision"]["_data_"]["decided_by"] = "sister"
    row.state["decision"]["_data_"]["recorded_by"]["_data_"]["base"] = "Oak"
    row.state["meta"] |= {"causation": "command/Garcia", "actor_id": "555-0100"}
    changed = healthy.first("InvolvementChanged").set(involvement="sister")
    changed.topic = changed.topic.replace("InvolvementChanged", "Garcia")
    healthy.first("CaseReopened").set(state="sister")
    healthy.first("CaseReopened").said(language="en-maria", role="he_beats_me")
    renamed = healthy.first("InquiryOpened")
    renamed.topic = renamed.topic.replace("Case.", "Garcia.")
    given = {"--stream": (str(row.stream),), "--participation": (str(maria(healthy)),)}
    words = (which, *given.get(which, ())) if which else ()
    status, printed = sayso(healthy, "audit", "replay", *words, *form)
    assert status == HELD
    assert NOT_SHOWN in printed
    told = ("sister", "Garcia", "Maria", "555-0100", "Oak", "canary", "Street")
    for word in (*told, "maria", "he_beats_me", "smith", "oak_street"):
        assert word not in printed, word


def test_what_may_be_printed_is_printed(healthy: Books, sayso: Sayso) -> None:
    """Else a replay would be safe and of no use."""
    for which in ("--decisions", "--participation"):
        words = (which, str(maria(healthy))) if which == "--participation" else (which,)
        assert NOT_SHOWN not in sayso(healthy, "audit", "replay", *words)[1]


def test_an_entry_that_cannot_be_read_is_shown_as_that(healthy: Books, sayso: Sayso) -> None:
    row: Row = healthy.first("GrantRevoked")
    row.state["timestamp"] = "yesterday"
    [stream] = of_kind(replayed(sayso, healthy, "--stream", str(row.stream)), "stream")
    assert stream["state"] == "unreadable"


@pytest.mark.parametrize(
    "at",
    [
        "soon",
        "2026-06-31",
        "2026-06-05T12:00:00",
        "consent/",
        "consent/x",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:00:00-14:00",
    ],
)
def test_what_is_no_moment_is_refused_with_what_would_be_one(
    at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["audit", "replay", "--at", at])
    assert ended.value.code == WRONG_USE
    assert "give 2026-06-30, 2026-06-30T12:00:00Z or consent/41" in capsys.readouterr().err


def test_the_first_and_the_last_day_there_are_can_be_named() -> None:
    assert str(named("0001-01-01")) == "0001-01-01 23:59:59.999999+00:00"
    assert str(named("9999-12-31")) == "9999-12-31 23:59:59.999999+00:00"


def test_a_moment_that_is_still_to_come_is_said_to_be_that(
    healthy: Books, reading: Callable[[Books], Reading], capsys: pytest.CaptureFixture[str]
) -> None:
    given = replace(reading(healthy), clock=lambda: datetime(2026, 6, 6, tzinfo=UTC))

    def told(*words: str) -> str:
        parser = ArgumentParser()
        COMMAND.arguments(parser)
        assert COMMAND.run(parser.parse_args(words), given) == HELD
        return capsys.readouterr().err

    assert "2026-06-07 23:59:59 UTC is still to come" in told("--counts", "--at", "2026-06-07")
    for words in ((), ("--at", "2026-06-05"), ("--at", "consent/1")):
        assert told("--counts", *words) == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--at", "consent/100000"),
        ("--at", "letters/1"),
        ("--service", "letters"),
        ("--stream", "0" * 16),
        ("--participation", "0" * 16),
    ],
    ids=" ".join,
)
def test_what_is_not_there_has_a_status_of_its_own(
    words: tuple[str, ...], healthy: Books, sayso: Sayso
) -> None:
    status, _ = sayso(healthy, "audit", "replay", *words)
    assert status == NOTHING_THERE


def test_streams_are_shown_one_at_a_time_and_none_is_kept() -> None:
    lives = Lives(1_000, 10)
    history = lives.history()
    found = standings(history, moment(history, None), Progress())
    lives.read = 0
    assert next(found).state == "revoked"
    assert lives.read < 10
