"""Crisis help and rights: there for anyone, in their language, whatever else is away."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from services.gateway.pages import DATA, BadPages, CrisisHelp, Pages, Rights
from tests.unit.gateway.door import Door

TOPICS = {"crisis_help": CrisisHelp, "rights": Rights}


@pytest.mark.rule("R74")
@pytest.mark.parametrize("page", ["crisis-help", "rights"])
def test_they_ask_no_service_no_credential_and_store_nothing(page: str) -> None:
    door = Door()
    for method in ("get_options", "begin_inquiry"):
        door.bus.answers[method] = ConnectionError()
    for headers in ({}, {"Authorization": "Bearer expired"}, {"X-API-Key": "wrong"}):
        answer = door.ask("GET", f"/v1/{page}", headers=headers)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
    assert door.bus.asked == []


@pytest.mark.rule("R64")
@pytest.mark.parametrize(
    ("asked", "answered"),
    [("es", "es"), ("es-MX", "es"), ("en", "en"), ("fr", "en"), ("", "en"), ("%00", "en")],
)
def test_the_language_is_followed_where_it_is_there_and_never_a_reason_to_refuse(
    asked: str, answered: str, door: Door
) -> None:
    for page in ("crisis-help", "rights"):
        found = door.ask("GET", f"/v1/{page}?language={asked}&anything=else")
        assert found.json()["language"] == answered


@pytest.mark.parametrize("topic", TOPICS)
def test_every_language_says_the_same_things(topic: str) -> None:
    parts = "lines" if topic == "crisis_help" else "rights"
    pages = {f.name: json.loads(f.read_text("utf-8")) for f in DATA.glob(f"{topic}.*.json")}
    assert {name.split(".")[1] for name in pages} == {"en", "es"}
    assert len({tuple(part["key"] for part in page[parts]) for page in pages.values()}) == 1
    assert len({page["version"] for page in pages.values()}) == 1


def test_every_line_names_its_source_and_what_comes_of_calling() -> None:
    numbers: dict[str, set[str | None]] = {}
    for file in DATA.glob("crisis_help.*.json"):
        page = CrisisHelp.model_validate_json(file.read_bytes())
        assert "911" in page.emergency
        for line in page.lines:
            assert re.fullmatch(r"https://[a-z0-9./-]+", line.source)
            assert line.call is None or re.fullmatch(r"1-\d{3}-\d{3}-\d{4}|988", line.call)
            numbers.setdefault(line.key, set()).add(line.call)
    assert all(len(found) == 1 for found in numbers.values()), "languages differ in a number"


@pytest.mark.rule("R63")
def test_there_are_lines_that_do_not_bring_the_police(door: Door) -> None:
    lines = door.ask("GET", "/v1/crisis-help").json()["lines"]
    assert {line["without_police"] for line in lines} == {True, False}


def test_the_words_are_those_of_the_language_we_keep() -> None:
    avoided = ("victim", "offender", "perpetrator", "inmate", "abuser", "closure", "víctima")
    for file in DATA.glob("rights.*.json"):
        text = file.read_text("utf-8").lower()
        assert [word for word in avoided if word in text] == []


def test_a_deployment_brings_its_own_pages_and_a_bad_one_does_not_start(tmp_path: Path) -> None:
    for file in DATA.glob("*.en.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    assert json.loads(Pages(tmp_path).read("rights", "es"))["language"] == "en"
    (tmp_path / "rights.es.json").write_text('{"language": "es"}')
    with pytest.raises(BadPages, match=r"rights\.es\.json"):
        Pages(tmp_path)


@pytest.mark.rule("R63")
def test_crisis_help_with_the_police_alone_does_not_start(tmp_path: Path) -> None:
    for file in DATA.glob("*.en.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    file = tmp_path / "crisis_help.en.json"
    help_ = json.loads(file.read_text("utf-8"))
    help_["lines"] = [line for line in help_["lines"] if not line["without_police"]]
    file.write_text(json.dumps(help_), "utf-8")

    with pytest.raises(BadPages, match="without the police"):
        Pages(tmp_path)


def test_pages_without_english_do_not_start(tmp_path: Path) -> None:
    with pytest.raises(BadPages):
        Pages(tmp_path)
