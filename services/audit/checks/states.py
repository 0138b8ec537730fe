"""The state that an event leaves its aggregate in: language, "State machines".

An event that is not listed changes no state (a disclosure does not end a
release). An aggregate that is not listed is in the state of its last event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.audit.checks.entries import Entry

CASE_STATES = ("inquiry", "notice_given", "open", "paused", "closed", "reopened")
INVOLVEMENTS = ("active", "paused", "closed")

FIELD = "="
"""``=name``: the state is what that field of the event says."""

STATES: Mapping[str, Mapping[str, str]] = {
    "Accompaniment": {"AccompanimentBegun": "kept"},
    "Case": {
        "InquiryOpened": "inquiry",
        "NoticeHeard": "notice_given",
        "CaseOpened": "open",
        "CasePaused": "paused",
        "CaseClosed": "closed",
        "CaseReopened": "=state",
    },
    "ContactPreference": {
        "Begun": "kept",
        "ContactErasureRequested": "erased",
        "ContactErased": "erased",
    },
    "ErasedItems": {"ErasedItemsBegun": "kept"},
    "Erasure": {"KeysDestroyed": "keys_destroyed", "ErasureCompleted": "complete"},
    "Grant": {
        "GrantProposed": "proposed",
        "GrantExplained": "explained",
        "YesRecorded": "awaiting_confirmation",
        "GrantGiven": "given",
        "GrantDeclined": "declined",
        "GrantRevoked": "revoked",
        "GrantSuperseded": "superseded",
        "GrantExpired": "expired",
    },
    "Handover": {"ItemHandedOver": "handed_over"},
    "Notice": {
        "NoticeRequested": "requested",
        "NoticeQueued": "queued",
        "NoticeSuppressed": "suppressed",
        "NoticePutOff": "queued",
        "NoticeSending": "sending",
        "NoticeSent": "sent",
        "NoticeFailed": "failed",
        "NoticeOutcomeUnknown": "unknown",
    },
    "Participation": {"ParticipationBegun": "active", "InvolvementChanged": "=involvement"},
    "Refusal": {"DisclosureRefused": "refused"},
    "TopicChoice": {"Begun": "kept"},
}

ENDS_BY_ITSELF: Mapping[str, frozenset[str]] = {
    "Grant": frozenset(("proposed", "explained", "awaiting_confirmation", "given")),
}
"""Aggregates with an ``expires_at``, and the states that it ends; the event may come later."""

PERIOD_OVER = "period_over"

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def snake(name: str) -> str:
    """``GrantGiven`` → ``grant_given``."""
    return _CAMEL.sub("_", name).lower()


def after(before: str, entry: Entry) -> str:
    """The state that follows an event; ``unknown`` where its row says nothing."""
    if entry.unreadable is not None:
        return "unreadable"
    known = STATES.get(entry.aggregate)
    if known is None:
        return snake(entry.name)
    state = known.get(entry.name, before)
    return (entry.text(state[1:]) or "unknown") if state.startswith(FIELD) else state
