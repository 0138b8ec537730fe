"""How much: ``ci`` inside ``make test``, ``full`` for ``make soak`` (the same code, more of it)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.wire import Trouble


@dataclass(frozen=True)
class Size:
    """Of each row how many pieces, one seed each, and how much is in a piece."""

    simulation: int
    """Seeds of the simulation in memory."""
    kills: int
    """Pieces of :data:`KILLS` SIGKILLs of services."""
    broker: int
    """Pieces of :data:`BROKER` kills of the broker."""
    postgres: int
    """Pieces of :data:`POSTGRES` kills of PostgreSQL."""
    steps: int
    """Pieces of one crash at every named step of :attr:`services_of_a_step` services."""
    services_of_a_step: int
    """Of every service that takes the step, at most so many."""
    wiped: int
    """Of the kills of a piece of the broker."""
    poison: int
    """Pieces of :data:`POISON` messages, at least, on which a follower fails."""
    withdrawals: int
    """Pieces of :data:`HISTORIES` histories of give, withdraw, ask and take."""
    clock: int
    """Pieces of one order of jumps of every clock."""
    wires: int
    """Pieces of each of :data:`TROUBLES` once."""
    malformed: int
    mutations: int
    proofs: int
    """Pieces of tests of their own (``tests.chaos.beside``), which ``make test`` runs there."""


KILLS = 20
BROKER = 5
POSTGRES = 5
POISON = 50
HISTORIES = 500
LATENCY = 30.0
"""Seconds by which a slow line is late."""
TROUBLES = (
    Trouble("postgresql", "cut", 5),
    Trouble("postgresql", "silent", 20),
    Trouble("postgresql", "slow", 45),
    Trouble("broker", "cut", 5),
    Trouble("broker", "silent", 20),
    Trouble("broker", "slow", 45),
)

CI = Size(
    simulation=500,
    kills=2,
    broker=1,
    wiped=2,
    postgres=1,
    steps=1,
    services_of_a_step=2,
    poison=1,
    withdrawals=1,
    clock=1,
    wires=1,
    malformed=0,
    mutations=0,
    proofs=0,
)
CI_HISTORIES = 100
CI_TROUBLES = (
    Trouble("postgresql", "cut", 1),
    Trouble("postgresql", "silent", 6),
    Trouble("broker", "cut", 1),
    Trouble("broker", "silent", 6),
)
FULL = Size(
    simulation=10_000,
    kills=50,
    broker=20,
    wiped=1,
    postgres=20,
    steps=10,
    services_of_a_step=99,
    poison=20,
    withdrawals=20,
    clock=10,
    wires=10,
    malformed=20,
    mutations=20,
    proofs=10,
)
