"""The ledger at work: it takes what every log holds, pads on its clock, and signs what it reads.

Nothing is signed that was not read back from the database after it was stored
(docs/decisions/0021 says how much is read at each tick).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

import structlog

from services.audit.adapters.kept import Kept
from services.audit.adapters.ledger import Ledger, Signed
from services.audit.adapters.logs import Logs
from services.audit.contracts import announce
from services.audit.domain.deriving import FAN, Broken, Derived, compare_tiles
from services.audit.domain.merkle import leaf_hash
from services.audit.formats.checkpoint import ORIGIN, Checkpoint, opened
from services.audit.formats.note import BadNote, Signer, Verifier
from services.audit.formats.tiles import HEIGHT, NoTile, Tile, bundle
from services.audit.tables import TABLES, fold
from shared.contracts.audit import (
    SERVICE,
    GetCheckpoint,
    GetTile,
    LedgerCheckpoint,
    LedgerTile,
)
from shared.contracts.refusal import NotFound, Unavailable
from shared.contracts.registry import logged
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.messaging.metrics import LEDGER_BROKEN, LEDGER_RECORDS, LEDGER_SIGNED
from shared.messaging.turns import Turn
from shared.settings import KEPT, Variable, load

SWEPT = 65_536
"""Older leaves that are read again at each tick, beside all new ones; a multiple of a tile.

The first tick after a start reads all of them.
"""

KEY = "ledger"
"""The name of the key that signs checkpoints."""

_TABLES, _FILE = "tables", "file"
"""What an alarm is about, beside the services: no service has these names."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LedgerSettings:
    """What a deployment decides about its ledger."""

    origin: Annotated[
        str, Variable("SAYSO_LEDGER_ORIGIN", "the log's name: its address without a scheme")
    ] = ORIGIN
    tick: Annotated[timedelta, Variable("SAYSO_LEDGER_TICK", "seconds between two checkpoints")] = (
        timedelta(hours=1)
    )
    quantum: Annotated[
        int, Variable("SAYSO_LEDGER_QUANTUM", "leaves that each checkpoint grows by, or a multiple")
    ] = 64
    kept: Annotated[
        str, Variable(KEPT, "a folder outside the database, where the newest checkpoint is kept")
    ] = ""

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> LedgerSettings:
        """From environment variables; ``SettingsError`` says what is wrong."""
        return load(cls, variables)


