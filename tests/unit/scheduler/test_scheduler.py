from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.eventstore.work import Context, DueRow
from shared.scheduler.scheduler import LONGEST, Scheduler

NOON = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)


class Application:
    """Due rows in memory; ``broken`` kinds raise, so many times each."""

    def __init__(self, *rows: DueRow) -> None:
        self.rows = list(rows)
        self.ran: list[tuple[str, Context]] = []
        self.broken: dict[str, int] = {}
        self.away = False

    def due_rows(self, now: datetime, limit: int) -> list[DueRow]:
        if self.away:
            raise ConnectionError
        return sorted((r for r in self.rows if r.at <= now), key=lambda r: r.at)[:limit]

    def due(self, row: DueRow, ctx: Context) -> None:
        if self.broken.get(row.kind, 0):
            self.broken[row.kind] -= 1
            raise RuntimeError("the handler raised")
        self.ran.append((row.key, ctx))
        self.rows.remove(row)

    def postpone(self, row: DueRow, until: datetime) -> None:
        self.rows.remove(row)
        self.rows.append(DueRow(row.kind, row.key, until, row.data, row.attempts + 1))


def row(key: str, seconds: float, kind: str = "expiry") -> DueRow:
    return DueRow(kind, key, NOON + timedelta(seconds=seconds))


def keys(app: Application) -> list[str]:
    return [key for key, _ in app.ran]


def test_what_is_due_runs_the_oldest_first_and_what_is_not_waits() -> None:
    app = Application(row("b", -1), row("c", 1), row("a", -2))
    assert Scheduler("consent", app, lambda: NOON).run_once() == 2
    assert keys(app) == ["a", "b"]


def test_each_run_says_that_time_caused_it_and_that_the_system_acted() -> None:
    app = Application(row("a", 0))
    Scheduler("consent", app, lambda: NOON).run_once()
    [(_, ctx)] = app.ran
    assert (ctx.causation, ctx.now, ctx.command_id) == ("due/expiry/a", NOON, None)
    assert (ctx.principal.kind, ctx.principal.id) == ("system", "consent")


def test_a_row_whose_handler_raises_holds_up_no_other_and_is_tried_again_later() -> None:
    now = [NOON]
    app = Application(row("bad", -2, "broken"), row("good", -1))
    app.broken["broken"] = 2
    scheduler = Scheduler("consent", app, lambda: now[0])
    assert scheduler.run_once() == 1
    assert keys(app) == ["good"]
    assert scheduler.run_once() == 0, "it waits"
    now[0] += timedelta(seconds=1)
    assert scheduler.run_once() == 0, "it raises again, and waits longer"
    now[0] += timedelta(seconds=1)
    assert scheduler.run_once() == 0
    now[0] += timedelta(seconds=1)
    assert scheduler.run_once() == 1
    assert keys(app) == ["good", "bad"]


def test_however_often_a_row_fails_it_is_tried_again_within_minutes() -> None:
    now = [NOON]
    app = Application(row("bad", 0, "broken"))
    app.broken["broken"] = 100
    scheduler = Scheduler("consent", app, lambda: now[0])
    for _ in range(100):
        scheduler.run_once()
        assert app.rows[0].at - now[0] <= LONGEST
        now[0] = app.rows[0].at
    assert scheduler.run_once() == 1


def test_where_another_process_is_active_nothing_runs_here() -> None:
    app = Application(row("a", 0))
    assert Scheduler("consent", app, lambda: NOON, alone=lambda: False).run_once() == 0
    assert keys(app) == []


def test_a_store_that_is_away_is_told_to_whoever_runs_this() -> None:
    app = Application(row("a", 0))
    app.away = True
    with pytest.raises(ConnectionError):
        Scheduler("consent", app, lambda: NOON, store_away=(ConnectionError,)).run_once()
