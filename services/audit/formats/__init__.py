"""The formats of c2sp.org in which the log is published; pure functions over text and bytes."""
