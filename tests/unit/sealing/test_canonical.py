"""The canonical form is that of RFC 8785, held against an implementation of it."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sealing.canonical import canonical_json

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
ATOMS = TEXTS | st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)


@given(st.recursive(ATOMS, st.lists, max_leaves=8))
@settings(max_examples=200, deadline=None)
def test_texts_numbers_and_lists_are_as_the_standard_writes_them(value: object) -> None:
    assert canonical_json(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


def test_every_character_is_as_the_standard_writes_it() -> None:
    text = "".join(chr(c) for c in range(0x11000) if not 0xD800 <= c < 0xE000)
    assert canonical_json(text) == rfc8785.dumps(text)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        canonical_json("\ud800")
