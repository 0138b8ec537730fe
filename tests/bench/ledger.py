"""The ledger: taking in what a log holds and signing it, and an audit of all of it."""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from services.audit.application import KEY, AuditApplication
from services.audit.cli import verify
from services.audit.formats.note import VERIFIER_FILE
from shared.command_line import Reading
from shared.eventstore.digests import PSEUDONYMS
from shared.messaging.pages import MOST_DIGESTS, Digests, DigestsAfter
from tests.bench.appending import probe_database
from tests.bench.figures import FLOOR, OURS, Row, Sample, interleaved
from tests.bench.replaying import multiply, notebook
from tests.bench.sizes import Sizes
from tests.integration.eventstore.probe import NOON, Probe, edge
from tests.support.postgres import fresh_databases

SERVICE = "probe"


@dataclass
class Service:
    """Answers the ledger as the service would, up to a position: no more was stored yet."""

    app: Probe
    stored: int = 0

    def call(self, _service: str, _method: str, request: DigestsAfter, *_: Any) -> Digests:
        """The records; without a broker between."""
        limit = min(request.limit, self.stored - request.position)
        found = self.app.digests_after(request.position, limit) if limit > 0 else []
        return Digests(records=tuple(record.decode() for record in found))


def measure(admin_dsn: str, sizes: Sizes, told: Callable[[str], None]) -> list[Row]:
    """``ledger``: records fetched, appended, read back, derived, signed; ``audit``: all of them."""
    with ExitStack() as stack:
        stores = stack.enter_context(probe_database(admin_dsn))
        made = edge(stores.role(SERVICE))
        app = Probe(replace(made, secrets={PSEUDONYMS: bytes(32)}))
        stack.enter_context(closing(app))
        told(f"ledger: writing {sizes.leaves:,} events")
        lines = notebook(app)
        multiply(stores, SERVICE, sizes.leaves // lines)
        books = stack.enter_context(fresh_databases(admin_dsn, "audit"))
        service = Service(app)
        audit = AuditApplication(
            replace(
                made,
                service="audit",
                dsn=books.role("audit"),
                caller=service,
                secrets={KEY: bytes(range(32))},
            )
        )
        stack.enter_context(closing(audit))
        tick = NOON

        def take_in(count: int) -> Sample:
            nonlocal tick
            tick += timedelta(hours=1)
            began = time.perf_counter()
            done: list[float] = []
            until = service.stored + count
            while service.stored < until:
                service.stored = min(service.stored + MOST_DIGESTS - 2, until)
                audit.pull(SERVICE)
                if service.stored == until and audit.tick(tick) is None:
                    raise RuntimeError("the ledger did not sign")
                done.append(time.perf_counter() - began)
            took = [b - a for a, b in zip([0.0, *done], done, strict=False)]
            # An entry is a page, and the last one ends with the signature.
            return Sample(done, took, count / len(done))

        each = sizes.leaves // (sizes.repeats + 2)
        take_in(each)
        ledger = interleaved(
            {OURS: lambda: take_in(each), FLOOR: lambda: _hashed(app, each)},
            sizes.repeats,
            lambda what: told(f"ledger: {what}"),
        )
        take_in(sizes.leaves // lines * lines - service.stored)
        secrets = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (secrets / VERIFIER_FILE).write_text(f"{audit.verifier.vkey}\n")
        dsns = {"audit": books.dsn("audit", "audit"), SERVICE: stores.dsn(SERVICE, "audit")}
        reading = Reading((SERVICE,), dsns.__getitem__, secrets)
        audited = interleaved(
            {OURS: lambda: _audited(reading, service.stored), FLOOR: lambda: _hashed(app, each)},
            sizes.repeats,
            lambda what: told(f"audit: {what}"),
        )
    return [Row("ledger", "leaves/s", ledger), Row("audit", "leaves/s", audited)]


def _audited(reading: Reading, leaves: int) -> Sample:
    """``sayso audit verify``: the tree, its signatures, and every row beside its record."""
    parser = argparse.ArgumentParser()
    verify.arguments(parser)
    said = io.StringIO()
    began = time.perf_counter()
    with contextlib.redirect_stdout(said):
        status = verify.run(parser.parse_args([]), reading)
    took = time.perf_counter() - began
    if status or f"{SERVICE}: {leaves:,} recorded rows compared" not in said.getvalue():
        raise RuntimeError(f"the audit did not hold: {said.getvalue()}")
    return Sample([took], [took], leaves)


def _hashed(app: Probe, count: int) -> Sample:
    """SHA-256 of a state, of a leaf and of a node for each, and nothing else."""
    [(state,)] = app.committer.query("SELECT state FROM events WHERE position = 1")
    state = bytes(state)
    began = time.perf_counter()
    for _ in range(count):
        entry = sha256(sha256(state).digest()).digest()
        sha256(b"\x01" + sha256(b"\x00" + entry).digest() + entry).digest()
    took = time.perf_counter() - began
    return Sample([took], [took], count)
