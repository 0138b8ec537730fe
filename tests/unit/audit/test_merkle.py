"""Our tree is that of RFC 6962: another one agrees with it, and no false proof is taken."""

from __future__ import annotations

import random
from collections.abc import Callable
from hashlib import sha256

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain.merkle import (
    EMPTY,
    Growing,
    consistency_path,
    inclusion_path,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    root_of,
)
from tests.support.piece import piece

SIZES = (1, 2, 3, 255, 256, 257, 1_000, 100_000)
MUTATIONS = piece(10_000)


def entries(count: int) -> list[bytes]:
    return [sha256(b"%d" % i).digest() for i in range(count)]


class Tree:
    """All hashes of a tree in memory, for paths."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels = [leaves]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append(
                [node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
            )
        self.size = len(leaves)

    def subtree(self, start: int, end: int) -> bytes:
        """The hash over a range, out of the full subtrees in it."""
        growing = Growing()
        while start < end:
            height = 0
            while not start & ((1 << (height + 1)) - 1) and start + (1 << (height + 1)) <= end:
                height += 1
            growing.append(self.levels[height][start >> height], height)
            start += 1 << height
        return growing.root()

    def root(self, size: int) -> bytes:
        return self.subtree(0, size)


@pytest.fixture(scope="module", params=SIZES)
def both(request: pytest.FixtureRequest) -> tuple[Tree, pymerkle.InmemoryTree]:
    """The same leaves in our tree, and in pymerkle's."""
    size: int = request.param
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries(size):
        theirs.append_entry(entry)
    return Tree([leaf_hash(entry) for entry in entries(size)]), theirs


def test_pymerkle_has_the_same_root(both: tuple[Tree, pymerkle.InmemoryTree]) -> None:
    ours, theirs = both
    assert root_of(map(leaf_hash, entries(ours.size))) == theirs.get_root()
    assert ours.root(ours.size) == theirs.get_root()


def chosen(size: int) -> list[int]:
    near = {0, 1, 2, 254, 255, 256, 257, size // 2, size - 2, size - 1}
    return sorted(i for i in near if 0 <= i < size)


def test_pymerkle_takes_our_inclusion_proofs_and_we_take_its(
    both: tuple[Tree, pymerkle.InmemoryTree],
) -> None:
    ours, theirs = both
    root = theirs.get_root()
    for index in chosen(ours.size):
        leaf = leaf_hash(entries(ours.size)[index])
        path = inclusion_path(index, ours.size, ours.subtree)
        proof = theirs.prove_inclusion(index + 1)
        assert path_of(proof) == path
        pymerkle.verify_inclusion(leaf, root, proof)
        assert is_included(leaf, index, ours.size, path, root)
        assert not is_included(leaf, index + 1, ours.size, path, root)


def test_pymerkle_takes_our_consistency_proofs_and_we_take_its(
    both: tuple[Tree, pymerkle.InmemoryTree],
) -> None:
    ours, theirs = both
    now = theirs.get_root()
    for old in (i + 1 for i in chosen(ours.size)):
        was = ours.root(old)
        path = consistency_path(old, ours.size, ours.subtree)
        proof = theirs.prove_consistency(old, ours.size)
        pymerkle.verify_consistency(theirs.get_root(old), now, proof)
        assert was == theirs.get_root(old)
        assert is_consistent(old, ours.size, path, was, now)


def path_of(proof: pymerkle.InclusionProof) -> list[bytes]:
    """The siblings in pymerkle's proof, without the leaf that it begins with."""
    data = proof.serialize()
    return [bytes.fromhex(h) if isinstance(h, str) else h for h in data["path"]][1:]


def test_the_empty_tree_and_the_tree_of_one_are_those_of_the_rfc() -> None:
    assert Growing().root() == EMPTY == sha256(b"").digest()
    assert root_of([leaf_hash(b"")]).hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


@given(st.integers(1, 300), st.data())
def test_every_leaf_of_every_small_tree_is_proven(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    tree = Tree([leaf_hash(e) for e in entries(size)])
    path = inclusion_path(index, size, tree.subtree)
    assert is_included(tree.levels[0][index], index, size, path, tree.root(size))


@given(st.integers(1, 300), st.data())
def test_every_small_tree_begins_every_larger_one(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    tree = Tree([leaf_hash(e) for e in entries(new)])
    path = consistency_path(old, new, tree.subtree)
    assert is_consistent(old, new, path, tree.root(old), tree.root(new))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (5, 4)])
def test_there_is_no_path_to_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        inclusion_path(index, size, lambda start, end: bytes(32))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (2, 1), (-1, 1)])
def test_nothing_is_proven_of_an_empty_or_a_larger_tree(old: int, new: int) -> None:
    with pytest.raises(IndexError):
        consistency_path(old, new, lambda start, end: bytes(32))


