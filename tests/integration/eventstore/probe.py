"""A small service for the tests of the store: notebooks that hold somebody's words."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar
from uuid import UUID, uuid4

from eventsourcing.domain import event

from shared.contracts.base import (
    Command,
    Done,
    Message,
    Model,
    Query,
    ServiceContract,
    ShownOnce,
    words,
)
from shared.contracts.refusal import NotAllowed, Refused
from shared.eventstore.aggregate import Aggregate
from shared.eventstore.application import EventSourcedApplication
from shared.eventstore.edge import Edge
from shared.eventstore.provision import Migration, migrations_of
from shared.eventstore.recorded import Recorded
from shared.eventstore.work import Context, DueRow, Statement, Work
from shared.identity.principal import Principal
from shared.sealing.keys import DataKey, KeyDestroyed
from shared.sealing.sealed import Sealed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Opened(Model):
    notebook_id: UUID
    state: str
    code: Annotated[str | None, ShownOnce()] = None


class OpenNotebook(Command):
    returns: ClassVar[type[Model]] = Opened
    participation_id: UUID
    title: words("notes", 200) = "Untitled"


class WriteLine(Command):
    """Tells of a lost race."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID = UUID(int=7)
    notebook_id: UUID
    text: words("notes")


class CloseNotebook(Command):
    """Never loses a race."""

    returns: ClassVar[type[Model]] = Done
    on_conflict: ClassVar[Any] = "retry"
    notebook_id: UUID


