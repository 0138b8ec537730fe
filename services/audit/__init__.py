"""The ledger of every stored event, and the tools of whoever checks it."""
