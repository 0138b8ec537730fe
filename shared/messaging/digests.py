"""Asking a service's log for the digest records of what it has stored.

Every service with a log answers it, to the keeper of the ledger and to nobody
else: a digest of a private event never travels on the events exchange.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from shared.contracts.base import Model, Query
from shared.contracts.refusal import NotAllowed
from shared.contracts.registry import keepers_of_the_ledger
from shared.messaging.bus import ServiceCaller
from shared.messaging.entry import entry

MOST = 250
"""A page holds the stored states of as many events in memory: letters are long."""


class Digests(Model):
    """Digest records as the exact bytes that are hashed, in order."""

    records: tuple[str, ...]


class DigestsAfter(Query):
    """The digest records of the stored events after ``position``, at most ``limit``."""

    returns: ClassVar[type[Model]] = Digests
    position: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1, le=MOST)]


class Digested:
    """What ``shared/run.py`` adds to every service class."""

    name: ClassVar[str]
    app: Any

    @entry(DigestsAfter)
    def digests_after(self, request: DigestsAfter, ctx: Any) -> Digests:
        """Answer the ledger; ``NotAllowed`` for anybody else."""
        if ctx.principal.kind != "service" or ctx.principal.id not in keepers_of_the_ledger():
            raise NotAllowed()
        found = self.app.digests_after(request.position, request.limit)
        return Digests(records=tuple(record.decode() for record in found))


def ask_digests(caller: ServiceCaller, service: str, after: int, limit: int) -> Sequence[bytes]:
    """The records of ``service``; may raise ``Unavailable``."""
    request = DigestsAfter(position=after, limit=min(limit, MOST))
    answer = caller.call(service, request.method(), request, None)
    if not isinstance(answer, Digests):
        raise TypeError(f"{service} answered with something other than digest records")
    return [record.encode() for record in answer.records]
