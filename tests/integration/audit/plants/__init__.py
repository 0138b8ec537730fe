"""Histories that break one invariant each: what a service would have to have done wrong."""

from tests.integration.audit.plants import contact, leaving, releases, yeses
from tests.integration.audit.plants.planting import (
    PLANTS,
    Plant,
    a_notice,
    cases,
    maria,
    not_taken,
    recorded_by_staff,
    waiting_choice,
)

__all__ = [
    "PLANTS",
    "Plant",
    "a_notice",
    "cases",
    "contact",
    "leaving",
    "maria",
    "not_taken",
    "recorded_by_staff",
    "releases",
    "waiting_choice",
    "yeses",
]
