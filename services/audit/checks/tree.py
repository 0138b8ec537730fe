"""The whole tree again from its leaves, against every hash and every checkpoint that is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.audit.adapters.ledger import LEAVES, PAGE, leaf_of
from services.audit.checks.contents import ContentsCheck
from services.audit.checks.findings import Findings, Kind
from services.audit.domain.deriving import FAN, Nodes
from services.audit.domain.leaf import Closing
from services.audit.domain.merkle import Growing, leaf_hash
from services.audit.formats.checkpoint import Checkpoint, opened
from services.audit.formats.note import BadNote, Verifier
from shared.progress import Progress

_LEVELS = range(1, 8)
_CHECKPOINTS = "SELECT size, root, note FROM ONLY public.checkpoints ORDER BY size"
_NODES = "SELECT index, hash FROM ONLY public.nodes WHERE level = %s ORDER BY index"


@dataclass(frozen=True)
class Against:
    """What a log is held against.

    ``verifier`` its key; ``services`` all that there are; ``now`` from when the age of what is
    not signed is measured; ``due`` how many leaves a ledger that runs has signed by now; ``known``
    checkpoints from before, or from others, signed with its key.
    """

    verifier: Verifier
    services: Collection[str]
    now: datetime
    due: int
    known: Sequence[Checkpoint] = ()


@dataclass(frozen=True)
class Seen:
    """What the pass over the tree saw."""

    leaves: int
    signed: int
    newest: str
    """The note of the newest checkpoint whose signature and root hold; empty where none does."""
    at: datetime | None
    """When that was closed."""


class TreeCheck:
    """One pass over the leaves; beside them the nodes and the checkpoints, in the same order."""

    def __init__(
        self,
        connection: Any,
        against: Against,
        findings: Findings,
        progress: Progress,
    ) -> None:
        """``connection``: a snapshot of the ledger's database."""
        self._connection = connection
        self._verifier = against.verifier
        self._now = against.now
        self._due = against.due
        self._findings = findings
        self._progress = progress
        self._known = sorted(against.known, key=lambda checkpoint: checkpoint.size)
        self._tree = Growing()
        self._contents = ContentsCheck(against.services, findings)
        self._newest = ""
        self._at: datetime | None = None
        self._streams = 0
        self._bad_root, self._bad_roots = 0, 0
        self._sound_until = 0

    def run(self) -> Seen:
        """Read everything once."""
        with ExitStack() as stack:
            checkpoints = self._stream(stack, _CHECKPOINTS)
            leaves = self._stream(stack, f"{LEAVES} ORDER BY index")
            total = self._one("SELECT coalesce(max(index) + 1, 0) FROM ONLY public.leaves")
            signed = self._one("SELECT coalesce(max(size), 0) FROM ONLY public.checkpoints")
            nodes = _NodeCheck(
                {level: self._stream(stack, _NODES, level) for level in _LEVELS},
                signed,
                self._findings,
            )
            known = iter(self._known)
            expected = next(checkpoints, None)
            remembered = next(known, None)
            for leaf in map(leaf_of, leaves):
                if leaf.index < self._tree.size:
                    self._findings.add(Kind.LEAF, "stored more than once", leaf=leaf.index)
                    continue
                self._gap(leaf.index)
                closing = self._contents.take(leaf)
                hash = leaf_hash(leaf.entry)
                self._tree.append(hash)
                nodes.take(hash)
                while expected is not None and expected[0] <= self._tree.size:
                    self._checkpoint(expected, closing)
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
            self._tell_unsigned(signed)
        return Seen(self._tree.size, signed, self._newest, self._at)

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

    def _checkpoint(self, row: tuple[Any, ...], closing: Closing | None) -> None:
        size, root, note = row
        if closing is not None and self._tree.size == size:
            self._contents.signed(closing)
        elif self._tree.size == size:
            what = f"of size {size:,}: the leaf before its end closes nothing"
            self._findings.add(Kind.CHECKPOINT, what, leaf=size - 1)
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
            self._newest, self._at = note, closing.at if closing else self._at
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

    def _tell_unsigned(self, signed: int) -> None:
        """What nobody's signature covers: nothing at all, or for longer than the clock's ticks."""
        self._contents.end()
        first, waiting = signed, self._tree.size - signed
        if waiting <= 0 or signed >= self._due:
            return
        last = self._contents.last_signed
        if last is None:
            what = f"nothing is signed: {waiting:,} leaves, and no checkpoint"
        elif last.is_overdue(self._now):
            what = (
                f"{waiting:,} leaves from here on are under no checkpoint; the last one closed at"
                f" {last.at:%Y-%m-%d %H:%M:%S} UTC, and the next was due after {last.tick:g} s:"
                " the ledger does not run, or these came by hand"
            )
        else:
            return
        self._findings.add(Kind.UNSIGNED, what, leaf=first)

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
