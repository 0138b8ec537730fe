"""What may lie readable in a stored event: of each field, which texts it can hold.

Words are sealed. What lies open beside them is a code of a closed list, a
version, a language, a time of day, a time zone, an id or a place in a log; which
of them, is known of every field by its name. A text in a field that holds none,
or in one that nobody told us of, counts as words, and so does a value that
cannot be read, a type that nobody knows, and whatever calls itself sealed
without being a sealed value by its form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from services.audit.checks.entries import Closed, Unknown
from services.audit.checks.lists import (
    DUE,
    EVENTS,
    OPTIONS,
    PROGRAMME_TYPES,
    REASONS,
    ROLES,
    TOPICS,
    WORDINGS,
)
from services.audit.checks.states import CASE_STATES, INVOLVEMENTS, PERIOD_OVER, STATES, snake
from shared.accompaniment.confirming import ConfirmedBy
from shared.contracts import consent, intake, notifications
from shared.contracts.base import LANGUAGE
from shared.contracts.decision import Base, DecidedBy, How
from shared.contracts.items import KINDS, OWNERS
from shared.contracts.registry import messages, services

NOT_SHOWN = "(not shown)"
"""Stands for what is no code of a known shape."""

Shape = Callable[[str], bool]


def _like(pattern: str) -> Shape:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _one_of(*texts: str) -> Shape:
    return frozenset(texts).__contains__


def _either(*shapes: Shape) -> Shape:
    return lambda text: any(shape(text) for shape in shapes)


def _is_zone(text: str) -> bool:
    # Beside the zones lie the server's own clock, none, and the same zones in other seconds.
    if text in ("localtime", "Factory", "posixrules") or text.startswith(("posix/", "right/")):
        return False
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        return False
    return True


_ID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_SERVICE = "|".join(map(re.escape, services()))

_DUE = "|".join(sorted(DUE))
_WORDINGS = "|".join(sorted(WORDINGS))

_id = _like(_ID)
_service = _one_of(*services())
_version = _like(rf"(?:{_WORDINGS})-[0-9]{{1,3}}|20[0-9]{{2}}-[01][0-9]\.[0-9]{{1,2}}")
_language = _like(LANGUAGE)
_local_time = _like(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_place = _like(rf"(?:{_SERVICE})/[1-9][0-9]{{0,17}}")
_cause = _either(_place, _like(rf"command/{_ID}|due/(?:{_DUE})/{_ID}|"))
_record_class = _one_of(
    *get_args(intake.RecordClass), *(c for s in services().values() for c in s.record_classes)
)


# The service that owns it, and its kind there; the id is one.
_item = _one_of(*OWNERS, *KINDS)


def _heard(message_type: str) -> str:
    """What a participation's own timeline calls a published message."""
    _, subject, verb, _ = message_type.split(".")
    return verb if verb.startswith("disclosure_") else f"{subject}_{verb}"


TEXTS: Mapping[str, Shape] = {
    "about": _id,
    "actor_id": _either(_id, _service, _one_of("anyone")),
    "base": _one_of(*get_args(Base), *get_args(intake.NoticeBase)),
    "because": _one_of("case_closed", "decided_by_the_survivor", "declined", "nothing_now"),
    "causation": _cause,
    "cause": _cause,
    "channel": _one_of(*get_args(notifications.Channel)),
    "command_id": _id,
    "confirmation": _one_of("own_yes", "by_survivor", "by_second_person"),
    "confirmed_by": _one_of(*get_args(ConfirmedBy)),
    "correlation_id": _id,
    "decided_by": _one_of(*get_args(DecidedBy)),
    "delivery_method": _one_of(*get_args(consent.DeliveryMethod)),
    "end": _local_time,
    "explanation_version": _version,
    "how": _one_of(*get_args(How)),
    "involvement": _one_of(*INVOLVEMENTS),
    "item": _item,
    "items": _item,
    "kind": _one_of(*KINDS),
    "language": _language,
    "notice_version": _version,
    "option": _one_of(*OPTIONS),
    "options_version": _version,
    "originator_topic": _one_of(*TOPICS),
    "policy_version": _version,
    "programme_type": _one_of(*PROGRAMME_TYPES),
    # A release for prosecution would be I03's to find (R31); it is no word of anybody's.
    "purpose": _one_of(*get_args(consent.Purpose), "prosecution"),
    "reason": _one_of(*REASONS),
    "record_classes": _record_class,
    "recorded_by_role": _one_of(*ROLES),
    "role": _one_of(*ROLES),
    "service": _service,
    "source": _service,
    "start": _local_time,
    "state": _one_of(*CASE_STATES),
    "time_zone": _is_zone,
    "topic": _one_of(*get_args(notifications.Topic)),
    "what": _one_of(*map(_heard, messages())),
    "wording_version": _version,
}
"""Field → what its text can be. A field that is not here holds ids, times and numbers, or a seal.

An event's new field of text belongs here, with the values that its contract allows.
"""

