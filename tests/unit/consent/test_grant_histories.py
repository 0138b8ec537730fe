"""Random histories of a grant, judged from the events alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.consent.domain.grant import LIVE, Asked, Disclosure, Grant, NotReleased
from shared.contracts.decision import RecordedBy
from shared.contracts.refusal import Refused
from shared.eventstore.clock import edge_time
from tests.unit.consent.world import (
    ADVOCATE,
    AGENCY,
    COLLEAGUE,
    DAY,
    NEED,
    NOON,
    OTHER_AGENCY,
    OTHER_NEED,
    POLICY,
    RECIPIENTS_OWN,
    SURVIVOR,
    proposed,
    said,
)

ENDINGS = ("GrantDeclined", "GrantRevoked", "GrantExpired", "GrantSuperseded")
RECORDERS = st.sampled_from([SURVIVOR, ADVOCATE, COLLEAGUE, RECIPIENTS_OWN])
AGENCIES = st.sampled_from([AGENCY, AGENCY, OTHER_AGENCY])
ITEMS = st.sampled_from([NEED, NEED, OTHER_NEED])
PURPOSES = st.sampled_from(["housing", "housing", "legal_help"])


def breaches(history: Sequence[Any]) -> list[str]:
    """What is wrong with a history, judged without the aggregate that made it."""
    found: list[str] = []
    first = history[0]
    yes_by: RecordedBy | None = None
    effect: Any = None
    ended = False
    disclosures: dict[Any, Any] = {}
    for event in history[1:]:
        name = type(event).__name__
        if ended:
            found.append(f"{name} follows the end")
        if name == "YesRecorded":
            yes_by = event.decision.recorded_by
        if name == "GrantGiven":
            if effect is not None:
                found.append("given twice")
            effect = event
            recorder = event.decision.recorded_by
            if recorder != SURVIVOR and (yes_by is None or recorder.actor_id == yes_by.actor_id):
                found.append("in effect by one staff member's word (R71)")
            if recorder.agency_id == AGENCY:
                found.append("in effect by the recipient's word (R71)")
            if event.timestamp >= first.expires_at:
                found.append("in effect after its period")
        if name == "DisclosureMade":
            if effect is None:
                found.append("disclosed before it was in effect (I16)")
            if not first.starts_at <= event.made_at < first.expires_at:
                found.append("disclosed outside its period (I03)")
            if event.recipient_agency_id != AGENCY or event.item != NEED:
                found.append("disclosed to or of another (R23)")
            if event.purpose != first.purpose:
                found.append("disclosed for another purpose (R31)")
            if event.take_before > first.expires_at:
                found.append("may be taken after its period")
            disclosures[event.disclosure_id] = event
        if name == "DisclosureTaken":
            made = disclosures.pop(event.disclosure_id, None)
            if made is None:
                found.append("taken without a disclosure, or again (I03)")
            elif event.taken_at >= made.take_before:
                found.append("taken when its time was over (I03)")
            elif (event.recipient_agency_id, event.item) != (AGENCY, made.item):
                found.append("taken by or of another (R23)")
        ended = ended or name in ENDINGS
    return found


def replayed(history: Sequence[Any]) -> Grant | None:
    grant = None
    for event in history:
        grant = event.mutate(grant)
    return grant


def late(machine: Any) -> bool:
    """Whether an end may come now: were it as likely as the rest, few histories would go far."""
    return bool(machine.steps % 5 == 4)


class GrantHistories(RuleBasedStateMachine):
    """The survivor, staff, agencies, the clock: in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.steps = 0
        self.history: list[Any] = []

    @initialize(start=st.sampled_from([0, 0, 0, 2]), steps=st.integers(0, 3), recorder=RECORDERS)
    def begins(self, start: int, steps: int, recorder: RecordedBy) -> None:
        starts_at, expires_at = NOON + start * DAY, NOON + 5 * DAY
        self._do(
            lambda: setattr(self, "grant", proposed(starts_at=starts_at, expires_at=expires_at))
        )
        if steps > 0:
            self.explain(recorder, "release-1")
        if steps > 1:
            self.give(recorder)
        if steps > 2:
            self.confirm(SURVIVOR, False)

    def _command(self, step: Any) -> bool:
        """Do it, and at once again: the repeat must store nothing."""
        self.steps += 1
        done = self._do(step)
        before = len(self.history)
        self._do(step)
        assert len(self.history) == before
        return done

    def _do(self, step: Any) -> bool:
        with edge_time(self.now):
            try:
                step()
            except (Refused, NotReleased):
                return False
            finally:
                if hasattr(self, "grant"):
                    self.history.extend(self.grant.collect_events())
        return True

    @rule(recorder=RECORDERS, version=st.sampled_from(["release-1", "release-2", "made-up"]))
    def explain(self, recorder: RecordedBy, version: str) -> None:
        self._command(lambda: self.grant.explain(said(recorder, self.now), version, POLICY))

    @rule(recorder=RECORDERS)
    def give(self, recorder: RecordedBy) -> None:
        self._command(lambda: self.grant.give(said(recorder, self.now)))

    @rule(recorder=RECORDERS, trained=st.booleans())
    def confirm(self, recorder: RecordedBy, trained: bool) -> None:
        self._command(lambda: self.grant.confirm(said(recorder, self.now), trained=trained))

    @precondition(late)
    @rule(recorder=RECORDERS)
    def decline(self, recorder: RecordedBy) -> None:
        live = self.grant.state in LIVE
        assert self._command(lambda: self.grant.decline(said(recorder, self.now)))
        assert not live or self.grant.state in ("declined", "revoked")

    @precondition(late)
    @rule(recorder=RECORDERS)
    def revoke(self, recorder: RecordedBy) -> None:
        live = self.grant.state in LIVE
        assert self._command(lambda: self.grant.revoke(said(recorder, self.now)))
        assert not live or self.grant.state == "revoked"

    @precondition(late)
    @rule()
    def supersede(self) -> None:
        self._command(lambda: self.grant.supersede(said(at=self.now), by=uuid4()))

    @precondition(late)
    @rule()
    def scheduler_runs(self) -> None:
        self._command(lambda: self.grant.expire(self.now))

    @rule(hours=st.integers(-48, 72))
    def clock_moves(self, hours: int) -> None:
        self.steps += 1
        self.now = max(self.now + timedelta(hours=hours), NOON - DAY)

    @rule(agency=AGENCIES, item=ITEMS, purpose=PURPOSES)
    def ask(self, agency: Any, item: Any, purpose: str) -> None:
        self.steps += 1
        answers: list[Disclosure] = []
        granted = self._do(
            lambda: answers.append(
                self.grant.disclose(
                    Asked(agency, self.grant.agency_reference, item, purpose),
                    disclosure_id=uuid4(),
                    erased=(),
                    now=self.now,
                )
            )
        )
        if granted:
            self._was_recorded_for(answers[0], self.now)

    @rule(agency=AGENCIES, item=ITEMS, seconds=st.sampled_from([0, 59, 60, 61]))
    def asked_and_taken(self, agency: Any, item: Any, seconds: int) -> None:
        """Whatever was disclosed last is taken moments later, perhaps by another."""
        self.ask(agency, item, "housing")
        self._take(agency, item, self.now + timedelta(seconds=seconds))

    @rule(agency=AGENCIES, item=ITEMS)
    def taken(self, agency: Any, item: Any) -> None:
        self._take(agency, item, self.now)

    def _take(self, agency: Any, item: Any, now: datetime) -> None:
        for disclosure_id in list(self.grant.disclosures)[-1:] or [uuid4()]:
            self._command(
                lambda id=disclosure_id: self.grant.take(
                    disclosure_id=id, agency_id=agency, item=item, erased=(), now=now
                )
            )

    def _was_recorded_for(self, answer: Disclosure, now: datetime) -> None:
        made = [e for e in self.history if getattr(e, "disclosure_id", None)]
        assert answer.disclosure_id in {e.disclosure_id for e in made}
        assert now < answer.take_before
        assert self.grant.state == "given"

    @invariant()
    def no_rule_is_broken(self) -> None:
        if self.history:
            assert breaches(self.history) == []

    @invariant()
    def the_history_tells_the_state(self) -> None:
        if self.history:
            told = replayed(self.history)
            assert told is not None
            assert vars(told) == vars(self.grant)


