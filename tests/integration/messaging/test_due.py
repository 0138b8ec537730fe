"""The scheduler on a real database: a due row goes in the transaction of what is done about it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from shared.eventstore.edge import utc_now
from shared.eventstore.work import Context, DueRow, Work
from shared.identity.principal import Principal
from shared.scheduler.alone import SCHEDULER, Alone
from shared.scheduler.scheduler import Scheduler
from tests.integration.messaging.tales import Pair, Tale, Teller
from tests.support.eventually import eventually


def schedule(teller: Teller, key: str) -> None:
    ctx = Context(Principal.system("teller"), None, uuid4(), "due/test/1", utc_now())
    teller.decide(ctx, lambda work: work.schedule("tell", key, utc_now() - timedelta(seconds=1)))


def test_a_due_row_runs_once_and_is_gone_with_what_it_did(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [1]

    def tell(app: Teller, row: DueRow, work: Work) -> None:
        tale = Tale()
        tale.tell()
        work.save(tale)
        if failures.pop() if failures else 0:
            raise RuntimeError("after it had decided")

    monkeypatch.setattr(Teller, "on_due", {"tell": tell})
    schedule(pair.teller, "once")
    later = [utc_now()]
    scheduler = Scheduler("teller", pair.teller, lambda: later[0])
    assert scheduler.run_once() == 0, "the handler raised: nothing is stored, and the row waits"
    assert pair.teller.announcements(0, 10) == []
    later[0] += timedelta(seconds=5)
    assert scheduler.run_once() == 1
    assert scheduler.run_once() == 0
    assert len(pair.teller.announcements(0, 10)) == 1


def test_where_another_process_holds_the_place_nothing_runs(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(Teller, "on_due", {"tell": lambda app, row, work: ran.append(row.key)})
    schedule(pair.teller, "once")
    dsn = pair.teller.edge.dsn("committer")
    other, ours = Alone(dsn, SCHEDULER), Alone(dsn, SCHEDULER)
    assert other.hold()
    scheduler = Scheduler("teller", pair.teller, utc_now, alone=ours.hold)
    assert scheduler.run_once() == 0
    other.release()
    eventually(scheduler.run_once)
    assert ran == ["once"]
    ours.release()
