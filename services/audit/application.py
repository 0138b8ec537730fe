"""The ledger at work: it takes what every log holds, pads on its clock, and signs what it reads.

Nothing is signed that was not read back from the database after it was stored
(docs/decisions/0021 says how much is read at each tick).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar

import structlog

from services.audit.adapters.ledger import Ledger, Signed
from services.audit.contracts import announce
from services.audit.domain.deriving import FAN, Broken, Derived, compare_tiles
from services.audit.domain.merkle import leaf_hash
from services.audit.formats.checkpoint import ORIGIN, Checkpoint
from services.audit.formats.note import Signer, Verifier
from services.audit.formats.tiles import HEIGHT, NoTile, Tile, bundle
from services.audit.tables import TABLES, fold
from shared.contracts.audit import (
    SERVICE,
    GetCheckpoint,
    GetTile,
    LedgerCheckpoint,
    LedgerTile,
)
from shared.contracts.refusal import NotFound
from shared.contracts.registry import logged
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context
from shared.messaging.metrics import LEDGER_BROKEN, LEDGER_RECORDS, LEDGER_SIGNED
from shared.messaging.pages import MOST_DIGESTS, ask_digests
from shared.messaging.turns import Turn
from shared.settings import Variable, load

SWEPT = 65_536
"""Older leaves that are read again at each tick, beside all new ones; a multiple of a tile."""

KEY = "ledger"
"""The name of the key that signs checkpoints."""

_log = structlog.get_logger(__name__)


class NotARecord(RuntimeError):
    """A service answered with something other than the records that were asked for."""


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
        """``SettingsError`` where a setting cannot be used; ``KeyError`` without a key to sign."""
        super().__init__(edge)
        self.settings = LedgerSettings.of(edge.settings)
        self._signer = Signer.from_seed(self.settings.origin, edge.secrets[KEY])
        self._ledger = Ledger(self.committer, edge.token_bytes)
        self._swept = 0

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

    def pull(self, service: str) -> int:
        """Append what ``service`` has stored since; how many records. ``Unavailable`` if away.

        :class:`NotARecord` where it answers out of its order: then nothing of the answer is kept.
        """
        appended = 0
        while True:
            after = self._ledger.cursor(service)
            records = ask_digests(self.edge.caller, service, after, MOST_DIGESTS)
            for position, record in enumerate(records, after + 1):
                _check(service, position, record)
            if records and self._ledger.append(service, after, records):
                appended += len(records)
                LEDGER_RECORDS.labels(service).inc(len(records))
            if len(records) < MOST_DIGESTS:
                return appended

    def tick(self, now: datetime) -> Signed | None:
        """Pad, derive the root again and sign it, if this tick has not been signed yet.

        :class:`~services.audit.domain.deriving.Broken` where what is stored is
        not what was signed: then nothing is, until somebody has looked.
        """
        last = self._ledger.newest()
        if last and self._number(last.at) == self._number(now):
            return None
        before = last.size if last else 0
        size = self._ledger.pad(self.settings.quantum)
        try:
            derived = Derived(before, last.root if last else b"")
            root = self._derive(derived, size)
            self._sweep(derived.stored_tiles)
        except Broken as broken:
            LEDGER_BROKEN.set(1)
            _log.error("the ledger is not as it was signed", code=broken.what, position=broken.leaf)
            raise
        LEDGER_BROKEN.set(0)
        note = Checkpoint(self.settings.origin, size, root).signed(self._signer)
        signed = Signed(size, root, note, now)
        if not self._ledger.sign_once(signed, before, derived.new):
            return None
        LEDGER_SIGNED.set(size)
        return signed

    def _number(self, moment: datetime) -> int:
        return int(moment.timestamp() // self.settings.tick.total_seconds())

    def _derive(self, derived: Derived, size: int) -> bytes:
        tiles = derived.stored_tiles
        derived.take_nodes(
            self._ledger.nodes(1, 0, tiles), self._ledger.higher_nodes(tiles << HEIGHT)
        )
        return derived.take_entries(self._entries(tiles * FAN, size), size)

    def _sweep(self, tiles: int) -> None:
        """The next older leaves against their nodes; from the beginning again after the last."""
        first = self._swept if self._swept < tiles else 0
        end = min(tiles, first + SWEPT // FAN)
        entries = self._entries(first * FAN, end * FAN)
        compare_tiles(first, entries, self._ledger.nodes(1, first, end))
        self._swept = end

    def _entries(self, start: int, end: int) -> Iterator[tuple[int, bytes | None]]:
        for leaf in self._ledger.leaves(start, end):
            yield leaf.index, leaf.entry if leaf.is_sound else None


def _check(service: str, position: int, record: bytes) -> None:
    try:
        said = json.loads(record)
        fits = (said["svc"], said["pos"]) == (service, position)
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise NotARecord(f"{service} answered with no record of its position {position}")
