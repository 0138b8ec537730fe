"""The whole tree again from its leaves, against every hash and every checkpoint that is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from services.audit.adapters.ledger import LEAVES, PAGE, Leaf
from services.audit.checks.findings import Findings, Kind
from services.audit.domain.deriving import FAN, Nodes
from services.audit.domain.merkle import Growing, leaf_hash
from services.audit.formats.checkpoint import Checkpoint, opened
from services.audit.formats.note import BadNote, Verifier
from shared.progress import Progress

_LEVELS = range(1, 8)
_CHECKPOINTS = "SELECT size, root, note FROM checkpoints ORDER BY size"
_NODES = "SELECT index, hash FROM nodes WHERE level = %s ORDER BY index"


@dataclass(frozen=True)
class Seen:
    """What the pass over the tree saw."""

    leaves: int
    signed: int
    newest: str
    """The note of the newest checkpoint whose signature and root hold; empty where none does."""


class TreeCheck:
    """One pass over the leaves; beside them the nodes and the checkpoints, in the same order."""

    def __init__(
        self,
        connection: Any,
        verifier: Verifier,
        known: Sequence[str],
        findings: Findings,
        progress: Progress,
    ) -> None:
        """``known``: notes of checkpoints that the auditor has from before, or from others."""
        self._connection = connection
        self._verifier = verifier
        self._findings = findings
        self._progress = progress
        self._known = sorted(self._opened(known), key=lambda checkpoint: checkpoint.size)
        self._tree = Growing()
        self._newest = ""
        self._streams = 0
        self._bad_root, self._bad_roots = 0, 0
        self._sound_until = 0

    def run(self) -> Seen:
        """Read everything once."""
        with ExitStack() as stack:
            checkpoints = self._stream(stack, _CHECKPOINTS)
            leaves = self._stream(stack, f"{LEAVES} ORDER BY index")
            total = self._one("SELECT coalesce(max(index) + 1, 0) FROM leaves")
            signed = self._one("SELECT coalesce(max(size), 0) FROM checkpoints")
            nodes = _NodeCheck(
                {level: self._stream(stack, _NODES, level) for level in _LEVELS},
                signed,
                self._findings,
            )
            known = iter(self._known)
            expected = next(checkpoints, None)
            remembered = next(known, None)
            for leaf in map(Leaf.of, leaves):
                if leaf.index < self._tree.size:
                    self._findings.add(Kind.LEAF, "stored more than once", leaf=leaf.index)
                    continue
                self._gap(leaf.index)
                if not leaf.is_sound:
                    self._findings.add(
                        Kind.LEAF,
                        "its entry is not the hash of what it holds",
                        leaf=leaf.index,
                        service=leaf.service,
                        position=leaf.position,
                    )
                hash = leaf_hash(leaf.entry)
                self._tree.append(hash)
                nodes.take(hash)
                while expected is not None and expected[0] <= self._tree.size:
                    self._checkpoint(*expected)
                    expected = next(checkpoints, None)
                while remembered is not None and remembered.size <= self._tree.size:
                    self._remembered(remembered)
                    remembered = next(known, None)
                if not leaf.index % PAGE:
                    self._progress.at("leaves", leaf.index, total)
            if expected is not None:
                self._cut_off(signed)
            if remembered is not None:
                self._cut_off(remembered.size)
            if self._tree.size >= signed:
                nodes.end()
            self._tell_roots()
        return Seen(self._tree.size, signed, self._newest)

    def _opened(self, notes: Sequence[str]) -> Iterator[Checkpoint]:
        for note in notes:
            try:
                yield opened(note, self._verifier)
            except BadNote as bad:
                self._findings.add(Kind.CHECKPOINT, f"a checkpoint from before: {bad}")

    def _gap(self, index: int) -> None:
        if index == self._tree.size:
            return
        self._findings.add(
            Kind.LEAF,
            f"missing, up to leaf {index - 1:,}" if index - self._tree.size > 1 else "missing",
            leaf=self._tree.size,
        )
        while self._tree.size < index:  # So that what follows stands where it did.
            self._tree.append(bytes(32))

    def _checkpoint(self, size: int, root: bytes, note: str) -> None:
        try:
            said = opened(note, self._verifier)
        except BadNote as bad:
            self._findings.add(Kind.CHECKPOINT, f"of size {size:,}: {bad}", leaf=size - 1)
            return
        if (said.size, said.root) != (size, bytes(root)):
            self._findings.add(
                Kind.CHECKPOINT, f"stored as of size {size:,}, and signed otherwise", leaf=size - 1
            )
        elif self._tree.size != size or self._tree.root() != said.root:
            self._bad_root = self._bad_root or size
            self._bad_roots += 1
        else:
            self._newest = note
            self._sound_until = self._sound_until if self._bad_root else size

    def _tell_roots(self) -> None:
        """Every checkpoint after a changed leaf has another root: the first one says where."""
        if not self._bad_root:
            return
        later = self._bad_roots - 1
        also = f", nor those of {later:,} later checkpoints" if later else ""
        self._findings.add(
            Kind.ROOT,
            f"leaves {self._sound_until:,} to {self._bad_root - 1:,} do not give the root that"
            f" was signed for size {self._bad_root:,}{also}",
            leaf=self._sound_until,
        )

    def _remembered(self, checkpoint: Checkpoint) -> None:
        if self._tree.size != checkpoint.size or self._tree.root() != checkpoint.root:
            self._findings.add(
                Kind.ROLLED_BACK,
                f"the checkpoint from before, of size {checkpoint.size:,}, is of another log",
                leaf=checkpoint.size - 1,
            )

    def _cut_off(self, size: int) -> None:
        self._findings.add(
            Kind.ROLLED_BACK,
            f"the leaves end here, and {size:,} were signed",
            leaf=self._tree.size,
        )

    def _stream(self, stack: ExitStack, sql: str, *params: Any) -> Iterator[tuple[Any, ...]]:
        self._streams += 1
        cursor = stack.enter_context(self._connection.cursor(f"tree_{self._streams}"))
        cursor.itersize = PAGE
        cursor.execute(sql, params)
        return iter(cursor)

    def _one(self, sql: str) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return int(cursor.fetchone()[0])


class _NodeCheck:
    """The stored nodes of every level, in step with the leaves."""

    def __init__(
        self,
        stored: dict[int, Iterator[tuple[Any, ...]]],
        signed: int,
        findings: Findings,
    ) -> None:
        self._stored = stored
        self._next = {level: next(rows, None) for level, rows in stored.items()}
        self._signed = signed
        self._findings = findings
        self._nodes = Nodes()

    def take(self, hash: bytes) -> None:
        """The next leaf; the nodes that it makes full are compared, as far as they were signed."""
        for level, index, derived in self._nodes.append(hash):
            if (index + 1) * FAN**level <= self._signed:
                self._compare(level, index, derived)

    def _compare(self, level: int, index: int, derived: bytes) -> None:
        while (row := self._next[level]) is not None and row[0] < index:
            self._too_many(level, row[0])
        if row is None or row[0] != index:
            self._tell("is missing", level, index)
            return
        if bytes(row[1]) != derived:
            self._tell("is not that of its leaves", level, index)
        self._next[level] = next(self._stored[level], None)

    def end(self) -> None:
        """Whatever is stored beyond."""
        for level in self._stored:
            while (row := self._next[level]) is not None:
                self._too_many(level, row[0])

    def _too_many(self, level: int, index: int) -> None:
        self._tell("is of no leaves that were signed", level, index)
        self._next[level] = next(self._stored[level], None)

    def _tell(self, what: str, level: int, index: int) -> None:
        first, last = index * FAN**level, (index + 1) * FAN**level - 1
        self._findings.add(
            Kind.TILE,
            f"the hash {index:,} of level {level}, over leaves {first:,} to {last:,}, {what}",
            leaf=first,
        )
