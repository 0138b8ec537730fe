"""The canonical form in which texts are sealed, marked and compared: RFC 8785."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json


def canonical_json(value: Any) -> bytes:
    """Texts, whole numbers, truth values, nothing, and lists of them, by RFC 8785.

    Of these its plain JSON is the canonical one; an object has to come with its
    keys in order. ``ValueError`` for a text that UTF-8 cannot hold.
    """
    return to_json(value)
