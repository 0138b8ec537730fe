"""A person's words are closed where they will stand, and open nowhere else."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import os
import pickle
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
import rfc8785
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sealing.keys import DataKey
from shared.sealing.padding import BUCKETS
from shared.sealing.sealed import Binding, NotClosed, SealBroken, Sealed, close, open_
from shared.sealing.sealed import open_with_salt as open_with_salt_

PARTICIPATION = UUID("11111111-1111-4111-8111-111111111111")
KEY = DataKey(UUID("22222222-2222-4222-8222-222222222222"), PARTICIPATION, "needs", b"k" * 32)
PLACE = Binding(
    "intake", UUID("33333333-3333-4333-8333-333333333333"), 4, "services.intake:Stated", "words"
)
OVERHEAD = 12 + 16
"""The nonce and the tag around the padded payload."""


def closed(words: str = "I want to sleep again", place: Binding = PLACE) -> Sealed:
    return close(Sealed.pending(PARTICIPATION, "needs", words), place, KEY, os.urandom)


@given(st.text(max_size=2_000))
@settings(max_examples=100, deadline=None)
def test_what_was_closed_opens_to_the_same_words(words: str) -> None:
    assert open_(closed(words), KEY) == words


@given(st.text(min_size=1, max_size=300))
@settings(max_examples=100, deadline=None)
def test_a_token_brings_the_value_back_with_its_place(words: str) -> None:
    value = closed(words)
    assert Sealed.from_token(value.token()) == value
    assert open_(Sealed.from_token(value.token()), KEY) == words


@pytest.mark.parametrize(
    "elsewhere",
    [
        PLACE._replace(service="consent"),
        PLACE._replace(stream_id=uuid4()),
        PLACE._replace(version=5),
        PLACE._replace(topic="services.intake:Other"),
        PLACE._replace(field="title"),
    ],
    ids=["service", "stream", "version", "topic", "field"],
)
def test_a_value_moved_to_another_place_cannot_be_opened(elsewhere: Binding) -> None:
    with pytest.raises(SealBroken):
        open_(closed().at(elsewhere), KEY)


def test_two_values_that_changed_places_are_both_found() -> None:
    other = PLACE._replace(stream_id=uuid4())
    one, two = closed("mine"), closed("theirs", other)
    for value, place in ((one, other), (two, PLACE)):
        with pytest.raises(SealBroken):
            open_(value.at(place), KEY)


@pytest.mark.parametrize("position", [0, 11, 12, 40, 100, -1])
def test_one_flipped_bit_is_found(position: int) -> None:
    value = closed()
    box = bytearray(value.box)
    box[position] ^= 1
    with pytest.raises(SealBroken):
        open_(replace(value, box=bytes(box)), KEY)


@pytest.mark.parametrize("length", [0, 11, 12, 27, 28, 100])
def test_a_shortened_box_is_found(length: int) -> None:
    value = closed()
    with pytest.raises(SealBroken):
        open_(replace(value, box=value.box[:length]), KEY)


def test_a_commitment_of_other_words_is_found() -> None:
    with pytest.raises(SealBroken):
        open_(replace(closed("yes"), commitment=closed("no").commitment), KEY)


@pytest.mark.parametrize(
    "key",
    [
        replace(KEY, secret=b"x" * 32),
        replace(KEY, key_id=uuid4()),
        replace(KEY, participation_id=uuid4()),
        replace(KEY, record_class="letters"),
    ],
    ids=["secret", "id", "participation", "class"],
)
def test_no_other_key_opens_it(key: DataKey) -> None:
    with pytest.raises(SealBroken):
        open_(closed(), key)


@pytest.mark.parametrize(
    ("participation", "record_class"), [(uuid4(), "needs"), (PARTICIPATION, "letters")]
)
def test_words_are_never_closed_under_another_persons_or_classes_key(
    participation: UUID, record_class: str
) -> None:
    with pytest.raises(ValueError, match="another participation or record class"):
        close(Sealed.pending(participation, record_class, "words"), PLACE, KEY, os.urandom)


def test_a_closed_value_is_not_closed_again() -> None:
    with pytest.raises(ValueError, match="closed already"):
        close(closed(), PLACE, KEY, os.urandom)


@pytest.mark.parametrize(
    ("short", "longer"), [("", "no"), ("yes", "x" * 200), ("x" * 250, "x" * 900)]
)
def test_lengths_within_a_bucket_look_the_same(short: str, longer: str) -> None:
    assert len(closed(short).box) == len(closed(longer).box)


@given(st.text(max_size=30_000))
@settings(max_examples=30, deadline=None)
def test_every_size_is_a_buckets(words: str) -> None:
    payload = len(closed(words).box) - OVERHEAD
    assert payload in BUCKETS or payload % BUCKETS[-1] == 0


def test_the_bucket_changes_exactly_where_the_payload_no_longer_fits() -> None:
    room = BUCKETS[0] - 32 - 4 - len('""')
    assert len(closed("x" * room).box) == BUCKETS[0] + OVERHEAD
    assert len(closed("x" * (room + 1)).box) == BUCKETS[1] + OVERHEAD


def test_past_the_last_bucket_sizes_are_its_multiples() -> None:
    assert len(closed("x" * 70_000).box) == 2 * BUCKETS[-1] + OVERHEAD


def test_the_same_words_twice_share_neither_box_nor_commitment() -> None:
    one, two = closed("no"), closed("no")
    assert one.box != two.box
    assert one.commitment != two.commitment


def test_the_commitment_is_the_hmac_of_the_canonical_words_under_the_salt_inside() -> None:
    value = closed("é \n words")
    words, salt = open_with_salt_(value, KEY)
    assert len(salt) == 32
    assert value.commitment == hmac.new(salt, rfc8785.dumps(words), hashlib.sha256).digest()
    assert salt not in value.box


def test_the_same_randomness_gives_the_same_bytes_so_that_histories_replay() -> None:
    pending = Sealed.pending(PARTICIPATION, "needs", "words")
    one = close(pending, PLACE, KEY, lambda n: b"\x07" * n)
    assert one == close(pending, PLACE, KEY, lambda n: b"\x07" * n)


def test_neither_value_nor_key_shows_its_secret_in_repr() -> None:
    pending = Sealed.pending(PARTICIPATION, "needs", "PLANTED-WORDS")
    assert "PLANTED" not in repr(pending) + str(pending) + f"{[pending]}"
    assert "kkkk" not in repr(KEY)


def test_pending_words_are_neither_stored_nor_shown_in_a_read_table() -> None:
    pending = Sealed.pending(PARTICIPATION, "needs", "words")
    for leave in (pending.as_data, pending.token, lambda: pending.at(PLACE)):
        with pytest.raises(NotClosed):
            leave()
    with pytest.raises(NotClosed):
        open_(pending, KEY)


def test_a_value_whose_place_is_unknown_gives_no_token_and_does_not_open() -> None:
    stored = Sealed.from_data(closed().as_data())
    with pytest.raises(NotClosed):
        stored.token()
    with pytest.raises(NotClosed):
        open_(stored, KEY)
    assert open_(stored.at(PLACE), KEY) == "I want to sleep again"


def test_what_is_stored_says_nothing_of_the_words() -> None:
    stored = str(closed("PLANTED-WORDS").as_data()) + closed("PLANTED-WORDS").token()
    assert "PLANTED" not in stored


def test_a_value_is_copied_but_never_pickled() -> None:
    pending = Sealed.pending(PARTICIPATION, "needs", "words")
    assert copy.deepcopy({"a": pending})["a"] is pending
    for value in (pending, closed()):
        with pytest.raises(NotClosed):
            pickle.dumps(value)


@pytest.mark.parametrize(
    "token", ["", "{}", "[]", "null", "words", '{"p":"x"}', '{"at":["a","b",1,"c","d"]}']
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(SealBroken):
        Sealed.from_token(token)


@pytest.mark.parametrize("name", ["p", "c", "k", "b", "m", "at"])
def test_a_token_with_a_part_missing_is_refused(name: str) -> None:

    data = json.loads(closed().token())
    del data[name]
    with pytest.raises(SealBroken):
        Sealed.from_token(json.dumps(data))


def test_only_text_is_sealed() -> None:
    with pytest.raises(TypeError):
        Sealed.pending(PARTICIPATION, "needs", {"words": 1})  # type: ignore[arg-type]


def test_a_data_key_has_thirty_two_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        replace(KEY, secret=b"short")


@given(st.binary(max_size=100))
def test_what_a_key_is_expanded_to_is_the_hkdf_of_its_secret(info: bytes) -> None:
    derived = HKDF(SHA256(), 32, None, info).derive(KEY.secret)
    assert KEY.expanded(info) == derived == KEY.expanded(info)
    other = replace(KEY, secret=b"o" * 32)
    assert other.expanded(info) != derived
    assert derived.hex() not in repr(KEY)


def test_a_token_is_written_as_read_tables_hold_it() -> None:
    value = closed()
    assert list(json.loads(value.token())) == ["p", "c", "k", "b", "m", "at"]
    assert list(value.as_data()) == sorted(value.as_data())
