"""The tree again from what is stored: its root, its nodes, and where the two disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.audit.domain.merkle import Growing, leaf_hash

FAN = 256
"""How many hashes of one level are below one of the next: the width of a tile."""

HEIGHT = 8

Node = tuple[int, int, bytes]
"""Level, index in its level, hash."""


class Broken(Exception):
    """What is stored does not give what was signed. Nothing may be signed over it.

    ``what`` is a word for it, ``leaf`` the first leaf that it may lie at; of a
    service's log also ``service`` and ``position``.
    """

    def __init__(
        self, what: str, leaf: int, service: str | None = None, position: int | None = None
    ) -> None:
        self.what, self.leaf = what, leaf
        self.service, self.position = service, position
        super().__init__(what, leaf, service, position)

    def __str__(self) -> str:
        where = f", {self.service} position {self.position}" if self.service else ""
        return f"{self.what} at leaf {self.leaf}{where}"


class Nodes:
    """The full nodes above a level, as hashes of that level are added."""

    def __init__(self, level: int = 0) -> None:
        self._level = level
        self._tiles: list[tuple[int, Growing]] = []

    def append(self, hash: bytes, above: int = 0) -> Iterator[Node]:
        """Add the next hash; yields the nodes that it makes full, the lowest first."""
        if above == len(self._tiles):
            self._tiles.append((0, Growing()))
        index, tile = self._tiles[above]
        tile.append(hash)
        if tile.size == FAN:
            self._tiles[above] = (index + 1, Growing())
            root = tile.root()
            yield (self._level + above + 1, index, root)
            yield from self.append(root, above + 1)


class Derived:
    """The tree of everything up to a size, derived in three steps that must come in this order.

    Memory grows with the tree's height, and with what is new.
    """

    def __init__(self, signed_size: int, signed_root: bytes) -> None:
        """What was signed last; size 0 where nothing was."""
        self._signed_size, self._signed_root = signed_size, signed_root
        self._tree = Growing()
        self._tile = Growing()
        self._above = Nodes(1)
        self.new: list[Node] = []
        """The nodes that became full since."""

    @property
    def stored_tiles(self) -> int:
        """How many full tiles of leaves the last checkpoint covered: their nodes are stored."""
        return self._signed_size // FAN

    def take_nodes(
        self, stored: Iterable[tuple[int, bytes]], higher: Mapping[tuple[int, int], bytes]
    ) -> None:
        """First the stored nodes of level 1, and those above them by (level, index)."""
        count = 0
        for count, (index, hash) in enumerate(stored, 1):
            if index != count - 1:
                raise Broken("node_missing", (count - 1) * FAN)
            self._tree.append(hash, HEIGHT)
            for level, above, derived in self._above.append(hash):
                if higher.get((level, above)) != derived:
                    raise Broken("node_changed", above * FAN**level)
        if count != self.stored_tiles:
            raise Broken("node_missing", count * FAN)

    def take_entries(self, entries: Iterable[tuple[int, bytes | None]], size: int) -> bytes:
        """Then the entries that follow, by index, None for an unsound one; the root of ``size``."""
        self._compare()
        for index, entry in entries:
            if index != self._tree.size:
                raise Broken("leaf_missing", self._tree.size)
            if entry is None:
                raise Broken("leaf_changed", index)
            hash = leaf_hash(entry)
            self._tree.append(hash)
            self._tile.append(hash)
            if self._tile.size == FAN:
                node = (1, index // FAN, self._tile.root())
                self.new += [node, *self._above.append(node[2])]
                self._tile = Growing()
            self._compare()
        if self._tree.size != size:
            raise Broken("leaf_missing", self._tree.size)
        return self._tree.root()

    def _compare(self) -> None:
        here = self._signed_size and self._tree.size == self._signed_size
        if here and self._tree.root() != self._signed_root:
            raise Broken("root_changed", 0)


def compare_tiles(
    first: int, entries: Iterable[tuple[int, bytes | None]], stored: Iterable[tuple[int, bytes]]
) -> None:
    """Whether the leaves from tile ``first`` on give the ``stored`` nodes; else :class:`Broken`."""
    waiting = iter(entries)
    expected = first
    for index, hash in stored:
        if index != expected:
            raise Broken("node_missing", expected * FAN)
        expected += 1
        tile = Growing()
        for leaf in range(index * FAN, (index + 1) * FAN):
            at, entry = next(waiting, (-1, None))
            if at != leaf:
                raise Broken("leaf_missing", leaf)
            if entry is None:
                raise Broken("leaf_changed", leaf)
            tile.append(leaf_hash(entry))
        if tile.root() != hash:
            raise Broken("leaf_or_node_changed", index * FAN)
    if next(waiting, None) is not None:
        raise Broken("node_missing", expected * FAN)
