"""The 196 inclusion and consistency vectors of transparency-dev's tree, each decided as it says.

From https://github.com/transparency-dev/merkle (Apache-2.0); which commit stands in the file.
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from services.audit.domain.merkle import is_consistent, is_included

VECTORS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("merkle_vectors.json").read_text("utf-8")
)


def hashed(text: str | None) -> bytes:
    return b64decode(text or "")


def test_there_are_as_many_as_are_published() -> None:
    assert [len(VECTORS[kind]) for kind in ("inclusion", "consistency")] == [98, 98]
    for kind in ("inclusion", "consistency"):
        assert {vector["wantErr"] for vector in VECTORS[kind].values()} == {True, False}


@pytest.mark.parametrize("name", VECTORS["inclusion"])
def test_an_inclusion_is_decided_as_published(name: str) -> None:
    given = VECTORS["inclusion"][name]
    path = [hashed(each) for each in given["proof"] or ()]

    included = is_included(
        hashed(given["leafHash"]),
        given["leafIdx"],
        given["treeSize"],
        path,
        hashed(given["root"]),
    )

    assert included is not given["wantErr"]


@pytest.mark.parametrize("name", VECTORS["consistency"])
def test_a_consistency_is_decided_as_published(name: str) -> None:
    given = VECTORS["consistency"][name]
    path = [hashed(each) for each in given["proof"] or ()]

    consistent = is_consistent(
        given["size1"], given["size2"], path, hashed(given["root1"]), hashed(given["root2"])
    )

    assert consistent is not given["wantErr"]