class AuditApplication(EventSourcedApplication):
    """The ledger. It decides nothing about anybody, and stores no event of its own."""

    contract = SERVICE
    tables: ClassVar[tuple[str, ...]] = TABLES
    fold = staticmethod(fold)
    announce = staticmethod(announce)

    def __init__(self, edge: Edge) -> None:
        """``SettingsError`` where a setting cannot be used; ``KeyError`` without a key to sign.

        Without ``kept`` nothing outside the database remembers what was signed.
        """
        super().__init__(edge)
        self.settings = LedgerSettings.of(edge.settings)
        self._signer = Signer.from_seed(self.settings.origin, edge.secrets[KEY])
        self._whole = self._database("committer", whole=True)
        self._ledger = Ledger(self._whole, edge.token_bytes)
        self._logs = Logs(edge.caller, self._ledger)
        self._kept = Kept(self.settings.kept)
        self._compared: set[str] = set()
        self._alarms: dict[str, tuple[Any, ...]] = {}
        self._swept: int | None = None

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._whole.close()

    @property
    def verifier(self) -> Verifier:
        """What checkpoints are held against."""
        return self._signer.verifier

    # -- what anyone may ask --------------------------------------------------------------------

    def get_checkpoint(self, query: GetCheckpoint, ctx: Context) -> LedgerCheckpoint:
        """The newest checkpoint."""
        rows = self.read("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
        if not rows:
            raise NotFound
        return LedgerCheckpoint(note=rows[0]["note"])

    def get_tile(self, query: GetTile, ctx: Context) -> LedgerTile:
        """A tile that the newest checkpoint covers."""
        try:
            tile = Tile.parse(query.level, query.tile)
        except NoTile:
            raise NotFound from None
        size = self.read("SELECT coalesce(max(size), 0) AS size FROM checkpoints")[0]["size"]
        if not tile.is_within(size):
            raise NotFound
        return LedgerTile(data=base64.b64encode(self._read_tile(tile)).decode())

    def _read_tile(self, tile: Tile) -> bytes:
        within = (tile.first, tile.first + tile.width)
        if not tile.level:
            entries = [
                bytes(row["entry"])
                for row in self.read(
                    "SELECT entry FROM leaves WHERE index >= %s AND index < %s ORDER BY index",
                    within,
                )
            ]
            return bundle(entries) if tile.level is None else b"".join(map(leaf_hash, entries))
        rows = self.read(
            "SELECT hash FROM nodes WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
            (tile.level, *within),
        )
        return b"".join(bytes(row["hash"]) for row in rows)

    # -- what it does by itself -------------------------------------------------------------------

    def turns(self) -> tuple[Turn, ...]:
        """One for each log, so that one that is away holds up no other; and the clock."""
        every = min(1.0, self.settings.tick.total_seconds())
        logs = (
            Turn(f"ledger.from.{name}", lambda name=name: self.pull(name), every, hears=name)  # type: ignore[misc]
            for name in logged()
        )
        return (*logs, Turn("ledger.clock", lambda: self.tick(self.edge.clock()), every))

    def is_intact(self) -> bool:
        """Whether nothing was found, so far, that is not as it was recorded or signed."""
        return not self._alarms

    def pull(self, service: str) -> int:
        """Append what ``service`` has stored since; how many records. ``Unavailable`` if away.

        :class:`NotARecord` where it answers out of its order, :class:`Broken`
        where its log is not the one on record any more: then nothing is kept.
        """
        appended = 0
        while True:
            with self._alarming(service):
                after, records, more = self._logs.next(service)
            self._compared.add(service)
            if records and self._ledger.append(service, after, records):
                appended += len(records)
                LEDGER_RECORDS.labels(service).inc(len(records))
            if not more:
                return appended

    def tick(self, now: datetime) -> Signed | None:
        """Close, derive the root again and sign it, if this tick has not been signed yet.

        :class:`~services.audit.domain.deriving.Broken` where what is stored is
        not what was signed: then nothing is, until somebody has looked.
        """
        if self._is_signed(self._ledger.newest(), now):
            return None
        self._compare_logs()
        with self._alarming(_TABLES):
            if self._ledger.hidden():
                raise Broken("table_hides", 0)
            last = self._ledger.newest()
            if self._is_signed(last, now):
                return None
            self._trust(last)
            seconds = self.settings.tick.total_seconds()
            size = self._ledger.close(self.settings.quantum, seconds, now)
            before = last.size if last else 0
            derived = Derived(before, last.root if last else b"")
            root = self._derive(derived, size)
            self._sweep(derived.stored_tiles)
        note = Checkpoint(self.settings.origin, size, root).signed(self._signer)
        signed = Signed(size, root, note, now)
        if not self._ledger.sign_once(signed, before, derived.new):
            return None
        LEDGER_SIGNED.set(size)
        with self._alarming(_FILE):
            self._kept.write(note)
        return signed

    @contextmanager
    def _alarming(self, about: str) -> Iterator[None]:
        """Alarm on what is found here, and end the alarm where nothing is."""
        try:
            yield
        except Broken as broken:
            self._alarms[about] = broken.args
            LEDGER_BROKEN.set(1)
            _log.error(
                "the ledger is not as it was recorded or signed",
                code=broken.what,
                leaf=broken.leaf,
                producer=broken.service,
                position=broken.position,
            )
            raise
        self._alarms.pop(about, None)
        LEDGER_BROKEN.set(0 if self.is_intact() else 1)

    def _compare_logs(self) -> None:
        """Nothing is signed over a log that is not what is on record; each is asked since a start.

        One that is away is not waited for: what it says is compared when it is back.
        """
        for service in logged():
            if service not in self._compared:
                with suppress(Unavailable), self._alarming(service):
                    self._logs.compare(service)
                    self._compared.add(service)
        for service in logged():
            if found := self._alarms.get(service):
                raise Broken(*found)

    def _trust(self, last: Signed | None) -> None:
        """Whether the newest checkpoint is ours, the newest one, and contains the one kept."""
        before = last.size if last else 0
        if last and not self._is_ours(last):
            raise Broken("checkpoint_changed", before - 1)
        kept = self._kept.read()
        if kept is not None:
            self._contains(kept)
        signed = self._ledger.number_closed_at(before) if last else 0
        number, closed = self._ledger.closed()
        if signed is None or closed < before:
            raise Broken("leaf_missing", before - 1)
        if number != signed + (closed > before):
            raise Broken("checkpoint_missing", before)

    def _is_ours(self, signed: Signed) -> bool:
        try:
            said = opened(signed.note, self.verifier)
        except BadNote:
            return False
        return (said.size, said.root) == (signed.size, signed.root)

    def _contains(self, kept: str) -> None:
        try:
            said = opened(kept, self.verifier)
        except BadNote as bad:
            raise Broken("kept_checkpoint_unreadable", 0) from bad
        stored = self._ledger.checkpoint(said.size)
        if stored is None or stored.root != said.root:
            raise Broken("not_what_was_signed", said.size - 1)

    def _is_signed(self, last: Signed | None, now: datetime) -> bool:
        return last is not None and self._number(last.at) == self._number(now)

    def _number(self, moment: datetime) -> int:
        return int(moment.timestamp() // self.settings.tick.total_seconds())

    def _derive(self, derived: Derived, size: int) -> bytes:
        tiles = derived.stored_tiles
        derived.take_nodes(
            self._ledger.nodes(1, 0, tiles), self._ledger.higher_nodes(tiles << HEIGHT)
        )
        return derived.take_entries(self._entries(tiles * FAN, size), size)

    def _sweep(self, tiles: int) -> None:
        """The next older leaves against their nodes; all of them at first after a start.

        From the beginning again after the last.
        """
        if self._swept is None:
            first, end = 0, tiles
        else:
            first = self._swept if self._swept < tiles else 0
            end = min(tiles, first + SWEPT // FAN)
        entries = self._entries(first * FAN, end * FAN)
        compare_tiles(first, entries, self._ledger.nodes(1, first, end))
        self._swept = end

    def _entries(self, start: int, end: int) -> Iterator[tuple[int, bytes | None]]:
        for leaf in self._ledger.leaves(start, end):
            yield leaf.index, leaf.entry if leaf.is_sound else None
