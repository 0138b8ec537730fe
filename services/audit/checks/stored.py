"""Hashes over ranges of the stored leaves, for proofs: from the leaves and from full tiles."""

from __future__ import annotations

from typing import Any

from services.audit.domain.deriving import FAN, HEIGHT
from services.audit.domain.merkle import Growing, leaf_hash


class StoredTree:
    """The tree of one snapshot of the ledger's database."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def subtree(self, start: int, end: int) -> bytes:
        """The hash over the leaves from ``start`` to before ``end``.

        ``LookupError`` where one of them, or the hash of a tile of them, is not stored.
        """
        growing = Growing()
        first, last = start // FAN, end // FAN
        if start % FAN == 0 and last > first:
            sql = (
                "SELECT hash FROM ONLY public.nodes WHERE level = 1 AND index >= %s AND index < %s"
            )
            nodes = self._column(f"{sql} ORDER BY index", first, last)
            for node in nodes:
                growing.append(node, HEIGHT)
            start = last * FAN
            self._whole(len(nodes), last - first, first * FAN)
        sql = "SELECT entry FROM ONLY public.leaves WHERE index >= %s AND index < %s ORDER BY index"
        entries = self._column(sql, start, end)
        for entry in entries:
            growing.append(leaf_hash(entry))
        self._whole(len(entries), end - start, start)
        return growing.root()

    def _column(self, sql: str, *params: int) -> list[bytes]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return [bytes(value) for (value,) in cursor.fetchall()]

    def _whole(self, found: int, expected: int, leaf: int) -> None:
        if found != expected:
            raise LookupError(f"the stored tree has a gap from leaf {leaf:,} on")