# What a textbook verifier takes though no such tree exists: size 0, and hashes that are none.
H = sha256(b"leaf").digest()


@pytest.mark.parametrize(
    ("leaf", "index", "size", "path", "root"),
    [
        (H, 0, 0, [], H),
        (b"", 0, 1, [], b""),
        (b"", 0, 0, [], b""),
        (H[:31], 0, 1, [], H[:31]),
        (H, 0, 2, [b""], sha256(b"\x01" + H).digest()),
        (H, -1, 1, [], H),
        (H, 1, 1, [], H),
        (H, 0, 1, [H], H),
        (H, 0, 2, [], H),
    ],
)
def test_a_proof_about_no_tree_is_refused(
    leaf: bytes, index: int, size: int, path: list[bytes], root: bytes
) -> None:
    assert not is_included(leaf, index, size, path, root)


@pytest.mark.parametrize(
    ("old", "new", "path", "was", "now"),
    [
        (0, 0, [], EMPTY, EMPTY),
        (0, 1, [], EMPTY, H),
        (0, 1, [H], H, H),
        (1, 1, [], b"", b""),
        (1, 1, [H], H, H),
        (1, 1, [], H, EMPTY),
        (2, 1, [], H, H),
        (1, 2, [], H, H),
        (2, 3, [], H, H),
        (3, 4, [], H, H),
        (-1, 1, [], H, H),
    ],
)
def test_a_proof_that_no_tree_begins_another_is_refused(
    old: int, new: int, path: list[bytes], was: bytes, now: bytes
) -> None:
    assert not is_consistent(old, new, path, was, now)


Mutation = Callable[[random.Random, list[bytes]], list[bytes]]


def _flipped(choose: random.Random, hash: bytes) -> bytes:
    changed = bytearray(hash)
    changed[choose.randrange(32)] ^= 1 << choose.randrange(8)
    return bytes(changed)


def _mutated(choose: random.Random, hashes: list[bytes]) -> list[bytes]:
    """Another list of hashes: one flipped, dropped, doubled, swapped, cut or added."""
    found = list(hashes)
    at = choose.randrange(len(found)) if found else 0
    match choose.randrange(6) if found else 5:
        case 0:
            found[at] = _flipped(choose, found[at])
        case 1:
            del found[at]
        case 2:
            found.insert(at, found[at])
        case 3 if len(set(found)) > 1:
            other = choose.choice([i for i in range(len(found)) if found[i] != found[at]])
            found[at], found[other] = found[other], found[at]
        case 4:
            found[at] = found[at][: choose.randrange(32)]
        case _:
            found.insert(at, choose.randbytes(32))
    return found


def test_no_mutated_inclusion_proof_is_taken() -> None:
    choose = random.Random(f"inclusion/{MUTATIONS.seed}")
    tree = Tree([leaf_hash(e) for e in entries(1_000)])
    for _ in range(MUTATIONS.count):
        size = choose.randint(1, 1_000)
        index = choose.randrange(size)
        leaf, root = tree.levels[0][index], tree.root(size)
        path = inclusion_path(index, size, tree.subtree)
        assert is_included(leaf, index, size, path, root)
        match choose.randrange(4):
            case 0:
                leaf = _flipped(choose, leaf)
            case 1:
                root = _flipped(choose, root)
            case 2 if size > 1:
                index = choose.choice([i for i in (index - 1, index + 1) if 0 <= i < size])
            case _:
                path = _mutated(choose, path)
        assert not is_included(leaf, index, size, path, root)


def test_no_mutated_consistency_proof_is_taken() -> None:
    choose = random.Random(f"consistency/{MUTATIONS.seed}")
    tree = Tree([leaf_hash(e) for e in entries(1_000)])
    for _ in range(MUTATIONS.count):
        new = choose.randint(2, 1_000)
        old = choose.randint(1, new)
        was, now = tree.root(old), tree.root(new)
        path = consistency_path(old, new, tree.subtree)
        assert is_consistent(old, new, path, was, now)
        match choose.randrange(3):
            case 0:
                was = _flipped(choose, was)
            case 1:
                now = _flipped(choose, now)
            case _:
                path = _mutated(choose, path)
        assert not is_consistent(old, new, path, was, now), (old, new)
