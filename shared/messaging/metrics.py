"""What an operator is alarmed by (infra/runbooks says what to do)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

PARKED = Gauge("sayso_messages_parked", "Messages set aside", ["consumer", "producer"])
CONSUMED = Counter(
    "sayso_messages_consumed_total", "Messages by what became of them", ["consumer", "outcome"]
)
MALFORMED = Counter("sayso_messages_malformed_total", "Bodies that are no message", ["consumer"])
PUBLISHED = Counter(
    "sayso_messages_published_total", "Messages confirmed by the broker", ["service"]
)
RELAY_CURSOR = Gauge("sayso_relay_cursor", "Last position the broker confirmed", ["service"])
REPLIES_DROPPED = Counter("sayso_rpc_replies_dropped_total", "Answers nobody took", ["service"])
RECONNECTS = Counter(
    "sayso_broker_reconnects_total", "Lost broker connections", ["service", "part"]
)
DUE_FAILED = Counter("sayso_due_failures_total", "Due rows whose handler raised", ["service"])
LEDGER_RECORDS = Counter(
    "sayso_ledger_records_total", "Digest records that the ledger took in", ["service"]
)
LEDGER_SIGNED = Gauge("sayso_ledger_signed_size", "Leaves under the newest checkpoint")
LEDGER_BROKEN = Gauge("sayso_ledger_broken", "1 while what is stored is not what was signed")
