"""The journey of the first decisions, on the embedded platform, over HTTP."""

from __future__ import annotations

import asyncio
import io
import logging
from pathlib import Path

import psycopg2
import pytest
from rich.console import Console

from infra.demo.journey import Journey, Words
from infra.demo.voices import Voices
from tests.e2e.conftest import Running

CANARIES = Words(
    need="kittiwake-4417 wants the lock changed before the fourteenth",
    other_need="a room away from guillemot-9023 street",
    address="razorbill-5581@example.org",
    name="Fulmar-7306",
)
WORDS = (b"kittiwake-4417", b"guillemot-9023", b"razorbill-5581", b"Fulmar-7306")


def play(platform: Running, race: int, words: Words | None = None) -> Journey:
    """Play it; what was heard is in its ``voices``."""
    voices = Voices(Console(file=io.StringIO(), width=150))

    async def played() -> Journey:
        journey = Journey(platform.address, platform.held, voices, race, words)
        await journey.play()
        return journey

    return asyncio.run(played())


def secrets_of(journey: Journey) -> tuple[bytes, ...]:
    """What only the survivor has: their code, as given and as people write it, and their token."""
    code, token = journey.survivor_code, journey.survivor_token
    assert len(code.split()) > 1 or "-" in code
    assert len(token) > 20
    words = code.replace("-", " ").split()
    ways = {code, code.lower(), " ".join(words), "-".join(words)}
    ways |= {way.lower() for way in ways}
    return tuple(way.encode() for way in sorted({*ways, token}))


@pytest.mark.rule("R74")
@pytest.mark.rule("R22")
@pytest.mark.rule("R38")
@pytest.mark.rule("R11")
@pytest.mark.rule("R71")
@pytest.mark.rule("R31")
@pytest.mark.rule("R09")
def test_the_journey_holds_with_two_hundred_races_and_the_parole_officer_sees_nothing(
    embedded: Running,
) -> None:
    voices = play(embedded, race=200).voices

    assert voices.heard["parole officer"] == []
    assert voices.heard["agency"]


@pytest.mark.rule("I14")
def test_no_word_code_or_token_of_the_survivor_lies_readable_in_any_file_or_log(
    embedded: Running, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    sought = WORDS + secrets_of(play(embedded, race=3, words=CANARIES))
    _flush(embedded.dsn())

    assert _found_in(embedded.folder, sought) == []
    said = (caplog.text + "".join(capfd.readouterr())).encode()
    assert [word for word in sought if word in said] == []


@pytest.mark.parametrize("leaked", [WORDS[0], b"amber heron quiet willow"], ids=["word", "code"])
def test_the_search_for_words_finds_one_that_was_stored_readable(
    embedded: Running, leaked: bytes
) -> None:
    """The check above would fail if anything were written in the clear."""
    connection = psycopg2.connect(embedded.dsn())
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE leak (words text)")
        cursor.execute("INSERT INTO leak VALUES (%s)", (leaked.decode(),))
    connection.close()
    _flush(embedded.dsn())

    assert _found_in(embedded.folder, (leaked,))


def _flush(dsn: str) -> None:
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    connection.close()


def _found_in(folder: Path, sought: tuple[bytes, ...]) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any("pg_wal" in str(path) for path in files)
    return [
        f"{path.relative_to(folder)}: {word.decode()}"
        for path in files
        for word in sought
        if word in path.read_bytes()
    ]
