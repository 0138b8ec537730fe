"""Asking a service for the records that follow, and again for the last one that the ledger has."""

from __future__ import annotations

from collections.abc import Sequence

from services.audit.adapters.ledger import Head, Ledger
from services.audit.domain.deriving import Broken
from services.audit.domain.leaf import object_of
from shared.contracts.refusal import Refused
from shared.eventstore.digests import NotTheLog
from shared.messaging.bus import ServiceCaller
from shared.messaging.pages import MOST_DIGESTS, ask_digests


class NotARecord(RuntimeError):
    """A service answered with something other than the records that were asked for."""


class Logs:
    """Every service's log, as far as the ledger asks for it."""

    def __init__(self, caller: ServiceCaller, ledger: Ledger) -> None:
        self._caller = caller
        self._ledger = ledger

    def next(self, service: str) -> tuple[int, Sequence[bytes], bool]:
        """The ledger's last position of ``service``, records that follow it, and if more may.

        ``Unavailable`` where it is away. :class:`Broken` where the log ends
        before that position, or holds something else there: then it is not the
        log any more that is on record; and where the service cannot vouch for
        it, since it is not shown all of it. :class:`NotARecord` for any other
        answer out of its order.
        """
        held = self._ledger.head(service)
        overlap = 1 if held else 0
        after = held.position - overlap if held else 0
        records = self._ask(service, after, held)
        for position, record in enumerate(records, after + 1):
            said = object_of(record)
            if (said.get("svc"), said.get("pos")) != (service, position):
                raise NotARecord(f"{service} answered with no record of its position {position}")
        if held is None:
            return 0, records, len(records) == MOST_DIGESTS
        if not records:
            raise Broken("log_cut_off", held.leaf, service, held.position)
        if not _same(records[0], held.record):
            raise Broken("log_changed", held.leaf, service, held.position)
        return held.position, records[1:], len(records) == MOST_DIGESTS

    def _ask(self, service: str, after: int, held: Head | None) -> Sequence[bytes]:
        try:
            return ask_digests(self._caller, service, after, MOST_DIGESTS)
        except Refused as refused:
            if refused.code != NotTheLog.code:
                raise
            last, leaf = (held.position, held.leaf) if held else (0, 0)
            raise Broken("log_hidden", leaf, service, last) from refused

    def compare(self, service: str) -> None:
        """Only whether the log still holds what is on record; raises as :meth:`next` does."""
        if self._ledger.head(service):
            self.next(service)


def _same(now: bytes, then: bytes) -> bool:
    """Whether two records are of the same row; the pseudonym goes with the service's secret."""
    return now == then or {**object_of(now), "sid": ""} == {**object_of(then), "sid": ""}
