"""The words that policies may use; a policy that uses another does not start.

Generated from the contracts, so that an action is exactly a request's name.
"""

from __future__ import annotations

from typing import Any

from shared.contracts.registry import services

GATEWAY_ACTIONS = ("read_crisis_help", "read_rights")
"""What the gateway answers by itself, from its own files."""

FOLLOW = "messages_after"
"""Asking a producer for what was published after a position."""

DIGESTS = "digests_after"
"""Asking a log for the digest records of what it has stored."""

PRINCIPAL_TYPES = {
    "survivor": "Survivor",
    "staff": "Staff",
    "agency": "Agency",
    "service": "Service",
    "anyone": "Anyone",
    "system": "System",
}

RECORD_DEFAULTS: dict[str, str | tuple[str, ...]] = {
    "participation_id": "",
    "assigned": (),
    "at": "service",
    "agency_id": "",
    "recorded_by": "",
    "service": "",
}
"""Every attribute of a resource, and what it is where a service says nothing.

``assigned``: ids of the staff assigned to the participation. ``at``: who
decides, ``gateway`` (where assignment is not known) or ``service``.
``agency_id``: the agency the request concerns. ``recorded_by``: who recorded
what is to be confirmed. ``service``: the service decided in.
"""

_TEXTS = ("id", "role", "base", "agency_id", "unit_kind", "participation_id")


def actions() -> tuple[str, ...]:
    """Every action there is."""
    asked = {r.method() for s in services().values() for r in s.requests}
    return tuple(sorted(asked | {*GATEWAY_ACTIONS, FOLLOW, DIGESTS}))


def schema() -> dict[str, Any]:
    """The Cedar schema, as JSON data."""
    text: dict[str, Any] = {"type": "String"}
    person = {
        "shape": {
            "type": "Record",
            "attributes": {**dict.fromkeys(_TEXTS, text), "trained": {"type": "Boolean"}},
        }
    }
    record = {
        name: {"type": "Set", "element": text} if isinstance(default, tuple) else text
        for name, default in RECORD_DEFAULTS.items()
    }
    applies = {
        "principalTypes": sorted(PRINCIPAL_TYPES.values()),
        "resourceTypes": ["Record"],
        "context": {"type": "Record", "attributes": {}},
    }
    return {
        "": {
            "entityTypes": {
                **dict.fromkeys(PRINCIPAL_TYPES.values(), person),
                "Record": {"shape": {"type": "Record", "attributes": record}},
            },
            "actions": {action: {"appliesTo": applies} for action in actions()},
        }
    }
