"""One method per request: keys on loan, keys destroyed, holders that forgot."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, ClassVar
from uuid import UUID

import structlog

from services.keyring.adapters.vault import (
    Borrower,
    KeyRow,
    Vault,
    destroying,
    forgetting_loans,
    living,
)
from services.keyring.contracts import announce
from services.keyring.domain import Erasure, Lease
from services.keyring.formats.wrapping import WrappingKeys
from services.keyring.tables import TABLES, fold
from shared.contracts.base import Done
from shared.contracts.keyring import (
    LEASE_SECONDS,
    SERVICE,
    ConfirmForgotten,
    DataKeyById,
    DestroyKeys,
    OpenDataKey,
    OpenedKey,
)
from shared.contracts.refusal import NotAllowed, NotFound
from shared.contracts.registry import services
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.clock import new_id
from shared.eventstore.edge import Edge
from shared.eventstore.work import Context, Work
from shared.sealing.keys import KeyDestroyed, KeyNotYours

HOLDERS = "holders_of_destroyed_keys"
"""The due row that looks whether every loan has run out; its key is the erasure's id."""

LEASE = timedelta(seconds=LEASE_SECONDS)

_log = structlog.get_logger(__name__)


class KeyringApplication(EventSourcedApplication):
    """The keyring. It asks nobody, and nothing it stores in its log is secret."""

    contract = SERVICE
    tables: ClassVar[tuple[str, ...]] = TABLES
    fold = staticmethod(fold)
    announce = staticmethod(announce)

    def __init__(self, edge: Edge) -> None:
        """``NoWrappingKey`` where the edge has no secret ``kek``."""
        super().__init__(edge)
        self._wrapping = WrappingKeys(edge.secrets)
        self._vault = Vault(self.committer)
        self._restored = Lock()
        self._is_restored = False

    # -- keys on loan -------------------------------------------------------------------------

    def open_data_key(self, query: OpenDataKey, ctx: Context) -> OpenedKey:
        """The current key of a subject; made where there was none, or none any more."""
        borrower = self._borrower(query.record_class, query.holder, ctx)
        self._apply_erasures_again()
        fresh = self._fresh(query.participation_id, query.record_class)
        return self._opened(self._vault.lend_current(fresh, borrower))

    def data_key_by_id(self, query: DataKeyById, ctx: Context) -> OpenedKey:
        """The key that a closed value names."""
        known = self._vault.find(query.key_id)
        if known is None:
            # Whoever may open nothing learns nothing from asking.
            raise NotFound()
        borrower = self._borrower(known.record_class, query.holder, ctx)
        self._apply_erasures_again()
        return self._opened(self._vault.lend(query.key_id, borrower))

    def _borrower(self, record_class: str, holder: UUID, ctx: Context) -> Borrower:
        service = _asking_service(ctx)
        contract = services().get(service)
        if contract is None or record_class not in contract.record_classes:
            raise KeyNotYours()
        return Borrower(service, holder, ctx.now + LEASE)

    def _fresh(self, participation_id: UUID, record_class: str) -> KeyRow:
        wrapped = self._wrapping.wrap(self.edge.token_bytes(32))
        return KeyRow(new_id(), participation_id, record_class, wrapped, self._wrapping.current)

    def _opened(self, row: KeyRow | None) -> OpenedKey:
        if row is None or row.wrapped is None or row.kek_version is None:
            raise KeyDestroyed()
        secret = self._wrapping.unwrap(bytes(row.wrapped), row.kek_version)
        if row.kek_version < self._wrapping.current:
            self._vault.wrap_again(row, self._wrapping.wrap(secret), self._wrapping.current)
        return OpenedKey(
            key_id=row.key_id,
            participation_id=row.participation_id,
            record_class=row.record_class,
            secret=base64.b64encode(secret).decode(),
        )

    def _apply_erasures_again(self) -> None:
        """Before the first key is given out: a restore may have brought destroyed ones back."""
        with self._restored:
            if self._is_restored:
                return
            back = self._vault.erased_but_there()
            for named in back:
                self._vault.destroy_now(destroying(*named))
            if back:
                _log.warning(
                    "destroyed keys had come back and were destroyed again", count=len(back)
                )
            self._is_restored = True

    # -- erasure ------------------------------------------------------------------------------

    def destroy_keys(self, command: DestroyKeys, work: Work) -> Done:
        """Destroy keys for good; in effect with the answer."""
        erasure = self.erase(
            command.erasure_id, command.participation_id, command.record_classes, work
        )
        return Done(state=erasure.state)

    def erase(
        self,
        erasure_id: UUID,
        participation_id: UUID,
        record_classes: Iterable[str],
        work: Work,
    ) -> Erasure:
        """Destroy keys, and look once the last possible loan has run out."""
        classes = tuple(sorted(set(record_classes)))
        erasure = work.find(Erasure, erasure_id)
        if erasure is not None:
            erasure.same_as(participation_id, classes)
            _log.info("ignored a repeated erasure", erasure_id=erasure_id)
            return erasure
        # A class never used gets a key too: so there is one to name, and nobody's race to lose.
        self._apply_erasures_again()
        keys = tuple(self._vault.live(self._fresh(participation_id, c)) for c in classes)
        erasure = Erasure(
            erasure_id=erasure_id,
            participation_id=participation_id,
            record_classes=classes,
            key_ids=keys,
        )
        for record_class, key_id in zip(classes, keys, strict=True):
            # Another erasure may have ended this key meanwhile, and the person have spoken again
            # under a newer one: then that one is this erasure's to destroy.
            work.expect(*living(key_id))
            work.execute(*destroying(participation_id, record_class, key_id, work.ctx.now))
        work.schedule(HOLDERS, str(erasure_id), work.ctx.now)
        work.save(erasure)
        return erasure

    def confirm_forgotten(self, command: ConfirmForgotten, work: Work) -> Done:
        """A holder has dropped the keys of an erasure."""
        if _asking_service(work.ctx) != command.service:
            raise NotAllowed()
        erasure = work.get(Erasure, command.erasure_id)
        erasure.confirm(command.service, command.holder)
        self.complete_if_forgotten(erasure, work)
        return Done(state=erasure.state)

    def complete_if_forgotten(self, erasure: Erasure, work: Work) -> None:
        """Complete the erasure, or look again when the last loan has run out."""
        now = work.ctx.now
        leases = [
            Lease(b.service, b.holder, b.until)
            for b in self._vault.borrowers(erasure.participation_id, erasure.record_classes)
        ]
        erasure.complete(leases, now)
        work.save(erasure)
        if erasure.is_complete:
            work.unschedule(HOLDERS, str(erasure.id))
            # Where the clock was set back, older loans are kept a while longer.
            work.execute(*forgetting_loans(now - LEASE))
        else:
            work.schedule(HOLDERS, str(erasure.id), _last(erasure.waits_for(leases, now)))

    def resource(self, request: Any, ctx: Context) -> dict[str, Any]:
        """Nobody is assigned here: services ask, and record classes decide."""
        return {"participation_id": str(getattr(request, "participation_id", ""))}


def _asking_service(ctx: Context) -> str:
    if ctx.principal.kind != "service":
        raise NotAllowed()
    return str(ctx.principal.id)


def _last(leases: Iterable[Lease]) -> datetime:
    return max(lease.until for lease in leases)
