"""Asking a producer's log for what was published after a position.

Every service answers it, to the services that follow it and to nobody else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from shared.contracts.base import Model, Query
from shared.contracts.refusal import NotAllowed
from shared.contracts.registry import followers_of
from shared.messaging.announcement import Announcement
from shared.messaging.bus import ServiceCaller
from shared.messaging.entry import entry

MOST = 500


class Announcements(Model):
    """CloudEvents, as text, in order."""

    events: tuple[str, ...]


class MessagesAfter(Query):
    """The published messages after ``position``, at most ``limit``."""

    returns: ClassVar[type[Model]] = Announcements
    position: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1, le=MOST)]


class Pulled:
    """What ``shared/run.py`` adds to every service class."""

    name: ClassVar[str]
    app: Any

    @entry(MessagesAfter)
    def messages_after(self, request: MessagesAfter, ctx: Any) -> Announcements:
        """Answer a follower; ``NotAllowed`` for anybody else."""
        if ctx.principal.kind != "service" or ctx.principal.id not in followers_of(self.name):
            raise NotAllowed()
        found = self.app.messages_after(request.position, request.limit)
        return Announcements(
            events=tuple(Announcement.of(self.name, p).to_json().decode() for p in found)
        )


def puller(caller: ServiceCaller, producer: str) -> Callable[[int, int], Sequence[Announcement]]:
    """How a follower asks ``producer``; may raise ``Unavailable``."""

    def pull(after: int, limit: int) -> Sequence[Announcement]:
        request = MessagesAfter(position=after, limit=min(limit, MOST))
        answer = caller.call(producer, request.method(), request, None)
        if not isinstance(answer, Announcements):
            raise TypeError(f"{producer} answered with something other than messages")
        return [Announcement.from_json(event) for event in answer.events]

    return pull


def as_data(model: Model) -> Any:
    """A model as the JSON data in which it crosses a boundary."""
    return json.loads(model.model_dump_json())
