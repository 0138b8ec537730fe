"""How a key is wrapped."""
