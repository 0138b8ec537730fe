"""The base of every service's application: commands, queries, reactions and due rows.

A handler decides with a :class:`~shared.eventstore.work.Work`; this stores what
it decided in one transaction, tells repeats apart and runs lost races again.
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from shared.contracts.base import Command, Message, Model, Request, ServiceContract
from shared.contracts.refusal import ChangedMeanwhile, KeyUsedForAnother, NotAllowed, Refused
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.batch import (
    AlreadyDone,
    CommandRow,
    Decision,
    Entry,
    VersionConflict,
)
from shared.eventstore.clock import edge_time
from shared.eventstore.database import Database, StoreAway
from shared.eventstore.digests import PSEUDONYMS, Pseudonyms, digests_after
from shared.eventstore.edge import Edge
from shared.eventstore.log import EventLog
from shared.eventstore.mapper import SealingMapper, recorded
from shared.eventstore.recorded import Published, Recorded
from shared.eventstore.repeats import (
    answer_again,
    fingerprint,
    marks,
    same_words,
    scope,
    stored_answer,
    stored_refusal,
)
from shared.eventstore.snapshots import WORTH_IT, Snapshots
from shared.eventstore.values import EventTranscoder
from shared.eventstore.work import Context, DueRow, Handler, Statement, Work
from shared.sealing.sealed import SealBroken, Sealed, open_

__all__ = ["AlreadyDone", "EventSourcedApplication", "Published", "Recorded"]

T = TypeVar("T")

logger = logging.getLogger(__name__)

TRIES = 200
"""How often a lost race is run again; each try is a whole new decision."""

EVERYBODY = "*"
"""The participation of a read that staff or the platform itself makes of many, on purpose."""

NOBODY = ""
"""The participation of a read that names none: no guarded row is there."""

_READS_EVERYBODY = frozenset(("staff", "service", "system"))

_EVENTS = "SELECT originator_id, originator_version, topic, state"
_STREAM = (
    f"{_EVENTS} FROM events WHERE originator_id = %s AND originator_version >= %s"
    " ORDER BY originator_version"
)
_NEWS_WAITS = (
    "SELECT 1 FROM parked WHERE producer = %s"
    " AND message #>> '{data,participation_id}' = %s LIMIT 1"
)
_reader: ContextVar[Context] = ContextVar("sayso_reader")


def _no_rows(_event: Any, _recorded: Recorded) -> Iterable[Statement]:
    return ()


def _no_message(_event: Any) -> Message | None:
    return None


class EventSourcedApplication:
    """A service's application; a subclass sets the class variables and adds its methods.

    A command's handler is ``def <method>(self, command, work)``; a query's is
    ``def <method>(self, query, ctx)``. ``tables`` and ``fold`` come from
    ``tables.py``, ``announce`` from ``contracts.py``; ``reactions`` and
    ``on_due`` from ``reactions.py``. ``values`` are the frozen dataclasses and
    enums that stand inside events.
    """

    contract: ClassVar[ServiceContract]
    tables: ClassVar[tuple[str, ...]] = ()
    fold: ClassVar[staticmethod[[Any, Recorded], Iterable[Statement]]] = staticmethod(_no_rows)
    announce: ClassVar[staticmethod[[Any], Message | None]] = staticmethod(_no_message)
    reactions: ClassVar[dict[str, Handler]] = {}
    on_due: ClassVar[dict[str, Handler]] = {}
    values: ClassVar[tuple[type, ...]] = ()

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.mapper = SealingMapper(
            EventTranscoder(self.values), edge.service, edge.keys, edge.token_bytes
        )
        self.committer = self._database("committer")
        self._log = EventLog(self.committer)
        self._snapshots = Snapshots()

    # -- deciding ---------------------------------------------------------------------------

    def run(self, request: Request, ctx: Context) -> Model:
        """Decide a command or answer a query.

        A command that was decided before is answered with its first result,
        without what is shown only once; ``KeyUsedForAnother`` when its id was
        another's. ``ChangedMeanwhile`` when somebody else decided first and the
        command is not one that decides again by itself. ``Unavailable`` when
        nothing is known to be stored.
        """
        handler = getattr(self, request.method())
        if isinstance(request, Command):
            return self._within(ctx, lambda: self._command(request, ctx, handler))
        answer: Model = self._within(ctx, lambda: handler(request, ctx))
        return answer

    def react(self, message: Message, ctx: Context) -> None:
        """What this service does about another's message; the inbox cursor moves with it.

        ``AlreadyDone`` when the cursor of ``ctx.message`` has moved past it
        meanwhile. A message without a reaction moves the cursor only.
        """
        handler = self.reactions.get(type(message).type)
        self.decide(ctx, lambda work: handler(self, message, work) if handler else None)

    def due(self, row: DueRow, ctx: Context) -> None:
        """What this service does about a row that fell due; the row goes with it.

        Nothing happens when the row was dealt with or moved meanwhile.
        """
        handler = self.on_due[row.kind]
        try:
            self.decide(ctx, lambda work: handler(self, row, work), row)
        except AlreadyDone:
            logger.info("due_already_done")

    def decide(
        self, ctx: Context, handler: Callable[[Work], Any], due: DueRow | None = None
    ) -> Any:
        """Run ``handler(work)``, store what it decided and return what it returned.

        A lost race runs again with a new ``Work``. ``AlreadyDone`` when the
        message, the due row or a requirement was dealt with meanwhile.
        """

        def attempt() -> Any:
            work = Work(ctx, self)
            answer = handler(work)
            self._store(work, due=due)
            return answer

        return self._within(ctx, lambda: self._until_won(attempt))

    def _command(
        self, command: Command, ctx: Context, handler: Callable[[Command, Work], Model]
    ) -> Model:
        def attempt() -> Model | Refused:
            work = Work(ctx, self)
            answer: Model | Refused
            try:
                done = handler(command, work)
                answer, kept = done, stored_answer(done)
            except Refused as refused:
                if not work.stores_before(refused):
                    raise
                answer, kept = refused, stored_refusal(refused)
            self._store(work, command=self._row(command, ctx, kept))
            return work.last_look(answer)

        try:
            retry = command.on_conflict == "retry"
            answer = self._until_won(attempt) if retry else attempt()
        except StoreAway:
            raise
        except Exception as failed:
            # The store lets no command in twice, so only who fails asks whether this is a repeat:
            # then its first result counts, whatever has become of what it was about.
            earlier = self._earlier(command, ctx)
            if earlier is not None:
                return self.answer_again(command, earlier, ctx)
            if isinstance(failed, VersionConflict):
                raise ChangedMeanwhile from None
            raise
        if isinstance(answer, Refused):
            raise answer
        return answer

    def answer_again(self, command: Command, first: Model, ctx: Context) -> Model:
        """What a repeat of a decided command is told: what was told first.

        A service refuses here where the first answer leaned on a permission that
        has ended since.
        """
        return first

    def _until_won(self, attempt: Callable[[], T]) -> T:
        for tries in range(TRIES):
            try:
                return attempt()
            except VersionConflict:
                jitter = self.edge.token_bytes(1)[0] / 256
                threading.Event().wait(jitter * min(0.002 * (tries + 1), 0.05))
        raise ChangedMeanwhile

    def _store(
        self, work: Work, *, command: CommandRow | None = None, due: DueRow | None = None
    ) -> list[int]:
        meta = work.ctx.meta()
        entries = [
            self._entry(self.mapper.close(event, meta), work.ctx)
            for aggregate in work.saved
            for event in aggregate.collect_events()
        ]
        positions = self._log.store(
            Decision(
                entries=tuple(entries),
                statements=work.statements,
                command=command,
                message=work.ctx.message,
                due=due,
                requires=work.requires,
                relies_on=work.relies_on,
                expects=work.expects,
            )
        )
        if entries:
            self.edge.stored(any(entry.published for entry in entries))
        return positions

    def _entry(self, closed: Any, ctx: Context) -> Entry:
        return Entry(
            stored=self.mapper.to_stored_event(closed),
            published=type(self).announce(closed) is not None,
            read_tables=lambda position: type(self).fold(closed, ctx.recorded(position)),
        )

    def _row(self, command: Command, ctx: Context, kept: str) -> CommandRow | None:
        if ctx.command_id is None:
            return None
        return CommandRow(
            scope=scope(ctx.principal),
            command_id=ctx.command_id,
            method=command.method(),
            fingerprint=fingerprint(self.edge.fingerprint_key, command),
            words=marks(self.edge.keys, command),
            result=kept,
            decided_at=ctx.now,
        )

    def _earlier(self, command: Command, ctx: Context) -> Model | None:
        if ctx.command_id is None:
            return None
        found = self.committer.query(
            "SELECT fingerprint, words, result FROM commands WHERE scope = %s AND command_id = %s",
            (scope(ctx.principal), ctx.command_id),
        )
        if not found:
            return None
        known, words, kept = found[0]
        asked = fingerprint(self.edge.fingerprint_key, command)
        if not hmac.compare_digest(bytes(known), asked):
            raise KeyUsedForAnother
        if not same_words(self.edge.keys, command, words):
            raise KeyUsedForAnother
        return answer_again(command, kept)

    # -- reading ----------------------------------------------------------------------------

    def aggregate(self, id: UUID) -> Aggregate | None:
        """The aggregate as the log tells it, or nothing."""
        known = self._snapshots.find(id)
        rows = self.committer.query(_STREAM, (id, known.version if known else 1))
        found: Any = None
        if known is not None:
            if rows and bytes(rows[0][3]) == known.last_state:
                found, rows = known.aggregate(), rows[1:]
            else:
                self._snapshots.drop(id)
                rows = self.committer.query(_STREAM, (id, 1))
        for row in rows:
            found = self.event(row).mutate(found)
        if not isinstance(found, Aggregate):
            return None
        if len(rows) >= WORTH_IT:
            self._snapshots.keep(found, bytes(rows[-1][3]))
        return found

    def event(self, row: tuple[Any, ...]) -> Any:
        """The domain event of (stream, version, topic, state)."""
        stream_id, version, topic, state = row
        return self.mapper.read(stream_id, version, topic, bytes(state))

    def messages_after(self, position: int, limit: int) -> list[Published]:
        """The published messages after ``position``, in order, at most ``limit``."""
        rows = self._relay.query(
            f"{_EVENTS}, position, previous FROM ONLY public.events"
            " WHERE position > %s AND previous IS NOT NULL ORDER BY position LIMIT %s",
            (position, limit),
        )
        return [self._published(self.event(row[:4]), *row[4:]) for row in rows]

    def digests_after(self, position: int, limit: int) -> list[bytes]:
        """The ledger's records of the events after ``position``, in order, at most ``limit``."""
        pseudonyms = Pseudonyms(self.edge.secrets[PSEUDONYMS])
        return digests_after(self._relay, self.contract.name, pseudonyms, position, limit)

    def _published(self, event: Any, position: int, previous: int) -> Published:
        message = type(self).announce(event)
        if message is None:
            raise RuntimeError(f"{type(event).__qualname__} was published and must stay so")
        return Published(
            position=position,
            previous=previous,
            stream_id=event.originator_id,
            message=message,
            time=event.timestamp,
            correlation_id=recorded(event, position).correlation_id,
        )

    def open(self, sealed_token: str, *, participation_id: UUID, record_class: str) -> str:
        """The words of a sealed token, for an authorised read of that participation's row.

        ``KeyDestroyed`` after an erasure, ``Unavailable`` when the keyring is
        away, ``SealBroken`` when the row was tampered with: also by a whole
        token that was another participation's or of another record class.
        """
        value = Sealed.from_token(sealed_token)
        if (value.participation_id, value.record_class) != (participation_id, record_class):
            raise SealBroken("the row holds words of another participation or record class")
        if value.key_id is None:
            raise ValueError("a token names its key")
        return open_(value, self.edge.keys.by_id(value.key_id))

    def read(
        self,
        sql: str,
        params: tuple[Any, ...] = (),
        participation_id: UUID | None = None,
        *,
        everybody: bool = False,
    ) -> list[dict[str, Any]]:
        """Rows of read tables under row-level security, each by column name.

        With ``participation_id`` only that participation's rows are there at
        all; without it a survivor's own, and for all others none. ``NotAllowed``
        where a survivor names another participation. ``everybody`` shows all
        rows to staff, services and the service itself; ``NotAllowed`` to
        everyone else, and where nobody is known to be reading.
        """
        ctx = _reader.get(None)
        own = ctx.principal.participation_id if ctx and ctx.principal.kind == "survivor" else None
        if own and participation_id not in (None, own):  # R50
            raise NotAllowed
        if everybody and (ctx is None or ctx.principal.kind not in _READS_EVERYBODY):
            raise NotAllowed
        seen = EVERYBODY if everybody else str(participation_id or own or NOBODY)
        actor = str(ctx.principal.id) if ctx else ""
        # One simple query is one transaction: the settings end with it.
        return self._query.rows(
            "SELECT set_config('sayso.participation_id', %s, true),"
            " set_config('sayso.actor', %s, true); " + sql,
            (seen, actor, *params),
        )

    def resource(self, request: Request, ctx: Context) -> dict[str, Any]:
        """The Cedar attributes of what is asked about; a service says more where it knows more."""
        return {"participation_id": str(getattr(request, "participation_id", "")), "assigned": []}

    def heard(self, producer: str) -> int:
        """The position of the last published message of ``producer`` that was heard here."""
        found = self.committer.query("SELECT position FROM inbox WHERE producer = %s", (producer,))
        return int(found[0][0]) if found else 0

    def news_waits(self, producer: str, participation_id: UUID) -> bool:
        """Whether a message about this participation could not be heard yet, and waits to be.

        Of whatever stream of the producer: a case's is not the participation's.
        """
        return bool(self.committer.query(_NEWS_WAITS, (producer, str(participation_id))))

    # -- what falls due ---------------------------------------------------------------------

    def due_rows(self, now: datetime, limit: int = 100) -> list[DueRow]:
        """What is past its time, the oldest first."""
        rows = self.committer.query(
            "SELECT kind, key, at, data, attempts FROM due WHERE at <= %s ORDER BY at LIMIT %s",
            (now, limit),
        )
        return [DueRow(*row) for row in rows]

    def postpone(self, row: DueRow, until: datetime) -> None:
        """Count a failed run of a due row and try it again at ``until``."""
        self.committer.execute(
            "UPDATE due SET at = %s, attempts = attempts + 1"
            " WHERE kind = %s AND key = %s AND at = %s",
            (until, row.kind, row.key, row.at),
        )

    # -- connections ------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Whether the database answers now."""
        return self.committer.is_ready()

    def close(self) -> None:
        """Close the connections."""
        for name in ("committer", "_query", "_relay"):
            if name in vars(self):
                vars(self)[name].close()

    @cached_property
    def _query(self) -> Database:
        return self._database("query")

    @cached_property
    def _relay(self) -> Database:
        return self._database("relay", whole=True)

    def _database(self, role: str, *, whole: bool = False) -> Database:
        return Database(
            self.edge.dsn(role),
            size=int(self.edge.settings.get("pool_size", 8)),
            patience=float(self.edge.settings.get("database_patience", 5.0)),
            whole=whole,
        )

    def _within(self, ctx: Context, do: Callable[[], T]) -> T:
        token = _reader.set(ctx)
        try:
            with edge_time(ctx.now, self.edge.token_bytes):
                return do()
        finally:
            _reader.reset(token)
