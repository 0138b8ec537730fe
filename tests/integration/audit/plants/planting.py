"""Histories that break one invariant each: what a service would have to have done wrong.

A plant changes a healthy history and returns the rows that the finding is at.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from tests.integration.audit.books import Books, Row

Plant = Callable[[Books], list[Row]]
PLANTS: list[tuple[str, str, Plant]] = []
RULES: dict[Plant, tuple[str, ...]] = {}


def breaks(invariant: str, what: str, *rules: str) -> Callable[[Plant], Plant]:
    """Name a plant: the invariant that it breaks, how, and the rules that it breaks with it."""

    def planted(plant: Plant) -> Plant:
        PLANTS.append((invariant, what, plant))
        RULES[plant] = (invariant, *rules)
        return plant

    return planted


def cases() -> list[object]:
    """One test case each, marked with what it breaks."""
    return [
        pytest.param(
            code,
            plant,
            id=f"{code} {what}",
            marks=[pytest.mark.rule(rule) for rule in RULES[plant]],
        )
        for code, what, plant in PLANTS
    ]


def uuid_of(row: Row, name: str) -> UUID:
    return UUID(row.state[name]["_data_"])


def maria(books: Books) -> UUID:
    """The survivor who is helped: her participation's stream."""
    return books.first("AdvocateAssigned").stream


def dana(books: Books) -> UUID:
    """The survivor who is alone: another participation."""
    return books.all("ParticipationBegun")[-1].stream


def own(books: Books, name: str, **fields: object) -> Row:
    """The first event of that name that the helped survivor recorded herself."""
    return next(
        r
        for r in books.find(name, **fields)
        if r.state["meta"]["actor_id"] == str(maria(books)) and "decision" in r.state
    )


def recorded_by_staff(books: Books, name: str) -> Row:
    """The first event of that name that staff wrote down."""
    return next(
        r
        for r in books.all(name)
        if r.state["decision"]["_data_"]["recorded_by"]["_data_"]["role"] != "harmed_party"
    )


def last(books: Books, service: str) -> Row:
    return books.rows[service][-1]


def not_taken(books: Books) -> Row:
    """The one disclosure that the agency never took."""
    taken = [r.state["disclosure_id"] for r in books.all("ItemHandedOver")]
    return next(r for r in books.all("DisclosureMade") if r.state["disclosure_id"] not in taken)


def a_choice(books: Books) -> Row:
    return books.first("OptionChosen", option="housing")


def waiting_choice(books: Books) -> tuple[Row, Row, Row]:
    """A choice that staff wrote down, its confirmation, and its effect."""
    chosen = next(
        r for r in books.find("OptionChosen", option="counselling") if r.stream == maria(books)
    )
    decision = uuid_of(chosen, "decision_id")
    return (
        books.first("ChoiceRecorded", decision_id=decision),
        books.first("DecisionConfirmed", decision_id=decision),
        chosen,
    )


def a_notice(books: Books) -> Row:
    return books.all("NoticeQueued")[-1]


def its_way(books: Books) -> Row:
    return books.first("ChannelDeclaredSafe", channel_id=uuid_of(a_notice(books), "channel_id"))
