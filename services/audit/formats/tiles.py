"""Tiles of c2sp.org/tlog-tiles: where each hash of the tree is published."""

from __future__ import annotations

import re
from dataclasses import dataclass

WIDTH = 256
HEIGHT = 8
ENTRIES = "entries"
PATH = r"(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?"
"""A tile's index, and the width where it is a partial one, as they stand in an address."""

_LEVEL = re.compile(r"0|[1-9][0-9]?")
_PATH = re.compile(PATH)


class NoTile(ValueError):
    """These words name no tile that any tree could have."""


@dataclass(frozen=True)
class Tile:
    """``width`` hashes of ``level``, or entries where that is none, from ``index`` * 256 on."""

    level: int | None
    index: int
    width: int = WIDTH

    @classmethod
    def parse(cls, level: str, path: str) -> Tile:
        """``("0", "x001/x234/067.p/8")``; :class:`NoTile` for anything not written just so."""
        if (level != ENTRIES and not _LEVEL.fullmatch(level)) or not _PATH.fullmatch(path):
            raise NoTile("not the address of a tile")
        digits, _, width = path.partition(".p/")
        tile = cls(
            None if level == ENTRIES else int(level),
            int(digits.replace("x", "").replace("/", "")),
            int(width or WIDTH),
        )
        # One tile, one address: no leading zeros, no full tile written as a partial one.
        if (tile.level or 0) > 63 or (width and tile.width >= WIDTH) or tile.path != path:
            raise NoTile("not the address of a tile")
        return tile

    @property
    def path(self) -> str:
        """The index, and the width of a partial tile, as they stand in an address."""
        groups = []
        rest = self.index
        while True:
            rest, group = divmod(rest, 1_000)
            groups.append(f"{group:03}")
            if not rest:
                break
        index = "/".join([*(f"x{group}" for group in groups[:0:-1]), groups[0]])
        return index if self.width == WIDTH else f"{index}.p/{self.width}"

    @property
    def first(self) -> int:
        """The index in its level of the tile's first hash."""
        return self.index * WIDTH

    def is_within(self, size: int) -> bool:
        """Whether a tree of ``size`` has all of the tile's hashes."""
        return self.first + self.width <= size >> (HEIGHT * (self.level or 0))


def tiles_of(size: int) -> list[Tile]:
    """Every tile of hashes of a tree, partial ones at its right edge included."""
    found = []
    level = 0
    while hashes := size >> (HEIGHT * level):
        full, rest = divmod(hashes, WIDTH)
        found += [Tile(level, index) for index in range(full)]
        if rest:
            found.append(Tile(level, full, rest))
        level += 1
    return found


def bundle(entries: list[bytes]) -> bytes:
    """An entry bundle: each entry after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)
