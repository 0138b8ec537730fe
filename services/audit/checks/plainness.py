"""Whether what is read of a database is what is stored there, before anything is believed of it."""

from __future__ import annotations

from typing import Any

from services.audit.adapters.ledger import TABLES
from services.audit.checks.findings import Findings, Kind
from shared.contracts.audit import SERVICE
from shared.eventstore.plain import EVENTS, departures


def is_shown(connection: Any, service: str, findings: Findings) -> bool:
    """Tell every departure of its tables; whether its rows are shown as they are all the same."""
    shown = True
    tables = (EVENTS, *(TABLES if service == SERVICE.name else ()))
    for departure in departures(connection, service, tables):
        findings.add(Kind.TABLE, departure.what, service=service, table=departure.table or None)
        shown = shown and not departure.hides
    return shown
