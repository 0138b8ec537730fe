"""The tree and its leaves: pure functions over bytes."""
