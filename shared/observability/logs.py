"""Logs by allow-list: JSON lines in which a person's words have no place to stand.

``configure`` once at start; then ``structlog.get_logger(__name__)`` anywhere.
The first argument of a log call is a sentence from the code, never one put
together; ids, counts and codes go into the keys of :mod:`allowed`.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO
from uuid import UUID

import structlog

from shared.observability.allowed import ALLOWED
from shared.observability.failures import told

OURS = ("shared", "services")
"""The packages whose log sentences are known to be fixed: a test reads every call."""

EventDict = MutableMapping[str, Any]


def configure(
    service: str,
    level: str = "INFO",
    stream: TextIO | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Send every log line of this process, libraries' too, through the allow-list."""
    out = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]

    def write(_: Any, __: str, event: EventDict) -> str:
        return line(event, service, clock())

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            _exception,
            write,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(_LibraryFormatter(service, clock))
    for ours in OURS:
        logging.getLogger(ours).setLevel(number)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries say at INFO what they received; from WARNING on they say what is wrong.
    root.setLevel(max(number, logging.WARNING))
    _tell_of_uncaught()


def line(event: EventDict, service: str, now: datetime) -> str:
    """One JSON line of what is allowed; ``dropped`` counts the rest."""
    written: dict[str, Any] = {"time": now.isoformat(), "service": service}
    dropped = 0
    for key, value in event.items():
        fit = ALLOWED.get(key)
        kept = fit(value) if fit else None
        if kept is not None:
            written[key] = kept
        elif value is not None:
            dropped += 1
    if dropped:
        written["dropped"] = dropped
    return json.dumps(written, separators=(",", ":"))


@contextmanager
def correlated(correlation_id: UUID, **keys: Any) -> Iterator[None]:
    """Within this, every line of this thread, greenlet or task carries these keys."""
    with structlog.contextvars.bound_contextvars(correlation_id=correlation_id, **keys):
        yield


def current_correlation_id() -> UUID | None:
    """The correlation id of what is being done, if anything is."""
    found = structlog.contextvars.get_contextvars().get("correlation_id")
    return found if isinstance(found, UUID) else None


def _tell_of_uncaught() -> None:
    """Python prints an uncaught exception with its message; here it goes the way of the others."""

    def uncaught(_: type[BaseException], error: BaseException, __: object) -> None:
        structlog.get_logger(__name__).critical("uncaught exception", exc_info=error)

    sys.excepthook = uncaught
    threading.excepthook = lambda told: structlog.get_logger(__name__).critical(
        "uncaught exception in a thread", exc_info=told.exc_value
    )


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] in OURS


def _exception(_: Any, __: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    elif isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event.update(told(raised))
    return event


class _LibraryFormatter(logging.Formatter):
    """Lines of libraries: their own sentence, without what they put into it."""

    def __init__(self, service: str, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._service = service
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            # Without arguments a library's sentence may have been put together already.
            "event": record.msg if record.args or _is_ours(record) else "a library reports",
            "level": record.levelname.lower(),
            "logger": record.name,
            "where": [f"{record.module}:{record.lineno}"],
        }
        if record.exc_info and record.exc_info[1] is not None:
            event.update(told(record.exc_info[1]))
        return line(
            {**structlog.contextvars.get_contextvars(), **event}, self._service, self._clock()
        )
