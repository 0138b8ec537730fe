"""Padding: every payload fills its bucket, and only our own padding comes off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sealing.padding import BUCKETS, bucket_for, pad, unpad


@given(st.binary(max_size=5_000))
def test_padding_comes_off_again(body: bytes) -> None:
    padded = pad(b"s" * 32, body)
    assert len(padded) == bucket_for(36 + len(body))
    assert unpad(padded, 32) == (b"s" * 32, body)


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_holds_up_to_its_size(bucket: int) -> None:
    assert bucket_for(bucket) == bucket
    assert bucket_for(bucket + 1) > bucket


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"s" * 35,
        b"s" * 32 + b"\x00\x00\x00\x05" + b"four",
        b"s" * 32 + b"\x00\x00\x00\x01" + b"b" + b"\x00\x01",
    ],
    ids=["empty", "no length", "too short", "not zeros"],
)
def test_other_padding_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError, match="padding"):
        unpad(broken, 32)
