"""How often Python looks for what only holds itself."""

from __future__ import annotations

import gc

AFTER = 20_000
"""Objects that came and stayed, after which the youngest are looked through."""


def seldom() -> None:
    """For the whole process, once it is known to be one of ours: look a thirtieth as often.

    Nearly everything here goes when nobody holds it any more. What a process
    has loaded never goes, and each full look through it stops everybody for
    some 60 ms; reading histories back brought one for every 20,000 events.
    What only holds itself waits longer: some megabytes at the most.
    """
    gc.set_threshold(AFTER, 10, 10)