OTHERS = frozenset(
    (
        "address",
        "address_mark",
        "advocate_id",
        "agency_id",
        "agency_reference",
        "assigned_by",
        "at",
        "case_id",
        "channel_id",
        "class_version",
        "decided_at",
        "decision",
        "decision_id",
        "digest",
        "disclosure_id",
        "erasure_id",
        "expires_at",
        "holder",
        "hours",
        "interpreter",
        "item_id",
        "key_id",
        "key_ids",
        "made_at",
        "meta",
        "name_to_use",
        "need_id",
        "need_ids",
        "offer_id",
        "on_behalf_of",
        "participation_id",
        "preference_id",
        "preference_version",
        "recipient_agency_id",
        "recorded_at",
        "recorded_by",
        "recorded_by_id",
        "refused_at",
        "replaced_by",
        "requested_at",
        "say_agency",
        "send_from",
        "shared_with",
        "stale_after",
        "stale_after_days",
        "starts_at",
        "superseded_by",
        "supersedes",
        "take_before",
        "taken_at",
        "timestamp",
        "topics_version",
        "tries",
        "unprompted",
        "until",
        "verified_on",
        "voicemail_ok",
        "waits",
        "weekdays",
        "words",
        "yes_recorded_by",
    )
)
"""The fields that hold no text: ids, times, numbers, other fields, seals."""


def is_code(name: str, text: str) -> bool:
    """Whether a field of that name can hold that text."""
    shape = TEXTS.get(name)
    return shape is not None and shape(text)


def is_name(text: object) -> bool:
    """Whether events have a field of that name."""
    return isinstance(text, str) and (text in TEXTS or text in OTHERS)


def words_in(value: Any, name: str = "", path: str = "") -> Iterator[str]:
    """The paths of everything in a value that may be words; no word stands in them."""
    match value:
        case Mapping():
            for key, inside in value.items():
                if is_name(key):
                    yield from words_in(inside, key, f"{path}.{key}")
                else:
                    yield f"{path}.{NOT_SHOWN}"
        case list() | tuple():
            for inside in value:
                yield from words_in(inside, name, path)
        case str():
            if value and not is_code(name, value):
                yield path
        case Closed():
            if not _record_class(value.record_class):
                yield path
        case Unknown():
            yield path


def shown(name: str, value: Any, pseudonym: Callable[[UUID], str]) -> Any:
    """A value as it may be printed: ids by their pseudonyms, and of texts nothing but codes."""
    match value:
        case Mapping():
            return {
                key if is_name(key) else NOT_SHOWN: shown(key, inside, pseudonym)
                for key, inside in value.items()
            }
        case list() | tuple():
            return [shown(name, inside, pseudonym) for inside in value]
        case bool() | int() | float() | None:
            return value
        case datetime() | date():
            return value.isoformat()
    return _printed(name, value, pseudonym)


def _printed(name: str, value: Any, pseudonym: Callable[[UUID], str]) -> str:
    if isinstance(value, UUID):
        return pseudonym(value)
    if isinstance(value, Closed) and _record_class(value.record_class):
        return f"sealed ({value.record_class})"
    if not isinstance(value, str) or (value and not is_code(name, value)):
        return NOT_SHOWN
    # Ids stand in places and causes too.
    return "/".join(pseudonym(UUID(part)) if _id(part) else part for part in value.split("/"))


STANDINGS = frozenset(
    (
        *(state for states in STATES.values() for state in states.values()),
        *map(snake, EVENTS),
        *CASE_STATES,
        *INVOLVEMENTS,
        PERIOD_OVER,
        "unknown",
        "unreadable",
    )
)
"""How a stream can stand."""