class BreakReadTable(Command):
    """Decides something whose read-table statement the database refuses."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class AskOnRecord(Command):
    """Is refused, and the refusal is on record."""

    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class GetLines(Query):
    returns: ClassVar[type[Model]] = Done
    participation_id: UUID


class CountNotebooks(Query):
    """Names nobody."""

    returns: ClassVar[type[Model]] = Done
    everybody: bool = False


class NotebookOpened(Message):
    type = "probe.notebook.opened.v1"
    notebook_id: UUID


class OnRecord(Refused):
    code = "on_record"


CONTRACT = ServiceContract(name="probe", publishes=(NotebookOpened,), record_classes=("notes",))


@dataclass(frozen=True)
class Line:
    number: int
    text: Sealed


class Notebook(Aggregate):
    @event("Opened")
    def __init__(self, participation_id: UUID, title: Sealed, broken: bool = False) -> None:
        self.participation_id = participation_id
        self.title = title
        self.broken = broken
        self.lines: tuple[Line, ...] = ()
        self.closed = False

    def write(self, text: Sealed) -> None:
        if self.closed:
            raise NotAllowed("The notebook is closed.")
        self._written(line=Line(number=len(self.lines) + 1, text=text))

    def close(self) -> None:
        if not self.closed:
            self._closed()

    @event("Written")
    def _written(self, line: Line) -> None:
        self.lines = (*self.lines, line)

    @event("Closed")
    def _closed(self) -> None:
        self.closed = True


def fold(event: Any, recorded: Recorded) -> Iterable[Statement]:
    match event:
        case Notebook.Opened():
            yield (
                "INSERT INTO notebooks (id, participation_id, title, lines, position, actor)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    event.originator_id,
                    event.participation_id,
                    event.title.token(),
                    -1 if event.broken else 0,
                    recorded.position,
                    recorded.actor_id,
                ),
            )
        case Notebook.Written():
            yield (
                "UPDATE notebooks SET lines = lines + 1, last = %s WHERE id = %s",
                (event.line.text.token(), event.originator_id),
            )


def announce(event: Any) -> Message | None:
    if isinstance(event, Notebook.Opened):
        return NotebookOpened(notebook_id=event.originator_id)
    return None


class Probe(EventSourcedApplication):
    contract = CONTRACT
    tables = ("notebooks",)
    fold = staticmethod(fold)
    announce = staticmethod(announce)
    values = (Line,)

    meanwhile: Callable[[], None] | None = None
    """Called once in the middle of a decision: somebody else decides first."""

    def open_notebook(self, command: OpenNotebook, work: Work) -> Opened:
        whose = command.participation_id
        notebook = Notebook(
            participation_id=whose, title=Sealed.pending(whose, "notes", command.title)
        )
        work.save(notebook)
        return Opened(notebook_id=notebook.id, state="open", code="shown once")

    def write_line(self, command: WriteLine, work: Work) -> Done:
        notebook = work.get(Notebook, command.notebook_id)
        self._meanwhile()
        notebook.write(Sealed.pending(notebook.participation_id, "notes", command.text))
        work.save(notebook)
        return Done(state=f"line {len(notebook.lines)}")

    def close_notebook(self, command: CloseNotebook, work: Work) -> Done:
        notebook = work.get(Notebook, command.notebook_id)
        self._meanwhile()
        notebook.close()
        work.save(notebook)
        return Done(state="closed")

    def break_read_table(self, command: BreakReadTable, work: Work) -> Done:
        whose = command.participation_id
        title = Sealed.pending(whose, "notes", "broken")
        work.save(Notebook(participation_id=whose, title=title, broken=True))
        return Done(state="never")

    def ask_on_record(self, command: AskOnRecord, work: Work) -> Done:
        whose = command.participation_id
        work.save(Notebook(participation_id=whose, title=Sealed.pending(whose, "notes", "asked")))
        raise work.after_storing(OnRecord("Asked, and refused."))

    def get_lines(self, query: GetLines, ctx: Context) -> Done:
        rows = self.read("SELECT lines FROM notebooks", (), query.participation_id)
        return Done(state=str(len(rows)))

    def count_notebooks(self, query: CountNotebooks, ctx: Context) -> Done:
        rows = self.read("SELECT lines FROM notebooks", everybody=query.everybody)
        return Done(state=str(len(rows)))

    def _meanwhile(self) -> None:
        once, self.meanwhile = self.meanwhile, None
        if once:
            once()


def on_opened(app: Probe, message: NotebookOpened, work: Work) -> None:
    whose = message.notebook_id
    work.save(Notebook(participation_id=whose, title=Sealed.pending(whose, "notes", "copy")))


def on_due(app: Probe, row: DueRow, work: Work) -> None:
    work.get(Notebook, UUID(row.key)).close()
    work.save(work.get(Notebook, UUID(row.key)))


Probe.reactions = {NotebookOpened.type: on_opened}
Probe.on_due = {"close": on_due}


class Keys:
    """Data keys in memory; ``destroyed`` ones are gone."""

    def __init__(self) -> None:
        self._keys: dict[tuple[UUID, str], DataKey] = {}
        self._by_id: dict[UUID, DataKey] = {}
        self.destroyed: set[UUID] = set()

    def current(self, participation_id: UUID, record_class: str) -> DataKey:
        place = (participation_id, record_class)
        key = self._keys.get(place)
        if key is None:
            new = DataKey(uuid4(), *place, secrets.token_bytes(32))
            key = self._keys.setdefault(place, new)
            self._by_id.setdefault(key.key_id, key)
        return self.by_id(key.key_id)

    def by_id(self, key_id: UUID) -> DataKey:
        if key_id in self.destroyed:
            raise KeyDestroyed
        return self._by_id[key_id]

    def forget(self, participation_id: UUID, record_classes: Iterable[str]) -> None:
        return None


class NoCaller:
    def call(self, *_: Any, **__: Any) -> Model:
        raise AssertionError("the probe asks nobody")


MIGRATION = Migration(
    "probe/0001_notebooks.sql",
    """
    CREATE TABLE notebooks (
        id uuid PRIMARY KEY,
        participation_id uuid NOT NULL,
        title text NOT NULL,
        last text,
        lines integer NOT NULL CHECK (lines >= 0),
        position bigint NOT NULL,
        actor text NOT NULL
    );
    SELECT guard_by_participation('notebooks');
    """,
)


def probe_migrations() -> list[Migration]:
    return [*migrations_of("probe"), MIGRATION]


def edge(dsn: Callable[[str], str], keys: Keys | None = None, **settings: Any) -> Edge:
    return Edge(
        service="probe",
        dsn=dsn,
        keys=keys or Keys(),
        caller=NoCaller(),
        fingerprint_key=b"f" * 32,
        clock=lambda: NOON,
        settings=settings,
    )


def context(principal: Principal | None = None, **changes: Any) -> Context:
    command_id = uuid4()
    made = Context(
        principal=principal or Principal.staff(uuid4(), "advocate", uuid4()),
        command_id=command_id,
        correlation_id=uuid4(),
        causation=f"command/{command_id}",
        now=NOON,
    )
    return replace(made, **changes)


LATER = NOON + timedelta(days=1)
