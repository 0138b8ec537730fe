"""A code of twelve words: drawn evenly, forgiving to type, stored as a keyed hash."""

from __future__ import annotations

import math
import re
import secrets

from services.intake.formats.possession_code import WORDS, index, new_code, word_list

KEY = b"k" * 32


def test_a_code_holds_at_least_128_bits() -> None:
    assert math.log2(len(word_list())) * WORDS >= 128
    assert len(new_code(secrets.token_bytes).split()) == WORDS


def test_the_list_is_of_short_plain_words_in_their_fixed_order() -> None:
    assert all(re.fullmatch(r"[a-z]{3,7}", word) for word in word_list())
    assert list(word_list()) == sorted(set(word_list()))


def test_every_word_can_come_up_and_none_more_often() -> None:
    drawn = [new_code(lambda n, i=i: i.to_bytes(2, "big") * (n // 2)) for i in range(65536)]

    counts: dict[str, int] = {}
    for code in drawn:
        word = code.split()[0]
        counts[word] = counts.get(word, 0) + 1
    assert set(counts) == set(word_list())
    assert set(counts.values()) == {32}


def test_case_and_what_stands_between_the_words_do_not_matter() -> None:
    code = new_code(secrets.token_bytes)
    typed = "  " + code.upper().replace(" ", " - ") + ",\n"

    assert index(typed, KEY) == index(code, KEY)


def test_another_order_another_word_and_another_key_open_nothing() -> None:
    words = [word_list()[7 * i] for i in range(WORDS)]
    code = " ".join(words)

    others = {
        index(" ".join(reversed(words)), KEY),
        index(" ".join(words[:-1]), KEY),
        index("".join(words), KEY),
        index(code, b"x" * 32),
    }
    assert len(others) == 4
    assert index(code, KEY) not in others


def test_anything_typed_has_an_index_of_one_size() -> None:
    for typed in ("", "-", "ñandú", "x" * 200, "\u202e", "' OR 1=1 --"):
        assert len(index(typed, KEY)) == 32
