"""Every row that a service has stored, against the record that the ledger has of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from services.audit.checks.findings import MOST_TOLD, Findings, Kind
from services.audit.domain.leaf import Closing, object_of
from shared.eventstore.digests import ROWS, Row, record_of
from shared.progress import Progress

_PAGE = 1_000
_NO_INDEX = "; ".join(
    f"SET LOCAL enable_{how} = off" for how in ("indexscan", "indexonlyscan", "bitmapscan")
)
_RECORDS = (
    "SELECT position, index, record FROM ONLY public.leaves WHERE service = %s AND position > %s"
    " ORDER BY position, index"
)
_CLOSING = (
    "SELECT record FROM ONLY public.leaves WHERE service IS NULL AND position IS NOT NULL"
    " ORDER BY position DESC LIMIT 1"
)
_UNORDERED = (
    "SELECT position, originator_version, due FROM (SELECT position, originator_version,"
    " row_number() OVER (PARTITION BY originator_id ORDER BY position) AS due"
    " FROM ONLY public.events) AS v WHERE originator_version <> due ORDER BY position LIMIT %s"
)


@dataclass(frozen=True)
class Recorded:
    """What the ledger holds of one position."""

    position: int
    leaf: int
    record: bytes

    def said(self) -> dict[str, Any]:
        """The record's fields; empty where it is none."""
        return object_of(self.record)


