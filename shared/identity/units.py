"""Every kind of unit that staff and agencies may come from, and those that reach nothing.

A closed list: a kind that is not here is refused at the door, so that no spelling of
"parole" slips past the ceiling in ``platform.cedar``. A deployment that needs another
kind adds it here, on one side or the other.
"""

from __future__ import annotations

CEILINGS = frozenset(
    (
        "corrections",
        "custody",
        "immigration_enforcement",
        "jail",
        "parole",
        "police",
        "prison",
        "probation",
        "supervision",
    )
)
"""Whoever holds, supervises, arrests or deports people (R03, R10, R59)."""

ROLES_UNDER_CEILING = frozenset(
    (
        "corrections_officer",
        "custody_officer",
        "immigration_officer",
        "parole_officer",
        "police_officer",
        "probation_officer",
        "supervision_officer",
    )
)
"""Roles under the same ceiling, whatever unit they name."""

SYSTEMS = frozenset(("court", "prosecution"))
"""Part of the justice system: nobody there assigns a community advocate (R21, R23)."""

KINDS = CEILINGS | frozenset(
    (
        "community",
        "court",
        "health",
        "housing",
        "legal_aid",
        "prosecution",
        "social_services",
        "victim_services",
    )
)
"""Every kind there is."""
