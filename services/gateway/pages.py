"""Crisis help and rights: from files, in the reader's language, without any service (R73, R74)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints, ValidationError

from shared.contracts.base import Language, Model

DATA = Path(__file__).parent / "data"
DEFAULT = "en"
_Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class BadPages(RuntimeError):
    """A file of crisis help or rights cannot be used; nothing may start."""


class Line(Model):
    """One place to turn to. ``police`` says in words whether the police may come of it (R63)."""

    key: _Text
    name: _Text
    for_whom: _Text
    call: _Text | None = None
    text: _Text | None = None
    web: _Text | None = None
    hours: _Text
    languages: tuple[Language, ...]
    police: _Text
    without_police: bool
    source: _Text


class CrisisHelp(Model):
    """Where help is, right now. Reading it stores nothing."""

    language: Language
    version: _Text
    emergency: _Text
    caution: _Text
    stored: _Text
    lines: tuple[Line, ...]


class Right(Model):
    """One right, in plain words. ``limits`` says where it ends."""

    key: _Text
    title: _Text
    explanation: _Text
    limits: _Text | None = None


class Rights(Model):
    """What a survivor may count on here. Reading it stores nothing."""

    language: Language
    version: _Text
    rights: tuple[Right, ...]
    law: _Text


Topic = Literal["crisis_help", "rights"]
_MODELS: Mapping[str, type[Model]] = {"crisis_help": CrisisHelp, "rights": Rights}


class Pages:
    """All pages in all languages, read once at start."""

    def __init__(self, folder: Path = DATA) -> None:
        """``folder`` holds ``<topic>.<language>.json``; a deployment may bring its own."""
        self._pages: dict[tuple[str, str], Model] = {}
        for topic, model in _MODELS.items():
            for file in sorted(folder.glob(f"{topic}.*.json")):
                language = file.name.split(".")[1]
                try:
                    page = model.model_validate_json(file.read_bytes())
                except ValidationError as wrong:
                    raise BadPages(f"{file.name}: {wrong}") from wrong
                self._pages[topic, language] = page
                if isinstance(page, CrisisHelp):
                    _check(page, file.name)
            if (topic, DEFAULT) not in self._pages:
                raise BadPages(f"{folder} has no {topic}.{DEFAULT}.json")

    def read(self, topic: str, language: str) -> bytes:
        """The page in that language, or its main language, or English: never a refusal."""
        for wanted in (language, language.partition("-")[0]):
            if (topic, wanted) in self._pages:
                return json_of(self._pages[topic, wanted])
        return json_of(self._pages[topic, DEFAULT])

    def example(self, topic: str) -> Model:
        """The English page, for the API's documentation."""
        return self._pages[topic, DEFAULT]


def _check(page: CrisisHelp, name: str) -> None:
    if not any(line.without_police for line in page.lines):  # R63
        raise BadPages(f"{name} names no line that works without the police")


def json_of(model: Model) -> bytes:
    """The page as it is sent."""
    return json.dumps(model.model_dump(mode="json"), ensure_ascii=False).encode()
