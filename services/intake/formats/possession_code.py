"""A code of twelve plain words that opens one participation, and how it is looked up.

Twelve words of 2,048 are 132 bits: nobody guesses one, and a person can copy it from a
screen, say it on the phone or keep it in a book. The words are kept nowhere; what is
stored is a keyed hash.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path

WORDS = 12
_LIST = 2048
_FILE = Path(__file__).parent.parent / "data" / "words.txt"
_PURPOSE = b"sayso possession code 1\x00"


@cache
def word_list() -> tuple[str, ...]:
    """The words, in their order; never changed once a code was shown from them."""
    found = tuple(_FILE.read_text("utf-8").split())
    if len(set(found)) != _LIST:
        raise RuntimeError(f"the list must hold {_LIST} different words")
    return found


def new_code(token_bytes: Callable[[int], bytes]) -> str:
    """Twelve words, each drawn evenly: eleven random bits a word."""
    words = word_list()
    drawn = token_bytes(2 * WORDS)
    # 2,048 divides 65,536, so that the remainder favours no word.
    return " ".join(
        words[int.from_bytes(drawn[2 * i : 2 * i + 2], "big") % _LIST] for i in range(WORDS)
    )


def index(code: str, key: bytes) -> bytes:
    """Under what a code is looked up; any text has one, so that any answer looks alike.

    Case, spaces, hyphens and commas between the words do not matter.
    """
    text = unicodedata.normalize("NFKC", code).casefold()
    words = "".join(c if c.isalnum() else " " for c in text).split()
    return hmac.new(key, _PURPOSE + " ".join(words).encode(), hashlib.sha256).digest()
