"""Asking a service's log for a page of it: what it published, or digests of what it stores.

Every service with a log answers both, each to those whom it is for and to nobody
else: published messages to who follows it, digest records, which tell of private
events, to the keeper of the ledger. They never travel on the events exchange.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from shared.contracts.base import Model, Query
from shared.contracts.refusal import NotAllowed
from shared.contracts.registry import followers_of, keepers_of_the_ledger
from shared.messaging.announcement import Announcement
from shared.messaging.bus import ServiceCaller
from shared.messaging.entry import entry

MOST_MESSAGES = 500
MOST_DIGESTS = 250
"""A page holds the stored states of as many events in memory: letters are long."""

Page = TypeVar("Page", bound=Model)


class Announcements(Model):
    """CloudEvents, as text, in order."""

    events: tuple[str, ...]


class Digests(Model):
    """Digest records as the exact bytes that are hashed, in order."""

    records: tuple[str, ...]


class MessagesAfter(Query):
    """The published messages after ``position``, at most ``limit``."""

    returns: ClassVar[type[Model]] = Announcements
    position: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1, le=MOST_MESSAGES)]


class DigestsAfter(Query):
    """The digest records of the stored events after ``position``, at most ``limit``."""

    returns: ClassVar[type[Model]] = Digests
    position: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1, le=MOST_DIGESTS)]


class Paged:
    """What ``shared/run.py`` adds to every service class; ``NotAllowed`` for anybody else."""

    name: ClassVar[str]
    app: Any

    @entry(MessagesAfter)
    def messages_after(self, request: MessagesAfter, ctx: Any) -> Announcements:
        """Answer a follower."""
        _only(followers_of(self.name), ctx)
        found = self.app.messages_after(request.position, request.limit)
        return Announcements(
            events=tuple(Announcement.of(self.name, p).to_json().decode() for p in found)
        )

    @entry(DigestsAfter)
    def digests_after(self, request: DigestsAfter, ctx: Any) -> Digests:
        """Answer the ledger."""
        _only(keepers_of_the_ledger(), ctx)
        found = self.app.digests_after(request.position, request.limit)
        return Digests(records=tuple(record.decode() for record in found))


def ask_messages(
    caller: ServiceCaller, producer: str, after: int, limit: int
) -> Sequence[Announcement]:
    """What ``producer`` published; may raise ``Unavailable``."""
    request = MessagesAfter(position=after, limit=min(limit, MOST_MESSAGES))
    page = _asked(caller, producer, request, Announcements)
    return [Announcement.from_json(event) for event in page.events]


def ask_digests(caller: ServiceCaller, service: str, after: int, limit: int) -> Sequence[bytes]:
    """The records of ``service``; may raise ``Unavailable``."""
    request = DigestsAfter(position=after, limit=min(limit, MOST_DIGESTS))
    page = _asked(caller, service, request, Digests)
    return [record.encode() for record in page.records]


def _only(these: Collection[str], ctx: Any) -> None:
    if ctx.principal.kind != "service" or ctx.principal.id not in these:
        raise NotAllowed()


def _asked(caller: ServiceCaller, service: str, request: Query, page: type[Page]) -> Page:
    answer = caller.call(service, request.method(), request, None)
    if not isinstance(answer, page):
        raise TypeError(f"{service} answered with something other than {page.__name__}")
    return answer
