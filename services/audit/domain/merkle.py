"""Merkle trees of RFC 6962 and RFC 9162 over SHA-256: roots, paths, and strict verifiers.

Hashes are 32 bytes. A verifier answers yes or no and never raises, whatever it
is given: also for what a textbook verifier accepts though no such tree exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
"""The root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]
"""``(start, end)`` → the Merkle Tree Hash of the leaves from ``start`` to before ``end``."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf that holds ``entry``."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees beside one another."""
    return sha256(b"\x01" + left + right).digest()


class Growing:
    """A tree that only grows at its right, in memory that grows with its height alone."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def append(self, hash: bytes, height: int = 0) -> None:
        """Add a full subtree of 2**height leaves; its start must be a multiple of its size."""
        if self.size & ((1 << height) - 1):
            raise ValueError(f"no subtree of height {height} begins at leaf {self.size}")
        self.size += 1 << height
        while self._peaks and self._peaks[-1][0] == height:
            hash = node_hash(self._peaks.pop()[1], hash)
            height += 1
        self._peaks.append((height, hash))

    def root(self) -> bytes:
        """The root of what there is."""
        if not self._peaks:
            return EMPTY
        found = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            found = node_hash(left, found)
        return found


def root_of(hashes: Iterable[bytes], height: int = 0) -> bytes:
    """The root over these hashes, each of a full subtree of ``height``."""
    tree = Growing()
    for each in hashes:
        tree.append(each, height)
    return tree.root()


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that leaf ``index`` is in the tree of ``size``: from its sibling up to the root's.

    ``IndexError`` where the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"a tree of {size} has no leaf {index}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of ``old`` leaves is the beginning of that of ``new``.

    ``IndexError`` unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise IndexError(f"nothing can be proven of {old} in {new}")
    path = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, whole = middle, False
    if not whole:
        path.append(subtree(start, end))
    return path[::-1]


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves that the leaf of this hash is at ``index`` of that tree."""
    if not (0 <= index < size and _hashes(leaf, root, *path)):
        return False
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(path) != inner + border:
        return False
    found = leaf
    for level, sibling in enumerate(path[:inner]):
        left = (index >> level) & 1
        found = node_hash(sibling, found) if left else node_hash(found, sibling)
    for sibling in path[inner:]:
        found = node_hash(sibling, found)
    return found == root


def is_consistent(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether ``path`` proves that the old tree, of at least one leaf, begins the new one."""
    if old == new:
        # Whatever the two are, they are one; only nothing at all is no root.
        return old > 0 and not path and old_root == new_root != b""
    if not (0 < old < new and _hashes(old_root, new_root, *path)):
        return False
    # The largest full subtree at the old tree's right edge: where both roots are built from.
    shift = (old & -old).bit_length() - 1
    if old == 1 << shift:
        seed, rest = old_root, list(path)
    elif path:
        seed, rest = path[0], list(path[1:])
    else:
        return False
    inner = ((old - 1) ^ (new - 1)).bit_length() - shift
    border = ((old - 1) >> (inner + shift)).bit_count()
    if len(rest) != inner + border:
        return False
    was = now = seed
    for level, sibling in enumerate(rest[:inner]):
        if ((old - 1) >> (shift + level)) & 1:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
        else:
            now = node_hash(now, sibling)
    for sibling in rest[inner:]:
        was, now = node_hash(sibling, was), node_hash(sibling, now)
    return was == old_root and now == new_root


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


def _hashes(*values: bytes) -> bool:
    return all(len(value) == 32 for value in values)
