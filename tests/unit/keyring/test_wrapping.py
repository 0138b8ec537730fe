"""Keys are kept wrapped, and only the right key-encryption key unwraps them."""

from __future__ import annotations

import os

import pytest

from services.keyring.formats.wrapping import NoWrappingKey, WrapBroken, WrappingKeys

ONE, TWO = b"1" * 32, b"2" * 32


def test_what_was_wrapped_unwraps_to_the_same() -> None:
    keys, secret = WrappingKeys({"kek": ONE}), os.urandom(32)
    wrapped = keys.wrap(secret)
    assert secret not in wrapped
    assert keys.unwrap(wrapped, 1) == secret


def test_the_published_vector_of_the_rfc_is_met() -> None:
    # RFC 5649, section 6: 20 octets of key data under a 192-bit key.
    kek = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
    key = bytes.fromhex("c37b7e6492584340bed12207808941155068f738")
    wrapped = bytes.fromhex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")
    assert WrappingKeys({"kek": kek}).wrap(key) == wrapped


def test_the_highest_version_wraps_and_older_ones_still_unwrap() -> None:
    old = WrappingKeys({"kek": ONE}).wrap(b"s" * 32)
    both = WrappingKeys({"kek": ONE, "kek_2": TWO, "kek_10": b"x" * 32, "other": b"y" * 32})
    assert both.current == 10
    assert both.unwrap(old, 1) == b"s" * 32
    assert both.unwrap(both.wrap(b"s" * 32), 10) == b"s" * 32


def test_a_version_that_is_not_there_is_named() -> None:
    with pytest.raises(NoWrappingKey, match="version 3"):
        WrappingKeys({"kek": ONE}).unwrap(b"w" * 40, 3)


@pytest.mark.parametrize("name", ["kek_1", "kek_0", "kek_", "kek_x", "KEK", "my_kek"])
def test_it_does_not_start_without_a_key(name: str) -> None:
    with pytest.raises(NoWrappingKey):
        WrappingKeys({name: ONE})


@pytest.mark.parametrize("position", [0, 8, 20, 39])
def test_one_flipped_bit_is_found(position: int) -> None:
    keys = WrappingKeys({"kek": ONE})
    wrapped = bytearray(keys.wrap(b"s" * 32))
    wrapped[position] ^= 1
    with pytest.raises(WrapBroken):
        keys.unwrap(bytes(wrapped), 1)


def test_another_key_does_not_unwrap() -> None:
    wrapped = WrappingKeys({"kek": ONE}).wrap(b"s" * 32)
    with pytest.raises(WrapBroken):
        WrappingKeys({"kek": TWO}).unwrap(wrapped, 1)
