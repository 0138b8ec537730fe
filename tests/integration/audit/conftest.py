from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from shared import command_line
from shared.command_line import Reading, main
from tests.integration.audit.books import Books, read_books
from tests.integration.audit.story import Story
from tests.support.postgres import (
    Databases,
    databases,
    embedded_server,
    fresh_databases,
    postgres_dsn,
)

__all__ = ["databases", "postgres_dsn"]

Sayso = Callable[..., tuple[int, str]]

SERVICES = ("consent", "intake", "keyring", "notifications")


@pytest.fixture(scope="session")
def played() -> Books:
    """A healthy history, made once through the real applications."""
    run = uuid4().hex[:8]
    with embedded_server() as server:
        story = Story(server, lambda service: f"sayso_{service}_{run}")
        try:
            story.play()
        finally:
            story.platform.stop()
        return read_books(Databases(server.dsn(), {s: f"sayso_{s}_{run}" for s in SERVICES}))


@pytest.fixture
def healthy(played: Books) -> Books:
    """One of the test's own."""
    return played.copied()


@pytest.fixture(scope="module")
def stores(postgres_dsn: str) -> Iterator[Databases]:
    """Databases to store histories in, one after the other."""
    with fresh_databases(postgres_dsn, *SERVICES) as made:
        yield made


@pytest.fixture
def reading(stores: Databases, tmp_path: Path) -> Callable[[Books], Reading]:
    """Store a history; what an auditor is then given."""

    def stored(books: Books) -> Reading:
        books.store(stores)
        return Reading(SERVICES, lambda s: stores.dsn(s, "audit"), tmp_path)

    return stored


@pytest.fixture
def sayso(
    reading: Callable[[Books], Reading],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Sayso:
    """``sayso(books, "audit", ...)``: the exit status and what was printed."""

    def called(books: Books, *words: str) -> tuple[int, str]:
        given = reading(books)

        @contextmanager
        def here(_: Path | None) -> Iterator[Reading]:
            yield given

        monkeypatch.setattr(command_line, "reading", here)
        capsys.readouterr()
        status = main(words)
        return status, capsys.readouterr().out

    return called
