"""Who asks, how another process can be sure of it, and what they may do."""
