"""Nothing about a person can reach the logs, whoever logs it and however."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import structlog
from psycopg2 import errors

from shared.contracts.intake import StateNeed
from shared.contracts.refusal import NotFound
from shared.observability.logs import OURS, configure, correlated, current_correlation_id
from shared.sealing.keys import DataKey
from shared.sealing.sealed import Sealed
from shared.settings import Secret

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLANTED = "Maria Canary, +1 555 0100, maria@example.org"


class Lines(io.StringIO):
    def read_all(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.getvalue().splitlines()]

    def one(self) -> dict[str, Any]:
        (only,) = self.read_all()
        return only

    def says_nothing_of_her(self) -> bool:
        return not any(part in self.getvalue() for part in ("Maria", "Canary", "555", "@"))


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.excepthook, threading.excepthook
    stream = Lines()
    configure("intake", "DEBUG", stream, lambda: NOON)
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)
    for ours in OURS:
        logging.getLogger(ours).setLevel(logging.NOTSET)
    sys.excepthook, threading.excepthook = hooks


log = structlog.get_logger("tests")


def test_what_is_allowed_is_written_as_one_json_line(lines: Lines) -> None:
    stream_id = uuid4()
    log.info("a stream was parked", stream_id=stream_id, position=7, producer="consent")
    assert lines.one() == {
        "time": "2026-03-01T12:00:00+00:00",
        "service": "intake",
        "level": "info",
        "event": "a stream was parked",
        "stream_id": str(stream_id),
        "position": 7,
        "producer": "consent",
    }


def test_a_planted_personal_field_does_not_appear(lines: Lines) -> None:
    log.info("a need was stated", words=PLANTED, name=PLANTED, contact={"phone": PLANTED})
    assert lines.says_nothing_of_her()
    assert lines.one()["dropped"] == 3


@pytest.mark.parametrize(
    "key",
    ["method", "stream_id", "position", "code", "due_at", "where", "correlation_id", "error"],
)
def test_her_words_do_not_fit_into_an_allowed_key_either(lines: Lines, key: str) -> None:
    log.info("something happened", **{key: PLANTED})
    log.info("something happened", **{key: [PLANTED, {"a": PLANTED}]})
    assert lines.says_nothing_of_her()


def test_an_event_that_was_put_together_from_her_words_is_dropped(lines: Lines) -> None:
    log.info(f"could not reach {PLANTED}")
    assert lines.says_nothing_of_her()
    assert "event" not in lines.one()


def test_values_that_hold_words_or_keys_are_dropped_under_every_key(lines: Lines) -> None:
    command = StateNeed(participation_id=uuid4(), words=PLANTED)
    held = (
        command,
        Sealed.pending(uuid4(), "needs", PLANTED),
        Secret("Canary"),
        DataKey(uuid4(), uuid4(), "needs", b"Canary--" * 4),
        PLANTED.encode(),
    )
    for value in held:
        log.info("something happened", state=value, kind=value, request=value)
    assert lines.says_nothing_of_her()


def test_bound_fields_are_filtered_like_any_other(lines: Lines) -> None:
    log.bind(words=PLANTED, method="state_need").info("something happened")
    with correlated(uuid4(), words=PLANTED):
        log.info("something happened")
    assert lines.says_nothing_of_her()
    assert lines.read_all()[0]["method"] == "state_need"


def test_an_exception_is_told_by_type_and_place_without_message_or_locals(lines: Lines) -> None:
    def inner(words: str) -> None:
        phone = words
        raise errors.UniqueViolation(f"DETAIL: Key (name)=({phone}) already exists")

    try:
        try:
            inner(PLANTED)
        except errors.UniqueViolation as error:
            raise RuntimeError(f"could not store {PLANTED}") from error
    except RuntimeError:
        log.exception("a decision failed")

    told = lines.one()
    assert lines.says_nothing_of_her()
    assert told["error"] == "builtins.RuntimeError"
    assert "caused-by:psycopg2.errors.UniqueViolation" in told["where"]
    assert any(where.endswith(":inner") for where in told["where"])


@pytest.mark.parametrize("how", [True, "error", "tuple"])
def test_an_exception_may_be_handed_over_in_every_usual_way(lines: Lines, how: Any) -> None:
    try:
        raise ValueError(PLANTED)
    except ValueError as error:
        handed = {"error": error, "tuple": (type(error), error, error.__traceback__)}
        log.error("it failed", exc_info=handed.get(how, True))
    assert lines.one()["error"] == "builtins.ValueError"
    assert lines.says_nothing_of_her()


def test_a_refusal_is_told_by_its_code(lines: Lines) -> None:
    try:
        raise NotFound(PLANTED)
    except NotFound:
        log.warning("refused", exc_info=True)
    assert lines.one()["code"] == "not_found"
    assert lines.says_nothing_of_her()


def test_libraries_are_heard_without_what_they_put_into_their_sentences(lines: Lines) -> None:
    library = logging.getLogger("kombu.connection")
    library.warning("lost connection to %s while sending %r", PLANTED, {"body": PLANTED})
    library.error(f"already put together: {PLANTED}")
    try:
        raise OSError(PLANTED)
    except OSError:
        library.exception("failed with %s", PLANTED)
    first, second, third = lines.read_all()
    assert lines.says_nothing_of_her()
    assert (first["logger"], first["level"]) == ("kombu.connection", "warning")
    assert second["event"] == "a library reports"
    assert third["error"] == "builtins.OSError"


def test_libraries_chatter_stays_out(lines: Lines) -> None:
    logging.getLogger("kombu").info("received %s", PLANTED)
    assert lines.getvalue() == ""


def test_our_own_sentences_are_fixed_and_heard_from_info_on(lines: Lines) -> None:
    logging.getLogger("shared.eventstore.database").info("database_away")
    assert lines.one()["event"] == "database_away"


def test_an_uncaught_exception_is_told_without_its_message(lines: Lines) -> None:
    def fails() -> None:
        raise ValueError(PLANTED)

    thread = threading.Thread(target=fails)
    thread.start()
    thread.join()
    try:
        fails()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert [text["error"] for text in lines.read_all()] == ["builtins.ValueError"] * 2
    assert lines.says_nothing_of_her()


def test_lines_below_the_level_are_not_written(lines: Lines) -> None:
    configure("intake", "WARNING", lines, lambda: NOON)
    log.info("not this")
    log.warning("this")
    assert lines.one()["event"] == "this"


def test_every_line_within_carries_the_correlation_id(lines: Lines) -> None:
    correlation_id = UUID(int=5)
    with correlated(correlation_id, method="state_need"):
        assert current_correlation_id() == correlation_id
        log.info("within")
        logging.getLogger("kombu").warning("a library within %s", 1)
    log.info("after")
    within, library, after = lines.read_all()
    assert within["correlation_id"] == library["correlation_id"] == str(correlation_id)
    assert within["method"] == "state_need"
    assert "correlation_id" not in after
    assert current_correlation_id() is None