class RowCheck:
    """One service: its rows and its records, both by position, compared as they go by."""

    def __init__(
        self, service: str, ledger: Any, log: Any, findings: Findings, progress: Progress
    ) -> None:
        """``ledger`` and ``log``: snapshots, that of the ledger taken before that of the log."""
        self._service = service
        self._ledger = ledger
        self._log = log
        self._findings = findings
        self._progress = progress
        self._changed: dict[int, tuple[str, Recorded, Row]] = {}
        self._published = 0
        self.last = 0
        """The last position that the ledger holds."""

    def run(self) -> list[int]:
        """Compare all; the positions after the ledger's last, of which it knows nothing yet."""
        with ExitStack() as stack:
            self._without_indexes()
            records = self._records(stack)
            total = self._one("SELECT count(*) FROM ONLY public.events")
            rows = self._stream(stack, self._log, ROWS, (-(2**62),))
            record = next(records, None)
            waiting: list[int] = []
            before = 0
            for row in map(Row.of, rows):
                while record is not None and record.position < row.position:
                    self._missing(record)
                    record = next(records, None)
                if row.position == before or row.position < 1:
                    self._add(Kind.INSERTED, "a row that no log can hold there", row.position)
                elif record is not None and record.position == row.position:
                    self._compare(record, row)
                    record = next(records, None)
                elif row.position > self.last and record is None:
                    self._wait(waiting, before, row.position)
                else:
                    self._add(Kind.INSERTED, "a row that was never recorded", row.position)
                self._follows(row)
                before = row.position
                if not row.position % _PAGE:
                    self._progress.at(f"{self._service}: rows", row.position, total)
            while record is not None:
                self._missing(record)
                record = next(records, None)
        self._tell_changed()
        self._versions()
        return waiting

    # -- the two sides, one after another -------------------------------------------------------

    def _records(self, stack: ExitStack) -> Iterator[Recorded]:
        """The service's records, each position once; what is wrong with them is told."""
        for position, leaf, record in self._stream(
            stack, self._ledger, _RECORDS, (self._service, -(2**62))
        ):
            if position <= self.last:
                self._add(Kind.RECORDS, "recorded more than once", position, leaf)
                continue
            if position > self.last + 1:
                until = f", nor up to position {position - 1:,}" if position > self.last + 2 else ""
                self._add(Kind.RECORDS, f"not in the ledger{until}", self.last + 1)
            self.last = position
            yield Recorded(position, leaf, bytes(record))
        counted = self._counted()
        if self.last < counted:
            what = f"not in the ledger any more, nor up to position {counted:,}, which it counted"
            self._add(Kind.RECORDS, what, self.last + 1)

    def _counted(self) -> int:
        """How many records of the service the last checkpoint's closing counts."""
        with self._ledger.cursor() as cursor:
            cursor.execute(_CLOSING)
            found = cursor.fetchone()
        try:
            return int(Closing.of(bytes(found[0])).heads.get(self._service, 0)) if found else 0
        except (ValueError, TypeError):
            return 0  # The tree's check tells of it.

    def _wait(self, waiting: list[int], before: int, position: int) -> None:
        if position != max(before, self.last) + 1:
            self._add(Kind.INSERTED, "a row beyond the end of the log", position)
        elif len(waiting) < 2:
            waiting.append(position)
        else:
            waiting[-1] = position

    def _compare(self, record: Recorded, row: Row) -> None:
        said = record.said()
        if record_of(self._service, row, str(said.get("sid"))) == record.record:
            return
        if row.commitment() == said.get("ct"):
            what = "the ledger's record is not that of the row"
            self._add(Kind.RECORDS, what, record.position, record.leaf)
            return
        if len(self._changed) < MOST_TOLD:
            self._changed[record.position] = (row.commitment(), record, row)
        else:
            self._add(Kind.CHANGED, "its contents are other ones", record.position, record.leaf)

    def _missing(self, record: Recorded) -> None:
        self._add(Kind.MISSING, "recorded, and not stored any more", record.position, record.leaf)

    def _follows(self, row: Row) -> None:
        if row.previous is None:
            return
        if row.previous != self._published:
            self._add(
                Kind.ORDER,
                f"names {row.previous:,} as the published event before it: it is"
                f" {self._published:,}",
                row.position,
            )
        self._published = row.position

    # -- afterwards -----------------------------------------------------------------------------

    def _tell_changed(self) -> None:
        """What was changed: another row's contents, or its own with something altered."""
        known = self._recorded_as() if self._changed else {}
        for position, (commitment, record, row) in self._changed.items():
            other = known.get(commitment)
            if other is not None:
                what = f"holds what was recorded at position {other:,}"
                self._add(Kind.SWAPPED, what, position, record.leaf)
            else:
                self._add(Kind.CHANGED, _difference(record.said(), row), position, record.leaf)

    def _recorded_as(self) -> dict[str, int]:
        """Commitments of changed rows that the ledger knows, and of which position."""
        wanted = {commitment for commitment, _, _ in self._changed.values()}
        found = {}
        with ExitStack() as stack:
            for position, leaf, record in self._stream(
                stack, self._ledger, _RECORDS, (self._service, -(2**62))
            ):
                commitment = Recorded(position, leaf, bytes(record)).said().get("ct")
                if commitment in wanted:
                    found[commitment] = position
        return found

    def _versions(self) -> None:
        with self._log.cursor() as cursor:
            cursor.execute(_UNORDERED, (MOST_TOLD,))
            for position, version, due in cursor.fetchall():
                self._add(
                    Kind.ORDER, f"version {version:,} of its stream, where {due:,} is due", position
                )

    def _add(self, kind: Kind, what: str, position: int, leaf: int | None = None) -> None:
        self._findings.add(kind, what, service=self._service, position=position, leaf=leaf)

    def _without_indexes(self) -> None:
        """A row that was kept out of an index is stored all the same, and may be decided upon."""
        with self._log.cursor() as cursor:
            cursor.execute(_NO_INDEX)

    def _one(self, sql: str) -> int:
        with self._log.cursor() as cursor:
            cursor.execute(sql)
            return int(cursor.fetchone()[0])

    def _stream(
        self, stack: ExitStack, connection: Any, sql: str, params: tuple[Any, ...]
    ) -> Iterator[tuple[Any, ...]]:
        cursor = stack.enter_context(connection.cursor(f"rows_{id(stack)}"))
        cursor.itersize = _PAGE
        cursor.execute(sql, params)
        return iter(cursor)


def _difference(said: dict[str, Any], row: Row) -> str:
    if said.get("typ") != row.topic:
        return "its topic is another one"
    if said.get("ver") != row.version:
        return f"its version is {row.version:,}, and was recorded as {said.get('ver')}"
    return "its state, its stream or the published position before it is another one"
