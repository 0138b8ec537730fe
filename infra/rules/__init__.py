"""``make rules``: which rule is enforced, tested and audited where, read from the code itself."""
