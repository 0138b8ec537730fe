from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.sealed_bodies import RpcKeys, Unreadable

CANARY = "the words of a survivor"


def key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


def write(path: Path, current: str, **keys: str) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"current": current, "keys": keys}))
    draft.replace(path)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_body_shows_nothing_of_what_is_in_it(tmp_path: Path) -> None:
    write(tmp_path / "keys", "a", a=key(1))
    keys = RpcKeys(tmp_path / "keys")
    data = {"args": [{"request": {"words": CANARY}}], "kwargs": {}}
    body = keys.seal(data)
    assert keys.open(body) == data
    assert CANARY.encode() not in body
    assert keys.seal(data) != body, "the same twice looks different"


def test_a_changed_body_is_refused_wherever_it_was_changed(tmp_path: Path) -> None:
    write(tmp_path / "keys", "a", a=key(1))
    keys = RpcKeys(tmp_path / "keys")
    body = keys.seal({"n": 1})
    for at in range(len(body)):
        changed = bytearray(body)
        changed[at] ^= 1
        with pytest.raises(Unreadable):
            keys.open(bytes(changed))


def test_a_key_is_rotated_while_bodies_are_on_their_way(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", Clock()
    write(path, "a", a=key(1))
    sender, receiver = RpcKeys(path, clock), RpcKeys(path, clock)
    old = sender.seal(1)
    write(path, "b", a=key(1), b=key(2))
    clock.now += 60
    assert b"\x01b" in sender.seal(2)[:16]
    assert receiver.open(old) == 1
    assert receiver.open(sender.seal(2)) == 2
    write(path, "b", b=key(2))
    clock.now += 60
    with pytest.raises(Unreadable):
        receiver.open(old)


def test_a_body_under_a_key_not_yet_known_makes_the_file_be_looked_at(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", Clock()
    write(path, "a", a=key(1))
    receiver = RpcKeys(path, clock)
    write(path, "b", a=key(1), b=key(2))
    body = RpcKeys(path).seal("new")
    clock.now += 1
    assert receiver.open(body) == "new"


def test_half_a_rotation_leaves_the_keys_that_are_held(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", Clock()
    write(path, "a", a=key(1))
    keys = RpcKeys(path, clock)
    body = keys.seal(1)
    path.write_text("{")
    clock.now += 60
    assert keys.open(body) == 1


@pytest.mark.parametrize(
    "content",
    [{}, [], {"current": "a", "keys": {}}, {"current": "a", "keys": {"a": "c2hvcnQ="}}],
)
def test_a_key_file_that_is_not_as_described_starts_nothing(tmp_path: Path, content: Any) -> None:
    (tmp_path / "keys").write_text(json.dumps(content))
    with pytest.raises(ValueError):
        RpcKeys(tmp_path / "keys")


@given(st.binary(max_size=120))
def test_garbage_is_refused(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "garbage-keys"
    if not path.exists():
        write(path, "a", a=key(1))
    with pytest.raises(Unreadable):
        RpcKeys(path).open(b"sayso-rpc-1" + body)
