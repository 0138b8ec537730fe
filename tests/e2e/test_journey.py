"""The journey of the first decisions, on the embedded platform, over HTTP."""

from __future__ import annotations

import asyncio
import io
import logging
from pathlib import Path

import psycopg2
import pytest
from rich.console import Console

from infra.demo.auditor import of_embedded
from infra.demo.journey import Journey, Words
from infra.demo.voices import Voices
from services.gateway.routes import ANYONE, ROUTES
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
        mail = platform.mailbox.mail
        auditing = of_embedded(platform.folder)
        journey = Journey(
            platform.address, platform.held, voices, race, words, mail=mail, auditing=auditing
        )
        await journey.play()
        return journey

    return asyncio.run(played())


def confidential(journey: Journey) -> tuple[bytes, ...]:
    """Words, the code in every way that people write it, tokens and keys."""
    sought = journey.confidential()
    assert len(sought["the possession code"]) > 4
    assert len(sought["a staff token"]) > 4
    assert len(sought["an agency's key"]) == 3
    assert all(len(text) > 8 for texts in sought.values() for text in texts)
    return tuple(text.encode() for texts in sought.values() for text in sorted(texts))


@pytest.mark.rule("R74")
@pytest.mark.rule("R22")
@pytest.mark.rule("R38")
@pytest.mark.rule("R11")
@pytest.mark.rule("R71")
@pytest.mark.rule("R31")
@pytest.mark.rule("R09")
@pytest.mark.rule("I09")
def test_the_journey_holds_with_two_hundred_races_and_the_parole_officer_sees_nothing(
    embedded: Running,
) -> None:
    journey = play(embedded, race=200)

    assert journey.voices.heard["parole officer"] == []
    assert (journey.parole.seen, journey.parole_agency.seen) == (0, 0)
    assert journey.doors == len([row for row in ROUTES if row.who != ANYONE])
    assert journey.parole_agency.asked > journey.doors > 30
    assert journey.voices.heard["agency"]
    heard = journey.voices.heard
    assert any("There is something new" in said for said in heard["survivor"])
    assert any("suppressed: unsafe" in said for said in heard["the log"])
    assert any("changed: intake position 1," in said for said in heard["auditor"])
    assert any("as it was" in said for said in heard["auditor"])


@pytest.mark.rule("I14")
def test_no_word_code_token_or_key_lies_readable_in_any_file_or_log(
    embedded: Running, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    sought = WORDS + confidential(play(embedded, race=3, words=CANARIES))
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