GrantHistories.TestCase.settings = settings(
    max_examples=500, stateful_step_count=30, deadline=None, print_blob=True
)

TestRandomHistoriesOfAGrant = pytest.mark.rule("I03")(
    pytest.mark.rule("I16")(pytest.mark.rule("R71")(GrantHistories.TestCase))
)


@pytest.mark.rule("I03")
@pytest.mark.parametrize(
    ("planted", "breach"),
    [
        (["revoke", "disclose"], "DisclosureMade follows the end"),
        (["disclose"], "disclosed before it was in effect (I16)"),
        (["disclose", "revoke", "take"], "DisclosureTaken follows the end"),
        (["disclose", "take"], "taken when its time was over (I03)"),
        (["disclose", "take", "take"], "taken without a disclosure, or again (I03)"),
        (["yes", "given by its recorder"], "in effect by one staff member's word (R71)"),
    ],
)
def test_the_judge_finds_a_planted_breach(planted: list[str], breach: str) -> None:
    grant, disclosure_id = proposed(), uuid4()
    steps: dict[str, Any] = {
        "revoke": lambda: grant.revoke(said()),
        "yes": lambda: grant._yes_recorded(said(ADVOCATE), AGENCY),
        "given by its recorder": lambda: grant._in_effect(said(ADVOCATE), "own_yes"),
        "disclose": lambda: grant._disclosure_made(
            participation_id=grant.participation_id,
            recipient_agency_id=AGENCY,
            disclosure_id=disclosure_id,
            item=NEED,
            purpose="housing",
            made_at=NOON,
            take_before=NOON,
        ),
        "take": lambda: grant._disclosure_taken(
            participation_id=grant.participation_id,
            recipient_agency_id=AGENCY,
            disclosure_id=disclosure_id,
            item=NEED,
            taken_at=NOON,
        ),
    }
    for step in planted:
        steps[step]()

    assert breach in breaches(grant.collect_events())
