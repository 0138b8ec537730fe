"""Settings: environment variables for what may be seen, files for secrets.

A part of the platform declares a frozen dataclass and has it read at start::

    @dataclass(frozen=True)
    class HealthSettings:
        port: Annotated[int, Variable("SAYSO_HEALTH_PORT", "where health is answered")] = 9100

Everything that is wrong is told at once, by the name of the variable or file,
and never with its content.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
S = TypeVar("S", str, bytes)

SECRETS_DIR = "SAYSO_SECRETS"
"""The variable that names the folder of secret files."""

DEFAULT_SECRETS_DIR = "/run/secrets"

KEPT = "SAYSO_KEPT"
"""The variable that names a folder for the little that a service keeps outside its database."""


class SettingsError(Exception):
    """Something is not set, or not as it must be; nothing was started.

    ``problems`` says for each variable or file what is expected.
    """

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("Cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True)
class Secret(Generic[S]):
    """What must not be shown: ``repr`` and ``str`` hide it, logs drop it."""

    _value: S = field(repr=False)

    def reveal(self) -> S:
        """The text or key itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


class Secrets:
    """The secret files of one process: a folder with one file a secret."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Secrets:
        """Those of the folder that ``SAYSO_SECRETS`` names, else of ``/run/secrets``."""
        return cls(Path(environ.get(SECRETS_DIR) or DEFAULT_SECRETS_DIR))

    def text(self, name: str) -> Secret[str]:
        """The file's text without the line's end; ``SettingsError`` if absent or empty."""
        path = self._folder / name
        try:
            found = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError([self._wrong(path, "a readable text file")]) from error
        if not found:
            raise SettingsError([self._wrong(path, "not empty")])
        return Secret(found)

    def key(self, name: str, length: int = 32) -> bytes:
        """The bytes that the file holds in base64; ``SettingsError`` if not of ``length``."""
        try:
            decoded = base64.b64decode(self.text(name).reveal(), validate=True)
        except binascii.Error:
            decoded = b""
        if len(decoded) != length:
            expected = f"{length} bytes in base64"
            raise SettingsError([self._wrong(self._folder / name, expected)])
        return decoded

    def keys(self, prefix: str, length: int = 32) -> dict[str, bytes]:
        """Name → key of every file whose name starts with ``prefix``, by name."""
        try:
            names = sorted(p.name for p in self._folder.iterdir() if p.name.startswith(prefix))
        except OSError as error:
            raise SettingsError([self._wrong(self._folder, "a readable folder")]) from error
        return {name: self.key(name, length) for name in names}

    @staticmethod
    def _wrong(path: Path, expected: str) -> str:
        return f"secret file {path}: must be {expected} (its folder is set by {SECRETS_DIR})"


@dataclass(frozen=True)
class Variable:
    """Marks a field that is read from an environment variable; a default makes it optional.

    The field's type decides how the text is read: ``str``, ``int``, ``float``,
    ``bool``, ``Path``, ``timedelta`` (in seconds), ``tuple[str, ...]`` (by commas).
    """

    name: str
    meaning: str


@dataclass(frozen=True)
class SecretFile:
    """Marks a field read from a secret file: ``Secret[str]``, or ``Secret[bytes]``."""

    name: str
    meaning: str
    length: int = 32


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """The settings that ``cls`` declares; ``SettingsError`` with all that is wrong."""
    secrets = Secrets.of(environ)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for name, kind, mark, default in _marked(cls):
        try:
            if isinstance(mark, SecretFile):
                values[name] = _secret(secrets, kind, mark)
            else:
                text = environ.get(mark.name, "")
                if text or default is MISSING:
                    values[name] = _read(text, kind, mark)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return cls(**values)


def described(cls: type) -> list[tuple[str, str, str]]:
    """(variable or secret file, meaning, default or ``required``), for documentation."""
    return [
        (
            f"file {mark.name}" if isinstance(mark, SecretFile) else mark.name,
            mark.meaning,
            "required" if default is MISSING else str(default),
        )
        for _, _, mark, default in _marked(cls)
    ]


def _marked(cls: Any) -> Iterator[tuple[str, Any, Variable | SecretFile, Any]]:
    hints = get_type_hints(cls, include_extras=True)
    for f in fields(cls):
        if get_origin(hints[f.name]) is Annotated:
            kind, *marks = get_args(hints[f.name])
            for mark in marks:
                if isinstance(mark, Variable | SecretFile):
                    yield f.name, kind, mark, f.default


def _secret(secrets: Secrets, kind: Any, mark: SecretFile) -> Secret[str] | Secret[bytes]:
    if kind == Secret[bytes]:
        return Secret(secrets.key(mark.name, mark.length))
    return secrets.text(mark.name)


def _read(text: str, kind: Any, mark: Variable) -> Any:
    if not text:
        raise SettingsError([f"{mark.name} is not set ({mark.meaning})"])
    read, expected = _READERS[kind]
    try:
        return read(text)
    except (ValueError, KeyError, OverflowError) as error:
        raise SettingsError([f"{mark.name} must be {expected} ({mark.meaning})"]) from error


_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (lambda text: _WORDS[text.lower()], "yes or no"),
    Path: (Path, "a path"),
    timedelta: (lambda text: timedelta(seconds=float(text)), "a number of seconds"),
    tuple[str, ...]: (
        lambda text: tuple(part.strip() for part in text.split(",") if part.strip()),
        "words with commas between them",
    ),
}
