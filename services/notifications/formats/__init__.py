"""How an address and a message are written: pure."""
