"""The one scheduler: what falls due is a row, and one process per service looks for it."""
