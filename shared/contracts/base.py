"""What every command, query, result and published message is made of.

Strict and closed: unknown fields, wrong types and control characters are
refused. Parse them from JSON bytes (``model_validate_json``), the form they
cross every boundary in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, LiteralString, TypeVar, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from shared.contracts.decision import How

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


_INVISIBLE = frozenset({"Cc", "Cf", "Mn", "Me", "Zl", "Zp", "Zs"})
_FILLERS = re.compile("[\u115f\u1160\u2065\u2800\u3164\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]")
"""What has no shape although Unicode counts it as a letter or a symbol, or keeps it for such."""


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or bool(_FILLERS.match(character))


def _no_control_characters(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    if all(map(_is_invisible, text)):
        raise ValueError("must not be blank")
    return text


FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Times outside leave the calendar, or the database's, once something is reckoned with them."""

D = TypeVar("D", bound=date)


def _within_history(day: D) -> D:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise PydanticCustomError("too_far_away", "is too far away")
    return day


def _in_utc(moment: datetime) -> datetime:
    # Not every offset in the world is one of the database's.
    return moment.astimezone(UTC)


_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_RFC_3339 = re.compile(
    _DATE + r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_ISO_DATE = re.compile(_DATE)


def _read(
    kind: type[date], form: re.Pattern[str], error: LiteralString, said: LiteralString
) -> BeforeValidator:
    """pydantic would also take the seconds, or milliseconds, since 1970 from a text of digits."""

    def read(given: Any) -> Any:
        if not isinstance(given, str):
            return given
        try:
            if form.fullmatch(given):
                return kind.fromisoformat(given.upper())
        except ValueError:
            pass
        raise PydanticCustomError(error, said)

    return BeforeValidator(read)


Moment = Annotated[
    AwareDatetime,
    AfterValidator(_within_history),
    AfterValidator(_in_utc),
    _read(datetime, _RFC_3339, "not_a_moment", "is not a date-time of RFC 3339 with its offset"),
]
"""A date-time of RFC 3339 with its offset, between 1900 and 2999, kept in UTC."""

Day = Annotated[
    date,
    AfterValidator(_within_history),
    _read(date, _ISO_DATE, "not_a_day", "is not a date as YYYY-MM-DD"),
]
"""A date as YYYY-MM-DD (RFC 3339, full-date), between 1900 and 2999."""


@dataclass(frozen=True)
class Personal:
    """Marks a field that holds a person's words, name or contact.

    Such a field is sealed before it is stored, is never logged, never
    published, and never part of a command's fingerprint.
    """

    record_class: str


@dataclass(frozen=True)
class ShownOnce:
    """Marks a result field that is answered once and never stored with the command's result."""


def words(record_class: str, longest: int = 20_000) -> Any:
    """The type of a field of a person's own words, sealed under ``record_class``."""
    return Annotated[
        str,
        StringConstraints(min_length=1, max_length=longest),
        AfterValidator(_no_control_characters),
        Personal(record_class),
    ]


Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A stable snake_case word: a kind, a topic, an option, a purpose."""

_SCRIPTS = (
    "Adlm|Arab|Armn|Beng|Bopo|Cakm|Cans|Cher|Cyrl|Deva|Ethi|Geor|Grek|Gujr|Guru|Hang|Hans|Hant"
    "|Hebr|Hmnp|Jpan|Khmr|Knda|Kore|Laoo|Latn|Mlym|Mong|Mymr|Nkoo|Olck|Orya|Rohg|Sgnw|Sinh|Sund"
    "|Syrc|Taml|Telu|Tfng|Thaa|Thai|Tibt|Yiii"
)
LANGUAGE = rf"^[a-z]{{2,3}}(-({_SCRIPTS}))?(-([A-Za-z]{{2}}|001|150|419))?$"
"""RFC 5646, as far as a wording can differ by it: a language, with a script that is written today
and a country or a part of the world. Variants and extensions hold words of any kind, so they
are refused: a language is stored readable (R47)."""

Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]
"""A BCP 47 language tag: ``en``, ``zh-Hant-TW``, ``es-419``."""

Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""The version of a wording, a notice or a policy."""


class Model(BaseModel):
    """Frozen, strict, closed."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


@cache
def snake(name: str) -> str:
    """``RevokeGrant`` → ``revoke_grant``."""
    return _CAMEL.sub("_", name).lower()


class Request(Model):
    """Something asked of a service: the RPC method is the class name in snake case.

    ``returns`` is the model of the answer. Permission is decided on the action
    of the same name.
    """

    returns: ClassVar[type[Model]]

    @classmethod
    def method(cls) -> str:
        """The RPC method's name."""
        return snake(cls.__name__)


class Query(Request):
    """Changes nothing."""


class Command(Request):
    """May change something; carries a ``command_id`` beside it; repeats are harmless.

    ``on_conflict`` says what happens when somebody else decided at the same
    moment: ``tell`` refuses with ``changed_meanwhile``; ``retry`` decides again
    inside the service. A withdrawal, a decline, a revocation always retries,
    so that nobody can make a survivor's no lose a race (architecture, 5).
    """

    on_conflict: ClassVar[Literal["tell", "retry"]] = "tell"


class Spoken(Command):
    """A command that records what a person decided: carries the decision's header.

    ``decided_at`` is for decisions made earlier and entered later; without it
    the time is that of recording.
    """

    how: How = "portal"
    language: Language = "en"
    interpreter: UUID | None = None
    decided_at: Moment | None = None


class Message(BaseModel):
    """A published promise: ids, types, times, states and counts, nothing else.

    ``type`` reads ``<service>.<aggregate>.<verb>.v<n>`` and is the routing key.
    Readers ignore fields they do not know; a released version never changes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    type: ClassVar[str]


class Done(Model):
    """The plain answer: recorded, and the state that follows."""

    state: str


@dataclass(frozen=True)
class ServiceContract:
    """Everything that databases, roles, broker users, queues and CI derive from.

    ``follows``: for each producer, the published message types this service reacts to.
    ``calls``: services it asks by RPC. ``record_classes``: the classes of sealed
    fields it may open. ``database``: false for a service that keeps nothing.
    ``keeps_the_ledger``: whether it may ask every log for digest records.
    """

    name: str
    requests: tuple[type[Request], ...] = ()
    publishes: tuple[type[Message], ...] = ()
    follows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    calls: tuple[str, ...] = ()
    record_classes: tuple[str, ...] = ()
    database: bool = True
    keeps_the_ledger: bool = False

    def request(self, method: str) -> type[Request] | None:
        """The request that an RPC method takes."""
        return next((r for r in self.requests if r.method() == method), None)


def _personal(annotation: Any, metadata: Iterable[Any]) -> Personal | None:
    for mark in metadata:
        if isinstance(mark, Personal):
            return mark
    for part in get_args(annotation):
        found = _personal(part, getattr(part, "__metadata__", ()))
        if found is not None:
            return found
    return None


@cache
def personal_fields(model: type[BaseModel]) -> Mapping[str, str]:
    """Field name → record class of the fields marked ``Personal``, optional ones included."""
    found: dict[str, str] = {}
    for name, info in model.model_fields.items():
        mark = _personal(info.annotation, info.metadata)
        if mark is not None:
            found[name] = mark.record_class
    return MappingProxyType(found)


@cache
def shown_once_fields(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a result that are never stored."""
    return frozenset(
        name
        for name, info in model.model_fields.items()
        if any(isinstance(mark, ShownOnce) for mark in info.metadata)
    )
