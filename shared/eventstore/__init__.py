"""The event log of a service: append-only, committed in groups, sealed, replayable."""
