"""What anyone can ask of the ledger: its checkpoint, and the tiles of its tree.

Audit publishes no message and follows none: it asks every log for digest
records (``shared/messaging/pages.py``), which nobody else may.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from shared.contracts.base import Model, Query, ServiceContract

TILE_LEVEL = r"^(entries|0|[1-9][0-9]?)$"
TILE_PATH = r"^(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[1-9][0-9]{0,2})?$"


class LedgerCheckpoint(Model):
    """The newest checkpoint, as a signed note (c2sp.org/tlog-checkpoint)."""

    note: str


class GetCheckpoint(Query):
    """How large the log is, and its root, signed (c2sp.org/tlog-checkpoint).

    ``not_found`` before the first one.
    """

    returns: ClassVar[type[Model]] = LedgerCheckpoint


class LedgerTile(Model):
    """A tile's hashes, or a bundle of entries, in base64."""

    data: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]*={0,2}$")]


class GetTile(Query):
    """A tile of the log's tree, or a bundle of its entries (c2sp.org/tlog-tiles).

    An entry is 32 bytes that say nothing without what the ledger keeps to
    itself. ``not_found`` for what the newest checkpoint does not cover.
    """

    returns: ClassVar[type[Model]] = LedgerTile
    level: Annotated[str, Field(pattern=TILE_LEVEL)]
    tile: Annotated[str, Field(pattern=TILE_PATH)]


SERVICE = ServiceContract(
    name="audit",
    requests=(GetCheckpoint, GetTile),
    keeps_the_ledger=True,
)
