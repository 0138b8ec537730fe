"""The options and notices: what the founding documents name, in every language we keep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import services.intake
from services.intake.formats.catalogue import CURRENT, catalogue, parse

DATA = Path(services.intake.__path__[0]) / "data"
NAMED = {
    "dialogue",
    "surrogate_dialogue",
    "letter_bank",
    "impact_panel",
    "healing_circle",
    "peer_circle",
    "family_circle",
    "accountability_circle",
    "diversion_circle",
    "restorative_service",
    "compensation",
    "trauma_recovery_centre",
    "community_crisis_team",
    "counselling",
    "legal_help",
    "housing",
    "nothing_now",
}


@pytest.mark.rule("R28")
@pytest.mark.rule("R63")
@pytest.mark.rule("R65")
def test_every_programme_that_is_named_can_be_offered() -> None:
    assert {e.option.key for e in catalogue().entries} == NAMED


@pytest.mark.rule("R10")
def test_only_the_diversion_circle_touches_the_case() -> None:
    effects = {e.option.key: e.case_effect for e in catalogue().entries}

    assert {key for key, effect in effects.items() if effect == "disposition"} == {
        "diversion_circle"
    }
    assert set(effects.values()) == {"none", "disposition"}


@pytest.mark.rule("R64")
def test_every_option_is_worded_in_every_language() -> None:
    for entry in catalogue().entries:
        assert set(entry.texts) == {"en", "es"}
        for text in entry.texts.values():
            assert all(text[part].strip() for part in ("title", "explanation"))


@pytest.mark.rule("R64")
def test_the_nearest_language_is_found() -> None:
    wanted = ("es", "es-MX", "en-GB", "fr")

    assert [catalogue().language(tag) for tag in wanted] == ["es", "es", "en", "en"]


def test_no_wording_promises_forgiveness_or_names_a_person_by_a_harm() -> None:
    words = json.dumps(
        json.loads((DATA / "options" / f"{CURRENT}.json").read_text("utf-8"))
    ).lower()

    for avoided in ("offender", "perpetrator", "inmate", "abuser", "forgive", "closure"):
        assert avoided not in words


@pytest.mark.rule("R64")
def test_a_catalogue_with_a_key_twice_or_a_language_missing_is_not_read() -> None:
    row = {
        "key": "housing",
        "programme_type": "housing",
        "sector": "either",
        "case_effect": "none",
        "texts": {"en": {"title": "Housing", "explanation": "A place."}},
    }
    with pytest.raises(ValueError, match="one key"):
        parse({"options_version": "x", "options": [row, row]})
    other = row | {"key": "other", "texts": {"es": row["texts"]}}
    with pytest.raises(ValueError, match="languages"):
        parse({"options_version": "x", "options": [row, other]})


@pytest.mark.rule("R21")
@pytest.mark.rule("R64")
def test_there_is_a_notice_for_every_base_in_every_language() -> None:
    notices = [json.loads(f.read_text("utf-8")) for f in sorted((DATA / "notices").glob("*.json"))]

    assert [n["base"] for n in notices] == ["alone", "community", "systems"]
    for notice in notices:
        assert notice["notice_version"].startswith(notice["base"])
        english, spanish = notice["texts"]["en"], notice["texts"]["es"]
        assert len(english) == len(spanish) > 3


def changed(**of_all: str) -> dict[str, Any]:
    data = json.loads((DATA / "options" / f"{CURRENT}.json").read_text("utf-8"))
    for row in data["options"]:
        row.update(of_all)
    return data


@pytest.mark.rule("R63")
@pytest.mark.rule("R65")
@pytest.mark.parametrize("missing", ["community_crisis_team", "trauma_recovery_centre"])
def test_a_catalogue_without_help_that_needs_no_police_is_not_used(missing: str) -> None:
    data = changed()
    data["options"] = [row for row in data["options"] if row["key"] != missing]

    with pytest.raises(ValueError, match="is missing"):
        parse(data)


@pytest.mark.rule("R10")
def test_a_catalogue_in_which_a_dialogue_touches_the_case_is_not_used() -> None:
    with pytest.raises(ValueError, match="touches the case"):
        parse(changed(case_effect="disposition"))
